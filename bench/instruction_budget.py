"""python3 -m bench.instruction_budget BUILD_FOLDER [--renew]: how many instructions a request costs, against what it may.

Counted by valgrind (callgrind) in the program itself, the kernel left out: the figures do not depend on how busy the
machine is, and differ by a few in a hundred between builds by one compiler at most. bench/instruction_budget.json holds
what was counted when somebody last looked, and the margin; whoever makes a request cheaper, or dearer with good reason,
writes it anew with --renew and says so in the commit. Exit status 77: not counted, since a tool is missing."""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from .side_by_side.process import Process, free_port

BUDGET = pathlib.Path(__file__).with_suffix(".json")
TEMPLATE = pathlib.Path(__file__).parent / "side_by_side" / "peers" / "sidecache.yaml"
SKIPPED = 77
KEYS = 2000
ONE = ["--path", "/products/1", "--requests", str(2 * KEYS)]
EACH = ["--path", "/products/{}", "--keys", str(KEYS), "--in-order", "--requests", str(KEYS)]

# Name: the store ("" for memory), the near cache, what is asked before, what is counted.
FIGURES = {
    "near hit, known by its bytes": ("", "64MiB", [ONE], ONE),
    # Filled, read from the store, kept in memory: the third time each is a near hit with a head that is new.
    "near hit, a head that is new": ("", "64MiB", [EACH, EACH], EACH),
    "hit in Redis": ("redis", "0", [ONE], ONE),
    "passed through": ("", "64MiB", [["--path", "/pass/1", "--requests", "500"]], ["--path", "/pass/1", "--requests", str(KEYS)]),
}


class Counter:
    """A sidecache under callgrind, which counts when told to."""

    def __init__(self, build, work, name, store, near):
        self.build, self.work = build, work
        cores = f"0-{(os.cpu_count() or 1) - 1}"
        self.started = []
        backend = self.start("backend", cores, [build / "epoll_responder"])
        backend_port = int(backend.wait_for_log(r"listening on \S*?:(\d+)\n").group(1))
        if store:
            redis_port = free_port()
            redis = self.start("redis", cores, ["redis-server", "--bind", "127.0.0.1", "--port", redis_port, "--save", "", "--dir", work])
            redis.wait_for_port(redis_port)
        self.port = free_port()
        values = {"PORT": self.port, "ADMIN": free_port(), "BACKEND": backend_port, "NEAR": near,
                  "STORE": f"redis://127.0.0.1:{redis_port}/0" if store else "memory://"}
        text = re.sub(r"@(\w+)@", lambda m: str(values[m.group(1)]), TEMPLATE.read_text())
        # What valgrind runs takes long: no answer shall come too late for that.
        file = work / "sidecache.yaml"
        file.write_text(text.replace('store: {url: ', 'store: {timeout: 5s, margin: 60s, url: '))
        self.out = work / "counted"
        self.process = self.start("sidecache", cores, [
            "valgrind", "--tool=callgrind", f"--callgrind-out-file={self.out}", "--instr-atstart=no",
            work / "sidecache", "run", file])
        try:
            self.process.wait_for_port(self.port, 60)
        except RuntimeError:
            self.end_all()
            raise

    def start(self, name, core, command):
        process = Process(self.work, name, core, command)
        self.started.append(process)
        return process

    def ask(self, what):
        done = subprocess.run([self.build / "load_generator", "--port", str(self.port), "--connections", "16", "--seconds", "300", *what],
                              capture_output=True, text=True, check=True)
        figures = json.loads(done.stdout)
        if figures["errors"] or not figures["answered"]:
            self.process.fail(f"{figures['errors']} errors of {figures['answered']} requests")
        return figures["answered"]

    def switch(self, on):
        pid = str(self.process.pids()[0])
        subprocess.run(["callgrind_control", "-i", "on" if on else "off", pid], check=True, capture_output=True, timeout=60)

    def stop(self):
        self.process.process.terminate()
        self.process.process.wait(120)
        self.end_all()

    def end_all(self):
        for process in reversed(self.started):
            process.stop()

    def total(self):
        return int(re.search(r"^totals: (\d+)", self.out.read_text(), re.M).group(1))


def count(build, name, store, near, before, counted):
    work = pathlib.Path(tempfile.mkdtemp(prefix="sidecache-budget-"))
    try:
        # The valgrind of Debian 12 does not read the debug information of today's compilers.
        subprocess.run([shutil.which("objcopy") or "llvm-objcopy-19", "--strip-debug", build / "sidecache", work / "sidecache"], check=True)
        run = Counter(build, work, name, store, near)
        try:
            for what in before:
                run.ask(what)
            time.sleep(0.5)  # what was stored is read back
            run.switch(True)
            answered = run.ask(counted)
            run.switch(False)
        finally:
            run.stop()
        return run.total() / answered
    finally:
        shutil.rmtree(work, ignore_errors=True)


def main():
    options = argparse.ArgumentParser(prog="bench.instruction_budget", description=__doc__.splitlines()[0])
    options.add_argument("build", type=pathlib.Path, help="the folder of a release build")
    options.add_argument("--renew", action="store_true", help="write what was counted as what it may cost")
    o = options.parse_args()
    missing = [tool for tool in ("valgrind", "callgrind_control", "redis-server") if not shutil.which(tool)]
    if missing:
        print("SKIPPED, nothing was counted: not installed: " + ", ".join(missing))
        return SKIPPED
    budget = json.loads(BUDGET.read_text())
    over = []
    for name, how in FIGURES.items():
        found = count(o.build.resolve(), name, *how)
        most = budget["instructions"].get(name, 0) * (1 + budget["margin"])
        if o.renew:
            budget["instructions"][name] = int(round(found, -1))
        elif found > most:
            over.append(name)
        print(f"{name}: {found:.0f} instructions a request" + ("" if o.renew else f", may be {most:.0f}" + (": TOO MANY" if found > most else "")),
              flush=True)
    if o.renew:
        BUDGET.write_text(json.dumps(budget, indent=2) + "\n")
    return 1 if over else 0


sys.exit(main())
