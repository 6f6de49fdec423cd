"""How soon it works again: after `kill -9` under load, after an outage of Jira, after a restart of PostgreSQL.

What was acknowledged before a kill is posted again afterwards: a receiver that does not know it has lost it.
"""

import contextlib
import json
import signal
import threading
import time

from bridge import Simulator
from ingest import start_queue
from load import WEBHOOKS
from peers import Postgres
from run import Run
from servers import ask

LOAD_SECONDS = 1.5
OUTAGE_SECONDS = 4
RATE = 50
LIMIT = 120.0


def measure(run: Run):
    with Postgres(run.folder) as postgres:
        names = [*run.versions, "lean Node, SQLite", "Node, PostgreSQL queue"]
        for turn, name in run.interleave(names):
            with run.place() as place:
                kill(run, name, place, postgres, turn)
        for turn in range(run.rounds):
            with run.place() as place:
                restart_postgres(run, place, postgres, turn)
    for turn in range(run.rounds):
        with run.place() as place:
            outage(run, place, turn)


def restarter(run, name, place, postgres):
    """Starts the same receiver on the same store, as often as it is called; and says how many were stored anew."""
    if name in run.versions:
        bridge = run.bridge(name, place / name)
        series = 'incident_bridge_webhooks_total{source="pd",result="new"}'
        return bridge.start, lambda _: bridge.metric(series)
    if name == "lean Node, SQLite":
        return lambda: run.tools.lean_sqlite(place), lambda outcome: outcome["statuses"].get("202", 0)
    postgres.database("queue")
    return lambda: run.tools.lean_postgres(postgres, place), lambda outcome: outcome["statuses"].get("202", 0)


def kill(run, name, place, postgres, turn):
    start, count_new = restarter(run, name, place, postgres)
    numbers = place / "acknowledged.json"
    with start() as server:
        killer = threading.Timer(LOAD_SECONDS, server.process.kill)
        killer.start()
        run.load.post_webhooks(server, 32, LOAD_SECONDS + 1, acknowledged=str(numbers))
        killer.join()
    acknowledged = json.loads(numbers.read_text())
    began = time.perf_counter()
    with start() as server:
        wait_for_webhook(run, server.port)
        seconds = time.perf_counter() - began
        before = count_new({"statuses": {}})
        again = run.load.post_webhooks(server, 32, 60, numbers=str(numbers), acknowledged=str(place / "again.json"))
        lost = count_new(again) - before
        run.record(
            "recovery, kill -9", "32 connections", name, turn, again_ms=seconds * 1e3, acknowledged=len(acknowledged),
            lost=int(lost),
        )


def wait_for_webhook(run, port, limit=LIMIT):
    """Until a webhook is taken."""
    start = time.perf_counter()
    while True:
        body, headers = run.load.webhook(next(run.load.numbers))
        with contextlib.suppress(OSError):
            if ask(port, "POST", WEBHOOKS, body, headers, timeout=5)[0] == 202:
                return time.perf_counter() - start
        if time.perf_counter() - start > limit:
            raise RuntimeError(f"no webhook is taken within {limit} s")
        time.sleep(0.005)


def restart_postgres(run, place, postgres, turn):
    """PostgreSQL ends as in a crash and comes back; from then until each takes a webhook. All wait at the same time."""
    with contextlib.ExitStack() as stack:
        servers = {}
        for version in run.versions:
            database = f"bridge_{version}"
            postgres.database(database)
            bridge = run.bridge(version, place / version, store=postgres.url(database))
            servers[version] = stack.enter_context(bridge.start())
        servers["Node, PostgreSQL queue"] = stack.enter_context(start_queue(run, place, postgres))
        for server in servers.values():
            wait_for_webhook(run, server.port)
        postgres.server.stop(signal.SIGQUIT)
        time.sleep(1)
        postgres.start()
        took = {}

        def wait(name, server):
            with contextlib.suppress(RuntimeError):
                took[name] = wait_for_webhook(run, server.port, 60)

        threads = [threading.Thread(target=wait, args=item) for item in servers.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for name in servers:
        run.record("recovery, PostgreSQL", "after its restart", name, turn, again_ms=took.get(name, 60) * 1e3)


def outage(run, place, turn):
    """Jira answers 503 while webhooks come in; from its return until it has them all. Versions at the same time."""
    with contextlib.ExitStack() as stack:
        pairs = {}
        for version in run.versions:
            jira = stack.enter_context(Simulator(run.versions["new"]))
            bridge = run.bridge(version, place / version, jira=jira.url)
            server = stack.enter_context(bridge.start())
            jira.install(server.url)
            pairs[version] = jira, server
        threads = [threading.Thread(target=through_outage, args=(run, turn, name, *pairs[name])) for name in pairs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def through_outage(run, turn, name, jira, server):
    before = run.load.post_webhooks(server, 4, 1, rate=RATE)
    jira.order("POST", "faults", {"effect": "answer", "status": 503, "times": 1_000_000})
    during = run.load.post_webhooks(server, 4, OUTAGE_SECONDS, rate=RATE)
    jira.order("DELETE", "faults")
    seconds = jira.wait_for(before["answered"] + during["answered"], LIMIT)
    run.record(
        "recovery, outage of Jira", f"{OUTAGE_SECONDS} s of 503", name, turn, again_ms=seconds * 1e3,
        during_p99_ms=during["p99_ms"],
    )
