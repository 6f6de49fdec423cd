"""Durable ingest: signed webhooks of 1.2 kB, each a new incident, answered once they are on disk.

Every measurement has a new process and an empty store, so that nobody works on what another left behind.
"""

import contextlib
import os
import subprocess
import sys
import time
from functools import partial

from bridge import Simulator
from load import Void
from peers import HERE, Postgres
from run import Run

CONNECTIONS = (1, 8, 32, 128)
SLOW_MS = 5
GROUPS = (1, 16, 32, 256)
# With one connection and slower syncs, nobody who syncs each webhook can answer more often.
MOST_SLOW = 1000 / SLOW_MS


@contextlib.contextmanager
def start_bridge(run, version, place, env=None, **more):
    with run.bridge(version, place / version, **more).start(env) as server:
        yield server


@contextlib.contextmanager
def start_with_site(run, version, place):
    with Simulator(run.versions["new"]) as jira:
        bridge = run.bridge(version, place / version, jira=jira.url)
        with bridge.start() as server:
            jira.install(server.url)
            yield server


def start_queue(run, place, postgres):
    """The PostgreSQL-queue receiver."""
    postgres.database("queue")
    return count_postgres(run.tools.lean_postgres(postgres, place), postgres)


def count_postgres(server, postgres):
    """Counts what PostgreSQL uses as the server's own CPU time."""
    own = server.cpu_seconds
    server.cpu_seconds = lambda: own() + postgres.server.cpu_seconds()
    return server


@contextlib.contextmanager
def start_on_postgres(run, version, place, postgres):
    postgres.database("bridge")
    with start_bridge(run, version, place, store=postgres.url("bridge")) as server:
        yield count_postgres(server, postgres)


def starters(run, postgres, env):
    """How to start each peer for the curve over connections."""
    versions = {version: partial(start_bridge, run, version, env=env) for version in run.versions}
    return versions | {
        "lean Node, SQLite": lambda place: run.tools.lean_sqlite(place, env),
        "Node, PostgreSQL queue": lambda place: start_queue(run, place, postgres),
    }


def count(connections):
    return f"{connections} connection{'s' if connections > 1 else ''}"


def post(run, figure, name, start, connections, turn):
    syncs = run.syncs()
    with run.place() as place, start(place) as server:
        run.load.check_webhooks(server)
        # Node.js compiles what runs often; everybody gets the time for it.
        run.load.post_webhooks(server, connections, run.seconds / 4)
        outcome = run.load.post_webhooks(server, connections, run.seconds)
        resident, _ = server.memory_mb()
        run.record(figure, count(connections), name, turn, disk_syncs=syncs, resident_mb=resident, **outcome)


def measure(run: Run):
    with Postgres(run.folder) as postgres:
        peers = starters(run, postgres, {})
        for connections in (1, 32) if run.quick else CONNECTIONS:
            for turn, name in run.interleave(list(peers)):
                post(run, "ingest", name, peers[name], connections, turn)
        measure_variants(run, postgres)


def measure_variants(run, postgres):
    variants = {"bare actix, HMAC, no disk": run.tools.bare_actix}
    for version in run.versions:
        start = partial(start_bridge, run, version)
        variants[version] = start
        variants[f"{version}, role web"] = partial(start, role="web")
        variants[f"{version}, one site served"] = partial(start_with_site, run, version)
        variants[f"{version}, PostgreSQL"] = partial(start_on_postgres, run, version, postgres=postgres)
    ceilings = [f"one SQLite connection, groups of {group}" for group in GROUPS]
    for turn, name in run.interleave([*variants, *ceilings]):
        if name in variants:
            post(run, "ingest, variants", name, variants[name], 32, turn)
        else:
            measure_ceiling(run, name, turn)


def measure_ceiling(run, name, turn):
    with run.place() as place:
        group, syncs = name.rpartition(" ")[2], run.syncs()
        command = ["node", HERE / "node/ceiling.js", place / "ceiling.db", str(run.seconds / 2), run.load.template, group]
        env = {**os.environ, "NODE_PATH": str(run.tools.modules)}
        rows = float(subprocess.check_output(command, env=env))
        run.record("ingest, variants", "32 connections", name, turn, disk_syncs=syncs, per_second=rows)


def measure_slow(run: Run):
    env = run.tools.slow_env(SLOW_MS)
    with Postgres(run.folder, env) as postgres:
        peers = starters(run, postgres, env)
        rate = subprocess.check_output([sys.executable, HERE / "measure/load.py", run.folder], env={**os.environ, **env})
        run.record("slow syncs reach it", "1 connection", "the disk, written to directly", 0, per_second=float(rate))
        for name, start in peers.items():
            check_slow(run, name, start)
        for connections in (32,) if run.quick else (32, 128):
            for turn, name in run.interleave(list(peers)):
                post(run, "ingest, slow syncs", name, peers[name], connections, turn)


def check_slow(run, name, start):
    """The slower syncs reach this peer, and it answers only after one."""
    with run.place() as place, start(place) as server:
        run.load.post_webhooks(server, 1, 0.2)
        time.sleep(0.2)
        rate = run.load.post_webhooks(server, 1, 0.5)["per_second"]
        if rate > MOST_SLOW:
            raise Void(f"{name}: {rate:.0f} webhooks a second, although a sync takes {SLOW_MS} ms")
        run.record("slow syncs reach it", "1 connection", name, 0, per_second=rate)
