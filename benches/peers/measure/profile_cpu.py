"""Where the CPU time of each version goes, by Linux's `perf`, while it answers searches or takes webhooks in.

By name only (`--only profile`): it needs Debian's linux-perf and the right to count system calls, and a program that is
watched is slower than one that is not.
"""

import contextlib
import subprocess
import threading

from ingest import count, start_bridge
from jira import Jira
from load import search_calls
from run import Run
from verified import CONNECTIONS, start_bridge as start_searched, start_tool

# What a thread's name begins with, and what it does. Names are cut to 15 characters.
THREADS = {"actix-": "web", "sqlx-sqlite": "database", "tokio-": "tasks"}
# Counted by `perf stat`, and how they are called in the table.
EVENTS = {
    "context-switches": "switches", "syscalls:sys_enter_futex": "futex", "syscalls:sys_enter_pwrite64": "pwrite64",
    "syscalls:sys_enter_fsync": "fsync", "syscalls:sys_enter_fdatasync": "fdatasync",
    "syscalls:sys_enter_getrandom": "getrandom", "syscalls:sys_enter_recvfrom": "recvfrom",
}


def measure(run: Run):
    with run.place() as place, contextlib.ExitStack() as stack:
        search = search_calls(place)
        jira = Jira()
        stack.callback(jira.stop)
        with start_tool(0, 10_000) as tool:
            searched = {version: start_searched(run, stack, version, place, tool, jira, search) for version in run.versions}
        order = {"replay": str(search.file)}
        for turn, version in run.interleave(list(searched)):
            server = searched[version]
            watch(run, "profile, search", CONNECTIONS, version, turn, server,
                  lambda seconds, server=server: run.load.run(server, CONNECTIONS, seconds, order))
    for connections in (1, 32):
        for turn, version in run.interleave(list(run.versions)):
            with run.place() as place, start_bridge(run, version, place) as server:
                watch(run, "profile, ingest", connections, version, turn, server,
                      lambda seconds, server=server: run.load.post_webhooks(server, connections, seconds))


def watch(run, figure, connections, version, turn, server, load):
    """Two loads: the first is sampled, in the second events are counted."""
    load(run.seconds / 4)
    shares = sample(run, server, load)
    counted, outcome = count_events(run, server, load)
    per_request = {f"{name}": number / outcome["answered"] for name, number in counted.items()}
    run.record(figure, count(connections), version, turn, cpu_us=outcome["cpu_us"], **shares, **per_request)


def during(run, command, load):
    """What a load gives while `command`, which ends by itself, watches its middle."""
    result = {}
    thread = threading.Thread(target=lambda: result.update(load(run.seconds * 1.5)))
    thread.start()
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    thread.join()
    if done.returncode:
        raise RuntimeError(f"perf: {done.stderr}")
    return done, result


def sample(run, server, load):
    """Shares of the samples: of the kernel, libc (mostly memory) and the program itself; and of each kind of thread."""
    data = run.folder / "perf.data"
    pid = server.process.pid
    during(run, ["perf", "record", "-q", "-F", 1999, "-o", data, "-p", pid, "--", "sleep", run.seconds], load)
    report = ["perf", "report", "-i", data, "--stdio", "-q", "--no-children", "-F", "overhead,comm,dso", "-t", ";"]
    shares = dict.fromkeys(["kernel", "libc", "program", *THREADS.values()], 0.0)
    for line in subprocess.run(report, capture_output=True, text=True, check=True).stdout.splitlines():
        share, _, rest = line.strip().partition(";")
        if not share:
            continue
        thread, _, where = rest.partition(";")
        share = float(share.strip().rstrip("%"))
        where = where.strip()
        shares["kernel" if where.startswith("[") else "libc" if where.startswith("libc") else "program"] += share
        for prefix, name in THREADS.items():
            if thread.strip().startswith(prefix):
                shares[name] += share
    return {f"{name}_percent": share for name, share in shares.items()}


def count_events(run, server, load):
    events = ["perf", "stat", "-x", ";", "-e", ",".join(EVENTS), "-p", server.process.pid, "--", "sleep", run.seconds]
    done, outcome = during(run, events, load)
    fields = [line.split(";") for line in done.stderr.splitlines() if ";" in line]
    # The load lasts longer than the watch, by a known factor.
    counted = {EVENTS[line[2]]: float(line[0]) * 1.5 for line in fields if line[2] in EVENTS}
    return counted, outcome
