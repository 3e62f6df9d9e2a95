"""What the servers are asked, and which of them can be asked it."""


class Load:
    """`asks`: options of the load generator. `rate`: requests a second of the run that measures latencies."""

    def __init__(self, name, title, servers, asks, rate, warm=None, target=None, says=None):
        self.name, self.title, self.servers, self.asks, self.rate = name, title, servers, asks, rate
        self.warm = warm or []
        self.target, self.says = target, says


MEMORY = ["limit", "sidecache", "nginx", "nginx-lua", "haproxy", "varnish"]
REDIS = ["limit", "sidecache-redis", "nginx-srcache", "node"]
SKEWED = ["--path", "/products/{}", "--keys", "10000", "--skew", "1.0"]
EACH_ONCE = ["--path", "/products/{}", "--keys", "10000", "--in-order", "--requests", "10000", "--seconds", "60"]

LOADS = [
    Load("one-key", "Hit, one key of 1.5 KB", MEMORY, ["--path", "/products/1"], 20000, target=1.3, says="near"),
    Load("skewed", "Hit, 10,000 keys of 1.5 KB, skewed", MEMORY, SKEWED, 20000, warm=EACH_ONCE, target=1.5, says="near"),
    Load("list", "Hit, one list of 32 KB", MEMORY, ["--path", "/lists/1"], 10000, target=1.35, says="near"),
    Load("redis", "Hit through Redis, 1.5 KB (Redis included)", REDIS, ["--path", "/products/1"], 5000, target=2.3,
         says="store"),
    Load("pass", "Passed through, not cached", ["limit", "sidecache", "nginx", "haproxy", "varnish", "node"],
         ["--path", "/pass/1"], 4000, target=2.4),
    Load("uncacheable", "Answers that say no-store, under a rule that would cache them",
         ["sidecache", "nginx", "haproxy", "varnish"], ["--path", "/nostore/1"], 4000),
    Load("mix", "10,000 keys, skewed, 5 % writes (peers invalidate nothing, Node.js its own key)",
         ["sidecache", "sidecache-redis-near", "nginx", "haproxy", "varnish", "node"], SKEWED + ["--writes", "0.05"], 4000,
         warm=EACH_ONCE),
]
# Each key is asked for once, so a server is measured once for each range of keys.
FILLS = ["sidecache", "sidecache-redis", "nginx", "haproxy", "varnish", "nginx-srcache", "node"]
STAMPEDES = ["sidecache", "two sidecaches", "nginx", "varnish"]
MEMORY_OF = ["sidecache", "nginx-lua", "haproxy", "varnish"]
IDLE = ["limit", "sidecache", "nginx", "haproxy", "varnish", "node"]
