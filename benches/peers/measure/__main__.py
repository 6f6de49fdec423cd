"""`benches/peers/run`, once everything is installed: measures the chosen parts and writes data, tables and plots."""

import argparse
import hashlib
import json
import os
import pathlib
import platform
import signal
import subprocess
import sys
import time

import backfill
import compare
import ingest
import profile_cpu
import recovery
import report
import start
import verified
from load import Void
from run import ROOT, Run, save

PARTS = {
    "search": verified.measure,
    "ingest": ingest.measure,
    "slow": ingest.measure_slow,
    "start": start.measure,
    "recovery": recovery.measure,
    "backfill": backfill.measure,
}
BY_NAME = {"profile": profile_cpu.measure}


def parse_options():
    parser = argparse.ArgumentParser(prog="benches/peers/run")
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "target/release/incident-bridge")
    parser.add_argument("--old", type=pathlib.Path, help="an older version, as a second column")
    parser.add_argument("--only", action="append", choices=[*PARTS, *BY_NAME], help="one part; may be repeated")
    parser.add_argument("--curves", type=pathlib.Path, action="append", default=[], metavar="DATA",
                        help="cost curves that another script measured, to be shown with the rest")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.2, help="length of one load")
    parser.add_argument("--incidents", type=int, default=100_000, help="of the first sync")
    parser.add_argument("--quick", action="store_true", help="one short round: shows that it works, no figures to quote")
    parser.add_argument("--name", default="peers", help="name of the data file")
    parser.add_argument("--publish", action="store_true", help="write tables and plots into docs/benchmarks")
    parser.add_argument("--report", type=pathlib.Path, metavar="DATA",
                        help="measure nothing, report this file again, with newer curves if any are given")
    parser.add_argument("--compare", type=pathlib.Path, nargs=2, metavar="DATA", help="say whether two runs agree")
    parser.add_argument("--target", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 0.4
    return options


def first_line(*command):
    return subprocess.check_output(command, text=True).splitlines()[0]


def describe_binary(binary):
    """Its version, and what tells it from another build of the same version."""
    return f"{first_line(binary, '--version')}, SHA-256 {hashlib.sha256(binary.read_bytes()).hexdigest()[:12]}…"


def describe(run):
    lock = json.loads((ROOT / "benches/peers/node/package-lock.json").read_text())["packages"]
    named = ["atlassian-connect-express", "express", "atlassian-jwt", "better-sqlite3", "pg"]
    pinned = (ROOT / "benches/peers/python/requirements.txt").read_text().split()
    return {
        "at": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        "machine": f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, {platform.system()}",
        "rounds": run.rounds, "seconds": run.seconds, "quick": run.quick,
        "versions": {
            **{name: describe_binary(binary) for name, binary in run.versions.items()},
            "Node.js": first_line("node", "--version"), "Python": platform.python_version(),
            "PostgreSQL": first_line(ingest.Postgres.program("postgres"), "--version"),
            **{name: lock[f"node_modules/{name}"]["version"] for name in named},
            **{f"{name} (Python)": version for name, _, version in (line.partition("==") for line in pinned)
               if name in ("fastapi", "uvicorn", "atlassian-jwt")},
        },
    }


def main():
    options = parse_options()
    folder = ROOT / "docs/benchmarks" if options.publish else options.target / "report"
    folder.mkdir(parents=True, exist_ok=True)
    if options.compare:
        return compare.show_files(*options.compare)
    curves = [row for file in options.curves for row in json.loads(file.read_text())["figures"]]
    data = folder / f"{options.name}.json"
    if options.report:
        earlier = json.loads(options.report.read_text())
        renewed = {row["figure"] for row in curves}
        earlier["figures"] = [row for row in earlier["figures"] if row["figure"] not in renewed] + curves
        save(earlier["figures"], data, earlier["about"])
        return report.write(earlier, folder)
    # Ends the programs that it started, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    run = Run(options)
    run.figures += curves
    try:
        for part in options.only or PARTS:
            (PARTS | BY_NAME)[part](run)
            # After each part, so that a later failure does not cost the earlier ones.
            save(run.figures, data, describe(run))
    except Void as reason:
        sys.exit(f"The run is void: {reason}")
    finally:
        run.close()
    report.write(json.loads(data.read_text()), folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
