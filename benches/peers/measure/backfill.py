"""A first sync: from the installation until Jira's simulator has every incident of the tool.

The peer is a plain loop that polls the same pages and submits batches of 1,000 without keeping anything.
"""

import time

from bridge import Simulator
from run import Run
from verified import start_tool

SERVICES = 50


def measure(run: Run):
    incidents = 5_000 if run.quick else run.options.incidents
    for turn, name in run.interleave([*run.versions, "plain loop"]):
        syncs = run.syncs()
        with run.place() as place, start_tool(incidents, SERVICES) as tool, Simulator(run.versions["new"]) as jira:
            sync = sync_by_loop if name == "plain loop" else sync_by_bridge
            values = sync(run, name, place, tool, jira, incidents)
            requests = jira.order("GET", "state.json")["requests"]
            rate = incidents / values["seconds"]
            case = f"{incidents:,} incidents"
            run.record("first sync", case, name, turn, disk_syncs=syncs, per_second=rate, requests=requests, **values)


def sync_by_bridge(run, version, place, tool, jira, incidents):
    polled = f'api_token = "token"\napi_url = "{tool.url}"'
    bridge = run.bridge(version, place / version, jira=jira.url, more=polled)
    started = time.perf_counter()
    with bridge.start() as server:
        jira.install(server.url)
        jira.wait_for(incidents)
        seconds = time.perf_counter() - started
        stored = sum(file.stat().st_size for file in (place / version).glob("bridge.db*")) / 1e6
        return {
            "seconds": seconds, "cpu_us": server.cpu_seconds() / incidents * 1e6, "peak_mb": server.peak_mb(),
            "database_mb": stored,
        }


def sync_by_loop(run, _name, place, tool, jira, incidents):
    descriptor = place / "descriptor.json"
    # The loop takes the place of a bridge: the same key, its own address.
    bridge = run.bridge("new", place / "described", jira=jira.url)
    descriptor.write_bytes(bridge.descriptor())
    env = {"TOOL": tool.url, "JIRA": jira.url, "DESCRIPTOR": str(descriptor), "PORT": str(bridge.port)}
    started = time.perf_counter()
    with run.tools.node("first-sync.js", ready=None, env=env, log=place / "loop.log") as server:
        server.wait_until_ready(bridge.port, "/")
        jira.install(f"http://127.0.0.1:{bridge.port}")
        cpu = peak = 0.0
        while jira.order("GET", "state.json")["incidents"] < incidents:
            if server.process.poll() is None:
                cpu, peak = server.cpu_seconds(), server.peak_mb()
            elif server.process.returncode:
                raise RuntimeError((place / "loop.log").read_text())
            time.sleep(0.02)
        return {"seconds": time.perf_counter() - started, "cpu_us": cpu / incidents * 1e6, "peak_mb": peak}
