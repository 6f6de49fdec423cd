"""Verified actions: search and workspaces, 32 connections, the catalogue has 10,000 services."""

import contextlib
import json
import sys
import time

from jira import Jira
from load import fetch_calls, search_calls
from peers import HERE
from run import FIXTURES, Run
from servers import Server, ask, free_port

CONNECTIONS = 32
SERVICES = 10_000
LIMIT = 120.0


def start_tool(incidents, services):
    port = free_port()
    fixture = FIXTURES / "rest-incidents-page1.json"
    return Server([sys.executable, HERE / "measure/tool.py", port, incidents, services, fixture], port, "/priorities")


def wait_for_catalogue(server, calls):
    """Until the narrowest search finds both services that it should, and the widest a full page."""
    narrow, wide = calls.targets[-1], calls.targets[0]
    start = time.perf_counter()
    while True:
        answers = [calls.answer(server, target) for target in (narrow, wide)]
        hits = [len(json.loads(body).get("containers", [])) for status, body in answers if status == 200]
        if hits == [2, 10]:
            return
        if time.perf_counter() - start > LIMIT:
            raise RuntimeError(f"the catalogue does not arrive: {answers}")
        time.sleep(0.2)


def start_bridge(run, stack, version, place, tool, jira, calls):
    polled = f'api_token = "token"\napi_url = "{tool.url}"'
    bridge = run.bridge(version, place / version, jira=jira.url, more=polled, extra="delivery = { confirm = false }")
    server = stack.enter_context(bridge.start())
    jira.install(bridge.port)
    wait_for_catalogue(server, calls)
    return server


def wait_until_idle(servers):
    """Nobody works on what was before: less than 2 % of a core for half a second."""
    for _ in range(60):
        before = sum(server.cpu_seconds() for server in servers)
        time.sleep(0.5)
        if sum(server.cpu_seconds() for server in servers) - before <= 0.01:
            return


def measure(run: Run):
    with run.place() as place, contextlib.ExitStack() as stack:
        search, fetch = search_calls(place), fetch_calls(place)
        jira = Jira()
        stack.callback(jira.stop)
        servers = {}
        with start_tool(0, SERVICES) as tool:
            for version in run.versions:
                servers[version] = start_bridge(run, stack, version, place, tool, jira, search)
            answers = {target: search.answer(servers["new"], target)[1].decode() for target in search.targets}
        answers |= {target: fetch.answer(servers["new"], target)[1].decode() for target in fetch.targets}
        answers = json.dumps(answers)
        peers = {
            "connect-express": lambda: run.tools.connect_express(place),
            "express": lambda: run.tools.express(place),
            "FastAPI": lambda: run.tools.fastapi(place),
            "bare actix": lambda: run.tools.bare_actix(place, answers),
            "actix, verified": lambda: run.tools.bare_actix(place, answers, verify=True),
        }
        for name, start in peers.items():
            servers[name] = stack.enter_context(start())
        # Node.js compiles what runs often; everybody gets the time for it.
        for server in servers.values():
            run.load.run(server, CONNECTIONS, run.seconds / 2, {"replay": str(search.file)})
        wait_until_idle(servers.values())
        for figure, calls in (("search", search), ("workspaces", fetch)):
            compare(run, figure, calls, servers)


def compare(run, figure, calls, servers):
    for turn, name in run.interleave(list(servers)):
        server = servers[name]
        if name != "bare actix":
            calls.check(server)
        outcome = run.load.run(server, CONNECTIONS, run.seconds, {"replay": str(calls.file)})
        size = len(ask(server.port, calls.method, calls.targets[0], calls.body, calls.headers(calls.targets[0]))[1])
        run.record(figure, f"{CONNECTIONS} connections", name, turn, body_bytes=size, **outcome)
