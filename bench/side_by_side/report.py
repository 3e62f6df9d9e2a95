"""The figures as Markdown."""
from .measure import INTERFERENCE, SATURATED


def row(cells):
    return "| " + " | ".join(cells) + " |"


def table(head, rows):
    return "\n".join([row(head), row(["---"] + ["---:"] * (len(head) - 1)), *map(row, rows)])


def marks(r):
    """† others worked on the server's core; ‡ the generator had no time left: the rate is its own."""
    out = "†" if r["interference"] > INTERFERENCE else ""
    return out + ("‡" if r["generator_busy"] > SATURATED and r["server_busy"] < SATURATED else "")


def limit_of(load):
    return next((r["together_us"] for r in load["rows"] if r["server"] == "epoll responder"), None)


def load_table(load):
    base = limit_of(load)
    rows = []
    for r in load["rows"]:
        half, paced = r["half"], r["paced"]
        rows.append([
            r["server"] + marks(r), f"{r['rate']:,.0f}", f"{r['cpu_us']:.2f}", f"{r['beside_us']:.2f}" if r["beside_us"] else "",
            f"{r['together_us'] / base:.2f}" if base else "", f"{paced['p50_us']:.0f} / {paced['p99_us']:.0f} / {paced['p999_us']:.0f}",
            f"{half['p99_us']:.0f}"])
    head = ["server", "requests/s", "CPU µs a request", "and Redis", "× the limit",
            f"p50 / p99 / p99.9 µs at {load['rate']:,}/s", "p99 at half its rate"]
    if not any(r[3] for r in rows):
        for r in [head, *rows]:
            del r[3]
    goal = f" (goal: at most {load['target']})" if load["target"] else ""
    return f"## {load['title']}{goal}\n\n" + table(head, rows)


def markdown(found):
    m = found["machine"]
    parts = [
        "# Side by side",
        f"`make bench` on {m['cpu']}, Linux {m['kernel']}, commit {m['revision']}. Each server on one core; the load generator, "
        "Redis and the backend on another; 64 keep-alive connections; logs off. CPU time of the server is user and system "
        "of all its threads. † others took more than 4 % of the server's core; ‡ the generator was at its limit, so that the "
        "rate is not the server's.",
    ]
    if found.get("missing"):
        parts.append("Not installed, so not in it: " + ", ".join(sorted(set(found["missing"]))) + ".")
    parts += [load_table(load) for load in found["loads"]]
    if found.get("fills"):
        parts.append("## Miss and fill: every key once\n\n" + table(
            ["server", "requests/s", "CPU µs a request", "with Redis"],
            [[r["server"] + marks(r), f"{r['rate']:,.0f}", f"{r['cpu_us']:.1f}", f"{r['together_us']:.1f}"] for r in found["fills"]]))
    if found.get("stampedes"):
        parts.append("## Stampede: 100 connections, one cold key, a backend that takes 20 ms\n\n" + table(
            ["server", "errors", "after the first answer, same process: p50 / p99 µs", "other replica: p50 / p99 µs"],
            [[r["server"], str(r["errors"]), f"{r['same']['p50_us']:.0f} / {r['same']['p99_us']:.0f}",
              f"{r['other']['p50_us']:.0f} / {r['other']['p99_us']:.0f}" if r["other"]["count"] else ""] for r in found["stampedes"]]))
    if found.get("memory"):
        parts.append("## Memory\n\n" + table(
            ["server", "bytes an entry of 1.5 KB", "resident with 10,000 of them, MiB", "bytes an idle connection"],
            [[r["server"], f"{r['entry_bytes']:.0f}" if "entry_bytes" in r else "", f"{r['resident_mib']:.1f}" if "resident_mib" in r else "",
              f"{r['idle_bytes']:.0f}"] for r in found["memory"]]))
    return "\n\n".join(parts) + "\n"
