"""Says whether two runs agree: for each peer and case, do the ranges of their rounds overlap?

Ratios to the version under test are compared, because they are paired by round and survive a slower hour of the machine.
"""

import json

from report import TABLES, show, table
from run import Figures


def show_pair(one, other):
    return "yes" if one[1] <= other[2] and other[1] <= one[2] else "**no**"


def show_runs(figures):
    for figure, (title, _, ratios) in TABLES.items():
        chosen = Figures(figures[0], figure)
        for case in chosen.cases:
            for peer in chosen.peers:
                for key in ratios:
                    spreads = [Figures(run, figure, case).ratio("new", peer, key) for run in figures]
                    if peer != "new" and all(spreads):
                        yield [f"{title}, {case}: new ÷ {peer}, {key}", *map(show, spreads), show_pair(*spreads)]


def show_files(one, other):
    rows = list(show_runs([json.loads(file.read_text())["figures"] for file in (one, other)]))
    print(table(["ratio", one.name, other.name, "ranges overlap"], rows))
    apart = sum(row[-1] != "yes" for row in rows)
    print(f"{len(rows) - apart} of {len(rows)} ratios agree within their spread.")
    return 0
