"""One measurement: the generator's figures, and what the server spent meanwhile."""
import json
import subprocess
import time
import urllib.request

from .process import busy_seconds
from .servers import OTHER_CORE, SERVER_CORE

# The server's core shall work for the server: what others took of it is said beyond this part.
INTERFERENCE = 0.04
SATURATED = 0.97


class Bench:
    def __init__(self, build):
        self.generator = build / "load_generator"

    def load(self, ports, asks, *more):
        ports = [option for port in ports for option in ("--port", str(port))]
        done = subprocess.run(["taskset", "-c", str(OTHER_CORE), self.generator, *ports, *asks, *map(str, more)],
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{asks}: {done.stderr or done.stdout}")
        return json.loads(done.stdout)

    def warm(self, server, load):
        self.load([server.port], load.warm or load.asks, *([] if load.warm else ["--requests", 500]))
        if load.warm:  # hits: from now on in memory
            self.load([server.port], load.warm)
            self.load([server.port], load.asks, "--seconds", 0.5)
        if load.says and server.admin:
            self.wait_for_hits(server, load)

    def wait_for_hits(self, server, load):
        """A sidecache answers this load from where the load says, or it is not what is measured."""
        path = load.asks[1].replace("{}", "1")
        for _ in range(500):
            asked = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", headers={"Host": "bench.local"})
            with urllib.request.urlopen(asked) as answer:
                status = answer.headers["Cache-Status"]
            if "; hit;" in status and f"detail={load.says}" in status:
                return
            time.sleep(0.01)
        raise RuntimeError(f"{server.name} does not hit: {status}")

    def sample(self, server, asks, *more):
        """Figures of one run, with the CPU time a request of the server, and of Redis beside it."""
        cpu0, beside0 = server.process.cpu_seconds(), server.beside.cpu_seconds() if server.beside else 0
        core0, steal0 = busy_seconds(SERVER_CORE)
        began = time.monotonic()
        figures = self.load([server.port], asks, *more)
        lasted = time.monotonic() - began
        cpu1, beside1 = server.process.cpu_seconds(), server.beside.cpu_seconds() if server.beside else 0
        core1, steal1 = busy_seconds(SERVER_CORE)
        if figures["errors"]:
            raise RuntimeError(f"{server.name}: {figures['errors']} errors of {figures['answered']}")
        answered = max(figures["answered"], 1)
        figures["cpu_us"] = (cpu1 - cpu0) * 1e6 / answered
        figures["beside_us"] = (beside1 - beside0) * 1e6 / answered
        # The clock of /proc/stat ticks every 10 ms: less than that is nothing.
        others = max(0.0, core1 - core0 - (cpu1 - cpu0) - 0.02) / lasted
        figures["interference"] = others + max(0.0, steal1 - steal0) / lasted
        figures["server_busy"] = (cpu1 - cpu0) / lasted
        return figures
