"""The servers of a run: sidecache, its peers, and the responder that is the limit of the machine."""
import pathlib
import shutil
import subprocess

from .process import Process, free_port

PEERS = pathlib.Path(__file__).parent / "peers"
SERVER_CORE = 0
OTHER_CORE = 1


class Server:
    """What is asked on `port`; `process` is what pays for it, `beside` what pays as well (Redis)."""

    def __init__(self, name, port, process, beside=None, detail=None, admin=None):
        self.name, self.port, self.process, self.beside = name, port, process, beside
        self.detail, self.admin = detail, admin


class Stage:
    """Starts servers; what is not installed is left out, and said."""

    def __init__(self, build, work):
        self.build, self.work = pathlib.Path(build).resolve(), work
        self.started, self.missing = [], []
        self.backend = self.port_of(self.start("backend", OTHER_CORE, [self.build / "epoll_responder"]))
        self.redis_port = free_port()
        self.redis = self.start("redis", OTHER_CORE, ["redis-server", "--bind", "127.0.0.1", "--port", self.redis_port,
                                                      "--save", "", "--dir", work])
        self.redis.wait_for_port(self.redis_port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.started):
            process.stop()

    def start(self, name, core, command, **more):
        process = Process(self.work, name, core, command, **more)
        self.started.append(process)
        return process

    def port_of(self, process):
        return int(process.wait_for_log(r"listening on \S*?:(\d+)\n").group(1))

    def have(self, program):
        if shutil.which(program):
            return True
        self.missing.append(program)
        return False

    def rendered(self, peer, name=None, **values):
        """A configuration of `peers`, its @...@ filled in, as a file."""
        text = (PEERS / peer).read_text()
        values = {"BACKEND": self.backend, "REDIS": self.redis_port, **values}
        for key, value in values.items():
            text = text.replace(f"@{key}@", str(value))
        folder = self.work / (name or peer).split(".")[0]
        folder.mkdir(exist_ok=True)
        file = folder / (name or peer)
        file.write_text(text)
        return file

    def limit(self):
        process = self.start("limit", SERVER_CORE, [self.build / "epoll_responder"])
        return Server("epoll responder", self.port_of(process), process)

    def sidecache(self, name, store="memory://", near="256MiB", core=SERVER_CORE):
        port, admin = free_port(), free_port()
        file = self.rendered("sidecache.yaml", f"{name.replace(' ', '-')}.yaml", PORT=port, ADMIN=admin, STORE=store, NEAR=near)
        process = self.start(name.replace(" ", "-"), core, [self.build / "sidecache", "run", file])
        process.wait_for_port(port)
        return Server(name, port, process, beside=self.redis if store.startswith("redis") else None, admin=admin)

    def redis_url(self, database):
        return f"redis://127.0.0.1:{self.redis_port}/{database}"

    def nginx(self, name, peer, beside=None):
        if not self.have("nginx"):
            return None
        port = free_port()
        main = self.rendered(peer, PORT=port, WORK=self.work / peer.split(".")[0], CACHE=self.cache_folder(peer))
        for part in ("nginx-common.conf", "nginx-http.conf"):
            filled = self.rendered(part, WORK=main.parent)
            shutil.copy(filled, main.parent / part)
        process = self.start(peer.split(".")[0], SERVER_CORE, ["nginx", "-c", main, "-p", "/usr/share/nginx/"])
        process.wait_for_port(port)
        return Server(name, port, process, beside=beside)

    def cache_folder(self, peer):
        shared = pathlib.Path("/dev/shm")
        if peer != "nginx.conf" or not shared.is_dir():
            return self.work / "cache"
        folder = shared / self.work.name
        folder.mkdir(exist_ok=True)
        return folder

    def haproxy(self):
        if not self.have("haproxy"):
            return None
        port = free_port()
        process = self.start("haproxy", SERVER_CORE, ["haproxy", "-db", "-f", self.rendered("haproxy.cfg", PORT=port)])
        process.wait_for_port(port)
        return Server("HAProxy", port, process)

    def varnish(self):
        if not self.have("varnishd"):
            return None
        port = free_port()
        file = self.rendered("varnish.vcl")
        process = self.start("varnish", SERVER_CORE, [
            "varnishd", "-F", "-a", f"127.0.0.1:{port}", "-T", "none", "-n", self.work / "varnish-files", "-f", file,
            "-s", "malloc,1g", "-t", "3600", "-j", "none", "-p", "thread_pools=1", "-p", "thread_pool_min=80",
            "-p", "thread_pool_max=400"])
        process.wait_for_port(port)
        return Server("Varnish", port, process)

    def node(self):
        if not self.have("node") or not self.have("npm"):
            return None
        folder = self.work / "npm"
        folder.mkdir()
        done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--prefix", folder, "ioredis@5.4.1"],
                              capture_output=True, text=True)
        if done.returncode != 0:
            self.missing.append("ioredis (npm)")
            return None
        port = free_port()
        process = self.start("node", SERVER_CORE, ["node", PEERS / "node.mjs", port, self.redis_port, self.backend,
                                                   folder / "node_modules" / "ioredis"])
        process.wait_for_port(port)
        return Server("Node.js, ioredis", port, process, beside=self.redis)
