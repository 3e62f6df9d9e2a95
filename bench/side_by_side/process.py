"""Processes of a run: started on a core, watched for what they use, ended."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import time


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Process:
    """A server with its children, on one core."""

    def __init__(self, work, name, core, command, **more):
        self.name = name
        self.log = work / f"{name}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["taskset", "-c", str(core), *map(str, command)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, **more)

    def fail(self, why):
        raise RuntimeError(f"{self.name}: {why}\n{self.log.read_text(errors='replace')[-2000:]}")

    def wait_for_log(self, pattern, seconds=20):
        """The first match of `pattern` in what it printed."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = re.search(pattern, self.log.read_text(errors="replace"))
            if found:
                return found
            if self.process.poll() is not None:
                self.fail("has ended")
            time.sleep(0.02)
        self.fail(f"says no {pattern!r}")

    def wait_for_port(self, port, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    return
            if self.process.poll() is not None:
                self.fail("has ended")
            time.sleep(0.02)
        self.fail("does not listen")

    def pids(self):
        """Its own and its children's."""
        found, front = [], [self.process.pid]
        while front:
            pid = front.pop()
            found.append(pid)
            for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
                try:
                    front += [int(child) for child in task.read_text().split()]
                except OSError:
                    pass  # it has just ended
        return found

    def cpu_seconds(self):
        """User and system time of all its threads so far."""
        total = 0
        for pid in self.pids():
            for stat in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
                try:
                    total += int(stat.read_text().split()[0])
                except OSError:
                    pass
        return total / 1e9

    def resident_bytes(self):
        total = 0
        for pid in self.pids():
            try:
                total += int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
            except OSError:
                pass
        return total * os.sysconf("SC_PAGE_SIZE")

    def stop(self):
        if self.process.poll() is None:
            try:
                os.killpg(self.process.pid, signal.SIGTERM)
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
            except ProcessLookupError:
                pass


def busy_seconds(core):
    """How long a core has worked, for whomever; and how long its hypervisor gave it to others."""
    for line in pathlib.Path("/proc/stat").read_text().splitlines():
        if line.startswith(f"cpu{core} "):
            user, nice, system, _idle, _wait, irq, softirq, steal = map(int, line.split()[1:9])
            return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK"), steal / os.sysconf("SC_CLK_TCK")
    raise RuntimeError(f"no core {core}")
