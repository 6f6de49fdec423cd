"""From starting a process to its first answer, and what it uses while nobody asks."""

import contextlib
import time

from peers import Postgres
from run import Run

# As long as the slowest of the service's regular tasks.
IDLE_SECONDS = 15


def starters(run, postgres):
    bridges = {}

    def start_bridge(version, place):
        if version not in bridges:
            bridges[version] = run.bridge(version, place / version)
            bridges[version].start().stop()
        return bridges[version].start()

    versions = {version: lambda place, version=version: start_bridge(version, place) for version in run.versions}
    return versions | {
        "connect-express": run.tools.connect_express,
        "express": run.tools.express,
        "FastAPI": run.tools.fastapi,
        "bare actix": run.tools.bare_actix,
        "lean Node, SQLite": run.tools.lean_sqlite,
        "Node, PostgreSQL queue": lambda place: run.tools.lean_postgres(postgres, place),
    }


def measure(run: Run):
    with Postgres(run.folder) as postgres, run.place() as place:
        postgres.database("queue")
        peers = starters(run, postgres)
        for turn, name in run.interleave(list(peers)):
            with peers[name](place) as server:
                run.record("start", "to the first answer", name, turn, start_ms=server.start_seconds * 1e3)
        measure_idle(run, peers, place, postgres)


def measure_idle(run, peers, place, postgres):
    """All at once: an idle process does not disturb another. New ones in each round, as no two take the same memory."""
    seconds = 2 if run.quick else IDLE_SECONDS
    for turn in range(run.rounds):
        with contextlib.ExitStack() as stack:
            servers = {name: stack.enter_context(start(place)) for name, start in peers.items()}
            servers["PostgreSQL itself"] = postgres.server
            time.sleep(3)
            before = {name: server.running_seconds() for name, server in servers.items()}
            time.sleep(seconds)
            for name, server in servers.items():
                resident, share = server.memory_mb()
                used = (server.running_seconds() - before[name]) / seconds * 1e3
                run.record("idle", "empty store", name, turn, resident_mb=resident, share_mb=share, cpu_ms_per_s=used)
