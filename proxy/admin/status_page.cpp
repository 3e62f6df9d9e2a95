#include "proxy/admin/status_page.hpp"

#include <openssl/evp.h>

#include <array>
#include <string>
#include <string_view>

namespace sidecache::admin {

namespace {

constexpr std::string_view style = R"css(
:root { color-scheme: light dark; --line: #8884; --good: #18794e; --bad: #c62a2f; }
@media (prefers-color-scheme: dark) { :root { --good: #4cc38a; --bad: #ff6369; } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0 0 .2rem; }
h2 { font-size: 1.05rem; margin: 2rem 0 .4rem; }
p { margin: .2rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; }
.n { text-align: right; font-variant-numeric: tabular-nums; }
.good { color: var(--good); }
.bad { color: var(--bad); font-weight: 600; }
code { font: .92em ui-monospace, monospace; }
)css";

constexpr std::string_view script = R"js(
'use strict';
const results = ['hit', 'stale', 'miss', 'coalesced', 'bypass'];
const phases = ['begin', 'end', 'unchanged', 'unknown', 'pending', 'replayed', 'purged_keys'];
const byId = id => document.getElementById(id);
const percent = share => share === null ? '–' : (100 * share).toFixed(1) + ' %';
const count = n => n.toLocaleString('en');

function say(id, text, good) {
  const at = byId(id);
  at.textContent = text;
  at.className = good === undefined ? '' : good ? 'good' : 'bad';
}

function rows(id, lines) {
  byId(id).replaceChildren(...lines.map(line => {
    const row = document.createElement('tr');
    for (const value of line) {
      const cell = document.createElement('td');
      cell.textContent = typeof value === 'number' ? count(value) : value;
      if (typeof value === 'number' || /^(–|[\d.]+ %)$/.test(value)) cell.className = 'n';
      row.append(cell);
    }
    return row;
  }));
}

function store(s) {
  if (!s.up) return 'down' + (s.last_error ? ': ' + s.last_error : '');
  if (s.breaker_open) return 'breaker open';
  return s.quarantined ? 'up, in quarantine after a failover: nothing is stored yet' : 'up';
}

function show(s) {
  say('status', s.status, s.status === 'ready');
  say('about', `version ${s.version}, ${s.workers} workers, up ${count(s.uptime_seconds)} s, ${s.config.file}`);
  say('store', `${s.store.url} ${store(s.store)}`, s.store.up && !s.store.breaker_open);
  say('upstream', `${s.upstream.address} ${s.upstream.reachable ? 'reachable' : 'unreachable'}`, s.upstream.reachable);
  say('pending', count(s.purges_pending), s.purges_pending === 0);
  say('unmatched', count(s.unmatched_mutations));
  rows('rules', s.rules.map(r => [r.name, r.match, ...results.map(n => r.requests[n]), percent(r.hit_ratio)]));
  rows('purges', s.purges.map(p => [p.name, ...phases.map(n => p[n])]));
  const notes = [...s.config.refused_reload, ...s.config.warnings];
  byId('notes').hidden = notes.length === 0;
  rows('warnings', notes.map(n => [n]));
}

async function refresh() {
  try {
    const answer = await fetch('stats', {cache: 'no-store'});
    if (!answer.ok) throw new Error('HTTP ' + answer.status);
    show(await answer.json());
  } catch (e) {
    say('status', 'no answer from this port (' + e.message + ')', false);
  }
  setTimeout(refresh, 2000);
}
refresh();
)js";

constexpr std::string_view body = R"html(
<h1>sidecache: <span id="status">…</span></h1>
<p id="about"></p>
<p>Store: <span id="store"></span></p>
<p>Upstream: <span id="upstream"></span></p>
<p>Purges the store has not had yet: <span id="pending"></span></p>
<p>Mutations that no purge matched: <span id="unmatched"></span></p>
<h2>Rules</h2>
<div class="scroll"><table>
<thead><tr><th>rule<th>match<th class="n">hit<th class="n">stale<th class="n">miss<th class="n">coalesced<th class="n">bypass<th class="n">hit ratio</tr></thead>
<tbody id="rules"></tbody></table></div>
<h2>Purges</h2>
<div class="scroll"><table>
<thead><tr><th>purge<th class="n">begin<th class="n">end<th class="n">unchanged<th class="n">unknown<th class="n">pending<th class="n">replayed<th class="n">keys</tr></thead>
<tbody id="purges"></tbody></table></div>
<section id="notes" hidden>
<h2>Warnings of the configuration</h2>
<div class="scroll"><table><tbody id="warnings"></tbody></table></div>
</section>
)html";

/// 'sha256-...' of a style or script as a browser computes it (CSP level 3 section 2.3.1).
std::string source_hash(std::string_view source) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_Digest(source.data(), source.size(), digest.data(), &size, EVP_sha256(), nullptr);
    std::array<unsigned char, 2UL * EVP_MAX_MD_SIZE> text{};
    auto const n = EVP_EncodeBlock(text.data(), digest.data(), static_cast<int>(size));
    return "'sha256-" + std::string(text.begin(), text.begin() + n) + "'";
}

std::string policy() {
    return "default-src 'none'; connect-src 'self'; style-src " + source_hash(style) +
           "; script-src " + source_hash(script) +
           "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
}

std::string page() {
    std::string out =
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" "
        "content=\"width=device-width\">\n<title>sidecache</title>\n<style>";
    out += style;
    out += "</style>\n";
    out += body;
    out +=
        "<noscript>This page shows <a href=\"stats\">/stats</a>, which needs JavaScript."
        "</noscript>\n<script>";
    out += script;
    out += "</script>\n</html>\n";
    return out;
}

}  // namespace

answer status_page() {
    static std::string const content = page();
    static std::string const security = policy();
    return answer{200,
                  "text/html; charset=utf-8",
                  content,
                  {{"Content-Security-Policy", security}, {"Referrer-Policy", "no-referrer"}}};
}

}  // namespace sidecache::admin
