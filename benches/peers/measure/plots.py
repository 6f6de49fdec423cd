"""Plots as SVG. Transparent, in colours that can be read on white and on black."""

from functools import partial

import matplotlib
from matplotlib import pyplot
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from run import Figures

GREY = "#808080"
COLOURS = {"new": "#e4572e", "old": "#b08d57", "lean Node, SQLite": "#3a9d5d", "Node, PostgreSQL queue": "#3b82c4"}
OTHERS = "#8a8fa3"
matplotlib.rcParams.update({
    "svg.hashsalt": "peers", "svg.fonttype": "none", "font.size": 9, "text.color": GREY, "axes.labelcolor": GREY,
    "axes.edgecolor": GREY, "xtick.color": GREY, "ytick.color": GREY, "axes.spines.top": False, "axes.spines.right": False,
    "legend.frameon": False, "axes.titlesize": 10, "axes.titlecolor": GREY,
})
WHOLE = FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}")


def draw(figure, figures, folder):
    """Draws the plot that belongs to a figure and returns its file name; `None` if there is none, or nothing to draw."""
    chosen = Figures(figures, figure)
    kind = PLOTS.get(figure)
    if not kind or not chosen.rows:
        return None
    shape, panels = kind
    canvas, axes = pyplot.subplots(1, len(panels), figsize=(8.5, 3.2), squeeze=False)
    for axis, (key, title) in zip(axes[0], panels, strict=True):
        shape(axis, chosen, key)
        axis.set_title(title)
    name = f"{figure.lower().replace(', ', '-').replace(' ', '-')}.svg"
    canvas.tight_layout()
    canvas.savefig(folder / name, transparent=True, metadata={"Date": None})
    pyplot.close(canvas)
    return name


def draw_bars(axis, chosen, key):
    peers = chosen.peers[::-1]
    spreads = [chosen.spread(peer, key) or (0, 0, 0) for peer in peers]
    medians = [median for median, _, _ in spreads]
    reach = [[median - low for median, low, _ in spreads], [high - median for median, _, high in spreads]]
    colours = [COLOURS.get(peer, OTHERS) for peer in peers]
    axis.barh(peers, medians, xerr=reach, color=colours, ecolor=GREY, height=0.65)
    axis.xaxis.set_major_formatter(WHOLE)
    for n, median in enumerate(medians):
        axis.annotate(f"  {WHOLE(median, 0)}", (spreads[n][2], n), va="center", fontsize=8)
    axis.margins(x=0.18)


def draw_cost(figure, figures, folder):
    """The same for a cost curve of another script: a panel for each of its first three values."""
    chosen = Figures(figures, figure)
    keys = [key for key in chosen.rows[0] if key not in ("figure", "case", "peer", "round")][:3]
    unit = chosen.cases[0].partition(" ")[2]
    PLOTS[figure] = (partial(draw_curves, unit=unit), [(key, key.replace("_", " ")) for key in keys])
    return draw(figure, figures, folder)


def draw_curves(axis, figures, key, unit="connections"):
    cases = sorted(figures.cases, key=lambda case: int(case.split()[0].replace(",", "")))
    for peer in figures.peers:
        points = []
        for case in cases:
            chosen = [row for row in figures.rows if row["peer"] == peer and row["case"] == case]
            values = [row[key] for row in chosen if key in row]
            if values:
                values.sort()
                points.append((int(case.split()[0].replace(",", "")), values[len(values) // 2], values[0], values[-1]))
        if not points:
            continue
        x, y, low, high = zip(*points, strict=True)
        colour = COLOURS.get(peer, OTHERS)
        axis.plot(x, y, marker="o", markersize=4, label=peer, color=colour)
        axis.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
    axis.set_xscale("log", base=2)
    axis.set_yscale("log")
    axis.set_xticks([int(case.split()[0].replace(",", "")) for case in cases])
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_formatter(WHOLE)
        side.set_minor_locator(NullLocator())
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_xlabel(unit)
    axis.legend(fontsize=8)


VERIFIED = (draw_bars, [("per_second", "requests a second"), ("cpu_us", "CPU, µs a request")])
CURVES = (draw_curves, [("per_second", "durable webhooks a second"), ("p99_ms", "p99, ms")])
PLOTS = {
    "search": VERIFIED,
    "workspaces": VERIFIED,
    "ingest": CURVES,
    "ingest, slow syncs": CURVES,
    "idle": (draw_bars, [("resident_mb", "resident, MB"), ("cpu_ms_per_s", "CPU, ms a second")]),
    "first sync": (draw_bars, [("seconds", "seconds"), ("peak_mb", "peak memory, MB")]),
}
