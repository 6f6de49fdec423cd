"""Tables in Markdown from the data of a run: medians, in brackets the lowest and the highest round."""

import plots
from ingest import count
from run import Figures

# Figure: title, what its table is about, columns (key, heading), and the value whose ratio is shown.
TABLES = {
    "search": ("Verified search", [("per_second", "requests/s"), ("p50_ms", "p50, ms"), ("p99_ms", "p99, ms"),
                                   ("cpu_us", "CPU µs/request"), ("body_bytes", "bytes")], ("per_second", "cpu_us")),
    "workspaces": ("Verified workspaces", [("per_second", "requests/s"), ("p50_ms", "p50, ms"), ("p99_ms", "p99, ms"),
                                           ("cpu_us", "CPU µs/request"), ("body_bytes", "bytes")], ("per_second", "cpu_us")),
    "ingest": ("Durable ingest", None, ("per_second", "p99_ms")),
    "ingest, variants": ("Durable ingest: parts of the service, and ceilings", None, ("per_second",)),
    "slow syncs reach it": ("Each sync 5 ms slower: do they reach everybody?", [("per_second", "syncs or webhooks/s")], ()),
    "ingest, slow syncs": ("Durable ingest, each sync 5 ms slower", None, ("per_second", "p99_ms")),
    "start": ("Start to the first answer", [("start_ms", "ms")], ("start_ms",)),
    "idle": ("Idle, with an empty store", [("resident_mb", "resident, MB"), ("share_mb", "proportional share, MB"),
                                          ("cpu_ms_per_s", "CPU ms/s")], ("resident_mb",)),
    "first sync": ("First sync", [("seconds", "s"), ("per_second", "incidents/s"), ("cpu_us", "CPU µs/incident"),
                                  ("peak_mb", "peak, MB"), ("requests", "requests to Jira"), ("database_mb", "on disk, MB"),
                                  ("disk_syncs", "disk, syncs/s")], ("seconds", "cpu_us")),
    "recovery, kill -9": ("After kill -9 under load", [("again_ms", "start to the next 202, ms"), ("lost", "lost"),
                                                       ("acknowledged", "acknowledged before")], ("again_ms",)),
    "recovery, PostgreSQL": ("After a restart of PostgreSQL", [("again_ms", "to the next 202, ms")], ("again_ms",)),
    "recovery, outage of Jira": ("After an outage of Jira", [("again_ms", "until Jira has everything, ms"),
                                                             ("during_p99_ms", "webhook p99 meanwhile, ms")], ("again_ms",)),
}
PROFILE = [("cpu_us", "CPU µs/request"), ("kernel_percent", "kernel, %"), ("libc_percent", "libc, %"),
           ("program_percent", "program, %"), ("web_percent", "web threads, %"), ("database_percent", "database thread, %"),
           ("tasks_percent", "task threads, %"), ("switches", "switches/request"), ("futex", "futex"),
           ("pwrite64", "pwrite64"), ("fsync", "fsync"), ("fdatasync", "fdatasync"), ("getrandom", "getrandom"),
           ("recvfrom", "recvfrom")]
TABLES |= {"profile, search": ("Profile of a verified search", PROFILE, ("cpu_us",)),
           "profile, ingest": ("Profile of durable ingest", PROFILE, ("cpu_us",))}
INGEST = [("per_second", "webhooks/s"), ("p50_ms", "p50, ms"), ("p99_ms", "p99, ms"), ("cpu_us", "CPU µs/webhook"),
          ("resident_mb", "resident at the end, MB"), ("disk_syncs", "disk, syncs/s")]
NAMES = {"per_second": "rate", "cpu_us": "CPU", "p99_ms": "p99", "start_ms": "time", "seconds": "time", "again_ms": "time",
         "resident_mb": "memory"}
# Figures of other scripts, whose cases begin with a number: "10000 sites". Values are named as they are shown.
CURVE = "Cost over "
LEAN, BARE, CEILING = "lean Node, SQLite", "bare actix", "one SQLite connection, groups of 32"


def number(value):
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 3
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def show(spread, text=number):
    if spread is None:
        return ""
    median, low, high = map(text, spread)
    return median if low == high else f"{median} ({low} to {high})"


def table(headings, rows):
    lines = ["| " + " | ".join(headings) + " |", "|---|" + "---:|" * (len(headings) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def show_case(figures, figure, case):
    _, columns, ratios = TABLES[figure]
    chosen = Figures(figures, figure, case)
    columns = [column for column in columns or INGEST if any(column[0] in row for row in chosen.rows)]
    headings = [case, *(heading for _, heading in columns), *(f"new ÷ it, {NAMES[key]}" for key in ratios)]
    rows = []
    for peer in chosen.peers:
        cells = [show(chosen.spread(peer, key)) for key, _ in columns]
        cells += ["" if peer == "new" else show(chosen.ratio("new", peer, key)) for key in ratios]
        rows.append([f"**{peer}**" if peer == "new" else peer, *cells])
    return table(headings, rows)


def show_curve(chosen):
    """One row for each case and peer, one column for each value that was measured."""
    keys = [key for key in chosen.rows[0] if key not in ("figure", "case", "peer", "round")]
    rows = []
    for case in chosen.cases:
        only = Figures(chosen.rows, chosen.rows[0]["figure"], case)
        rows += [[f"{case}, {peer}", *(show(only.spread(peer, key)) for key in keys)] for peer in only.peers]
    return table(["", *(key.replace("_", " ") for key in keys)], rows)


def aims(figures):
    """The ratios that the project aims at, for each version."""
    rows = []

    def add(name, aim, figure, case, key, one, other):
        chosen = Figures(figures, figure, case)
        cells = [show(chosen.ratio(one(version), other(version), key)) for version in ("old", "new")]
        if any(cells):
            rows.append([name, *cells, aim])

    add("verified search, CPU per request ÷ bare actix", "≤ 1.5", "search", None, "cpu_us", lambda v: v, lambda _: BARE)
    for connections, aim in ((1, 1), (8, 2), (32, 4), (128, 5)):
        case = count(connections)
        add(f"durable ingest ÷ lean Node, {case}", f"≥ {aim}", "ingest", case, "per_second", lambda v: v, lambda _: LEAN)
    for connections, aim in ((32, 12), (128, 30)):
        add(f"the same, each sync 5 ms slower, {connections}", f"≥ {aim}", "ingest, slow syncs",
            count(connections), "per_second", lambda v: v, lambda _: LEAN)
    add("ingest ÷ one connection in groups of 32", "≥ 0.7", "ingest, variants", None, "per_second",
        lambda v: v, lambda _: CEILING)
    add("ingest with a site served ÷ web role alone", "≥ 0.8", "ingest, variants", None, "per_second",
        lambda v: f"{v}, one site served", lambda v: f"{v}, role web")
    return table(["ratio, paired by round", "old", "new", "aim"], rows) if rows else ""


def write(data, folder):
    about, figures = data["about"], data["figures"]
    text = [f"""# The service beside other programs

Made by `benches/peers/run`, whose head says what this shows and what not. {about['machine']}; {about['rounds']} interleaved
rounds, loads of {about['seconds']} s; median (lowest to highest). *new* is the version under test.
"""]
    if about["quick"]:
        text.append("**One short round: it shows that the script works; the figures mean nothing.**\n")
    text += ["## Aims\n", aims(figures)]
    for figure, (title, _, _) in TABLES.items():
        cases = Figures(figures, figure).cases
        if cases:
            text.append(f"## {title}\n")
            text += [show_case(figures, figure, case) for case in cases]
        if image := plots.draw(figure, figures, folder):
            text.append(f"![{title}]({image})\n")
    for figure in dict.fromkeys(row["figure"] for row in figures if row["figure"].startswith(CURVE)):
        text += [f"## {figure}\n", show_curve(Figures(figures, figure))]
        text.append(f"![{figure}]({plots.draw_cost(figure, figures, folder)})\n")
    text += ["## Versions\n", table(["program", "version"], sorted(about["versions"].items()))]
    (folder / "peers.md").write_text("\n".join(text))
