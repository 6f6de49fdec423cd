"""One run: what is compared, where its files are, what was measured."""

import contextlib
import json
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

from bridge import Bridge
from load import Load, syncs_per_second
from peers import Tools

ROOT = pathlib.Path(__file__).resolve().parents[3]
FIXTURES = ROOT / "tests/fixtures/providers/pagerduty"


class Run:
    """`versions` names the program's binaries: the one under test, and perhaps an older one."""

    def __init__(self, options):
        self.options, self.rounds, self.seconds = options, options.rounds, options.seconds
        self.quick = options.quick
        self.versions = {"new": options.binary.resolve()} | ({"old": options.old.resolve()} if options.old else {})
        self.tools = Tools(options.target)
        # A temporary folder that is on a disk and not in memory, and that the user postgres may enter.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="peers.", dir="/var/tmp"))
        self.folder.chmod(0o755)
        self.tools.slow = shutil.copy(self.tools.slow, self.folder)
        self.load = Load(self.tools.load, self.folder, FIXTURES / "webhook-incident-triggered.json")
        self.figures = []

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextlib.contextmanager
    def place(self):
        """A new folder for one measurement."""
        folder = pathlib.Path(tempfile.mkdtemp(prefix="m", dir=self.folder))
        folder.chmod(0o755)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def bridge(self, version, folder, **more) -> Bridge:
        return Bridge(self.versions[version], folder, **more)

    def record(self, figure, case, peer, turn, **values):
        self.figures.append({"figure": figure, "case": case, "peer": peer, "round": turn, **values})
        shown = " ".join(f"{name}={value:,.4g}" for name, value in values.items() if isinstance(value, int | float))
        print(time.strftime("%T"), f"{figure} | {case} | {peer} | {turn + 1} | {shown}", file=sys.stderr, flush=True)

    def interleave(self, peers, rounds=None):
        """Each round has every peer once, and each round begins with another one."""
        for turn in range(rounds or self.rounds):
            for n in range(len(peers)):
                yield turn, peers[(n + turn) % len(peers)]

    def syncs(self):
        return syncs_per_second(self.folder, 0.1 if self.quick else 0.25)


class Figures:
    """Values of all rounds, by peer; medians, spreads, and ratios paired by round."""

    def __init__(self, figures, figure, case=None):
        self.rows = [row for row in figures if row["figure"] == figure and case in (None, row["case"])]
        self.peers = list(dict.fromkeys(row["peer"] for row in self.rows))
        self.cases = list(dict.fromkeys(row["case"] for row in self.rows))

    def values(self, peer, name) -> dict:
        return {row["round"]: row[name] for row in self.rows if row["peer"] == peer and name in row}

    def spread(self, peer, name):
        """Median, minimum, maximum; `None` if it was not measured."""
        return spread(self.values(peer, name).values())

    def ratio(self, peer, other, name):
        one, two = self.values(peer, name), self.values(other, name)
        return spread(one[turn] / two[turn] for turn in one if two.get(turn))


def spread(values):
    values = sorted(values)
    return (statistics.median(values), values[0], values[-1]) if values else None


def save(figures, file, about):
    rows = ",\n".join(json.dumps(row) for row in figures)
    file.write_text(f'{{"about": {json.dumps(about)}, "figures": [\n{rows}\n]}}\n')
