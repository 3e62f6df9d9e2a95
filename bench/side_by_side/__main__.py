"""python3 -m bench.side_by_side BUILD_FOLDER [--quick] [--only LOAD,...]: sidecache and its peers in one interleaved run.

Each server has one core, the generator, Redis and the backend the other. What counts is the CPU time of the server for
each request (user and system, all its threads, to the nanosecond): it does not depend on who waits for whom, and as a
multiple of the responder's in the same run it can be compared between machines. Results: bench/results/side-by-side.*"""
import argparse
import json
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile

from . import loads, plot, report
from .measure import INTERFERENCE, Bench
from .servers import OTHER_CORE, Stage

ROOT = pathlib.Path(__file__).resolve().parents[2]


def servers_of(stage, wanted):
    """All that the loads want, started once: they idle while another is measured."""
    makers = {
        "limit": stage.limit,
        "sidecache": lambda: stage.sidecache("sidecache"),
        "sidecache-redis": lambda: stage.sidecache("sidecache over Redis, near cache off", stage.redis_url(0), "0"),
        "sidecache-redis-near": lambda: stage.sidecache("sidecache over Redis", stage.redis_url(1)),
        "nginx": lambda: stage.nginx("nginx", "nginx.conf"),
        "nginx-lua": lambda: stage.nginx("nginx, Lua cache", "nginx-lua.conf"),
        "nginx-srcache": lambda: stage.nginx("nginx, srcache, Redis", "nginx-srcache.conf", beside=stage.redis),
        "haproxy": stage.haproxy,
        "varnish": stage.varnish,
        "node": stage.node,
    }
    return {name: make() for name, make in makers.items() if name in wanted}


def middle(samples):
    """The sample of median cost: its figures belong together."""
    ordered = sorted(samples, key=lambda s: s["cpu_us"] + s["beside_us"])
    return ordered[(len(ordered) - 1) // 2]


def hits_and_passes(bench, servers, wanted, rounds, seconds):
    out = []
    for load in wanted:
        running = [(name, servers[name]) for name in load.servers if servers.get(name)]
        for _, server in running:
            bench.warm(server, load)
        samples = {name: [] for name, _ in running}
        paced = {}
        for _ in range(rounds):
            for name, server in running:
                found = bench.sample(server, load.asks, "--seconds", seconds)
                if found["interference"] > INTERFERENCE:  # once more; then it is said
                    again = bench.sample(server, load.asks, "--seconds", seconds)
                    found = min(found, again, key=lambda s: s["interference"])
                samples[name].append(found)
        for name, server in running:
            paced[name] = bench.sample(server, load.asks, "--seconds", seconds, "--rate", load.rate)["latency"]
        half = {}
        for name, server in running:
            rate = statistics.median(s["rate"] for s in samples[name]) / 2
            half[name] = bench.sample(server, load.asks, "--seconds", seconds, "--rate", int(rate))["latency"]
        rows = []
        for name, server in running:
            s = middle(samples[name])
            rows.append({"server": server.name, "rate": s["rate"], "cpu_us": s["cpu_us"], "beside_us": s["beside_us"],
                         "together_us": s["cpu_us"] + s["beside_us"], "interference": s["interference"],
                         "generator_busy": s["generator_busy"], "server_busy": s["server_busy"],
                         "paced": paced[name], "half": half[name]})
            print(f"  {load.name}: {server.name}: {rows[-1]['together_us']:.2f} us, {s['rate']:.0f}/s", file=sys.stderr)
        out.append({"name": load.name, "title": load.title, "target": load.target, "rate": load.rate, "rows": rows})
    return out


def fills(bench, servers, keys=20000):
    """Each key once: a miss, a fetch, a stored entry."""
    rows = []
    for name in loads.FILLS:
        server = servers.get(name)
        if server:
            s = bench.sample(server, ["--path", "/products/{}", "--first", "1000000", "--keys", str(keys), "--in-order",
                                      "--requests", str(keys), "--seconds", "60"])
            rows.append({"server": server.name, "rate": s["rate"], "cpu_us": s["cpu_us"], "beside_us": s["beside_us"],
                         "together_us": s["cpu_us"] + s["beside_us"], "interference": s["interference"],
                         "generator_busy": s["generator_busy"], "server_busy": s["server_busy"]})
    return rows


def stampedes(bench, stage, servers, rounds):
    """100 connections ask for one cold key at once; the backend takes 20 ms."""
    rows = []
    pair = [stage.sidecache(f"replica {i}", stage.redis_url(2)) for i in (1, 2)]
    for name in loads.STAMPEDES:
        ports = [p.port for p in pair] if name == "two sidecaches" else [servers[name].port] if servers.get(name) else []
        if not ports:
            continue
        found = bench.load(ports, ["--path", "/slow/{}", "--first", "1", "--keys", str(rounds), "--in-order",
                                   "--connections", "100", "--stampedes", str(rounds)])
        rows.append({"server": "sidecache, two replicas" if name == "two sidecaches" else servers[name].name, **found})
    return rows


def memory(bench, stage, entries=10000, idle=1000):
    """Bytes an entry of 1.5 KB and bytes an idle connection, of servers that were just started."""
    rows = []
    fresh = servers_of(stage, set(loads.MEMORY_OF + loads.IDLE) - {"node"})
    for name, server in fresh.items():
        if not server:
            continue
        bench.load([server.port], ["--path", "/products/{}", "--first", "1", "--keys", "200", "--in-order", "--requests", "200"])
        before = server.process.resident_bytes()
        row = {"server": server.name}
        if name in loads.MEMORY_OF:
            for _ in range(2):  # the second time it is a hit: what is to be in memory is there
                bench.load([server.port], ["--path", "/products/{}", "--first", "1000", "--keys", str(entries), "--in-order",
                                           "--requests", str(entries), "--seconds", "60"])
            after = server.process.resident_bytes()
            row |= {"entry_bytes": (after - before) / entries, "resident_mib": after / 2**20}
        before = server.process.resident_bytes()
        holder = subprocess.Popen(["taskset", "-c", str(OTHER_CORE), bench.generator, "--port", str(server.port), "--idle",
                                   "--connections", str(idle)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        holder.stdout.readline()
        bench.load([server.port], ["--path", "/products/1", "--requests", "100"])  # all have been accepted by then
        row["idle_bytes"] = max(0, server.process.resident_bytes() - before) / idle
        holder.communicate("\n")
        rows.append(row)
    return rows


def machine():
    model = next((line.split(":")[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    revision = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return {"cpu": model, "kernel": platform.release().split("-")[0], "revision": revision.stdout.strip() or "unknown"}


def main():
    options = argparse.ArgumentParser(prog="bench.side_by_side", description=__doc__.splitlines()[0])
    options.add_argument("build", help="the folder of a release build")
    options.add_argument("--quick", action="store_true", help="short and rough: does it run at all")
    options.add_argument("--only", default="", help="these loads alone, comma-separated; writes no results")
    options.add_argument("--servers", default="", help="these servers alone, comma-separated")
    options.add_argument("--results", default=ROOT / "bench" / "results", type=pathlib.Path, help="where results go")
    o = options.parse_args()
    wanted = [load for load in loads.LOADS if not o.only or load.name in o.only.split(",")]
    rounds, seconds = (1, 0.3) if o.quick else (5, 2)
    work = pathlib.Path(tempfile.mkdtemp(prefix="sidecache-bench-"))
    try:
        bench = Bench(pathlib.Path(o.build).resolve())
        with Stage(o.build, work) as stage:
            names = {name for load in wanted for name in load.servers}
            if not o.only:
                names |= set(loads.FILLS + loads.STAMPEDES) - {"two sidecaches"}
            if o.servers:
                names &= set(o.servers.split(","))
            servers = servers_of(stage, names)
            found = {"machine": machine(), "loads": hits_and_passes(bench, servers, wanted, rounds, seconds)}
            if not o.only:
                found["fills"] = fills(bench, servers, 1000 if o.quick else 20000)
                found["stampedes"] = stampedes(bench, stage, servers, 3 if o.quick else 50)
            found["missing"] = stage.missing
        if not o.only:
            with Stage(o.build, work) as stage:
                found["memory"] = memory(bench, stage)
            o.results.mkdir(parents=True, exist_ok=True)
            (o.results / "side-by-side.json").write_text(json.dumps(found, indent=1) + "\n")
            (o.results / "side-by-side.md").write_text(report.markdown(found))
            (o.results / "side-by-side.svg").write_text(plot.svg(found))
        print(report.markdown(found))
    finally:
        shutil.rmtree(work, ignore_errors=True)
        shutil.rmtree(pathlib.Path("/dev/shm") / work.name, ignore_errors=True)


main()
