"""The ratios as one picture: bars for each load, the limit of the machine at 1."""
from html import escape

from .report import limit_of

WIDTH, LABEL, BAR, GAP, GROUP = 760, 230, 18, 6, 34
STYLE = """text{font:13px system-ui,sans-serif;fill:#24292f}.t{font-weight:600}.v{font-variant-numeric:tabular-nums}
.own{fill:#1f6feb}.peer{fill:#afb8c1}.limit{stroke:#d1242f;stroke-dasharray:4 3}.page{fill:#fff}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.own{fill:#388bfd}.peer{fill:#57606a}.page{fill:#0d1117}}"""


def svg(found):
    groups = [(load["title"], [(r["server"], r["together_us"] / limit_of(load)) for r in load["rows"] if r["server"] != "epoll responder"])
              for load in found["loads"] if limit_of(load)]
    most = max((ratio for _, rows in groups for _, ratio in rows), default=1)
    scale = (WIDTH - LABEL - 70) / most
    y, parts = 30, []
    parts.append('<text x="10" y="20" class="t">CPU time a request, as a multiple of a bare epoll responder (shorter is better)</text>')
    for title, rows in groups:
        y += GROUP
        parts.append(f'<text x="10" y="{y - 8}" class="t">{escape(title)}</text>')
        top = y
        for server, ratio in rows:
            kind = "own" if server.startswith("sidecache") else "peer"
            parts.append(f'<text x="{LABEL - 8}" y="{y + 13}" text-anchor="end">{escape(server)}</text>')
            parts.append(f'<rect x="{LABEL}" y="{y}" width="{ratio * scale:.1f}" height="{BAR}" rx="2" class="{kind}"/>')
            parts.append(f'<text x="{LABEL + ratio * scale + 6:.1f}" y="{y + 13}" class="v">{ratio:.2f}</text>')
            y += BAR + GAP
        parts.append(f'<line x1="{LABEL + scale:.1f}" x2="{LABEL + scale:.1f}" y1="{top - 2}" y2="{y - GAP + 2}" class="limit"/>')
    height = y + 12
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="CPU time a request">'
            f'<style>{STYLE}</style><rect width="{WIDTH}" height="{height}" class="page"/>' + "".join(parts) + "</svg>\n")
