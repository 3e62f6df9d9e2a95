"""python3 -m bench.flat BUILD_FOLDER [--most N]: what a hit and a purge cost while the number of stored entries grows.

One sidecache over Redis without a near cache, so that each hit is looked up there. A purge is a PATCH, answered when what it
made stale is invalid: its latency by one client, and the CPU time of sidecache and Redis for it. Flat is what they should be:
generations are bumped, nothing is searched. A million entries of 1.5 KB take some 4 GB of Redis. Prints Markdown."""
import argparse
import pathlib
import shutil
import sys
import tempfile

from .side_by_side.measure import Bench
from .side_by_side.servers import Stage

SIZES = [1_000, 10_000, 100_000, 1_000_000]
READ = ["--path", "/products/{}", "--first", "0", "--keys", "500"]
WRITTEN = ["--path", "/products/{}", "--first", "500", "--keys", "500", "--writes", "1.0", "--write-method", "PATCH",
           "--write-body", "{}", "--connections", "1"]


def fill(bench, server, first, end):
    """Each key once: stored under three tags, noted in two indexes."""
    bench.load([server.port], ["--path", "/products/{}", "--first", str(first), "--keys", str(end - first), "--in-order",
                               "--requests", str(end - first), "--seconds", "3600"])


def main():
    options = argparse.ArgumentParser(prog="bench.flat", description=__doc__.splitlines()[0])
    options.add_argument("build", type=pathlib.Path, help="the folder of a release build")
    options.add_argument("--most", type=int, default=SIZES[-1], help="stop at so many entries")
    options.add_argument("--requests", type=int, default=20_000, help="hits a size; a twentieth as many purges")
    o = options.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="sidecache-flat-"))
    try:
        bench = Bench(o.build.resolve())
        with Stage(o.build, work) as stage:
            server = stage.sidecache("sidecache", stage.redis_url(0), "0")
            print("| entries | hit: CPU µs, Redis | hit: p50 µs | purge: CPU µs, Redis | purge: p50 / p99 µs |")
            print("| ---: | ---: | ---: | ---: | ---: |")
            filled = 0
            for size in [s for s in SIZES if s <= o.most]:
                fill(bench, server, filled, size)
                filled = size
                fill(bench, server, 500, 1_000)  # what was purged last time
                hit = bench.sample(server, READ, "--requests", o.requests, "--seconds", 600)
                purge = bench.sample(server, WRITTEN, "--requests", o.requests // 20, "--seconds", 600)
                print(f"| {size:,} | {hit['cpu_us']:.1f}, {hit['beside_us']:.1f} | {hit['latency']['p50_us']:.0f} | "
                      f"{purge['cpu_us']:.0f}, {purge['beside_us']:.0f} | "
                      f"{purge['latency']['p50_us']:.0f} / {purge['latency']['p99_us']:.0f} |", flush=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return 0


sys.exit(main())
