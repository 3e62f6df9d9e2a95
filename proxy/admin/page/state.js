// Latency, state, configuration.
function showLatency(latency) {
  const there = RESULTS.filter(k => latency.results[k]);
  byId('latency-none').hidden = there.length > 0;
  byId('latency').closest('.scroll').hidden = there.length === 0;
  sync(byId('latency'), there, k => k, k => {
    const {row, all} = cells(['', 'n', 'n', 'n', 'n', 'n']);
    all[0].append(svg('svg', {class: 'dot f-' + k, viewBox: '0 0 10 10', 'aria-hidden': 'true'}, svg('circle', {cx: 5, cy: 5, r: 5})), MEANING[k]);
    return {row, update(name) {
      const l = latest.latency.results[name];
      [short(l.count), duration(l.mean_seconds), quantile(l.p50_seconds), quantile(l.p90_seconds), quantile(l.p99_seconds)]
        .forEach((text, i) => put(all[i + 1], text));
    }};
  });
}

/// [name, good|warn|bad|'', what, more]
function stateOf(s) {
  const out = [];
  const st = s.store;
  out.push(['Store', !st.up ? 'bad' : st.breaker_open || st.quarantined ? 'warn' : 'good',
    !st.up ? 'down' : st.breaker_open ? 'breaker open: requests go to the backend'
      : st.quarantined ? 'up; quarantine after a failover: nothing is stored yet' : 'up, breaker closed',
    [st.url, st.server && 'server ' + st.server.slice(0, 12), !st.up && st.last_error, st.warning].filter(Boolean).join(' · ')]);
  const r = s.replica;
  if (r.near_cache) {
    out.push(['Near cache', r.near_lease_valid ? 'good' : 'warn',
      r.near_lease_valid ? 'lease held: hits come from memory' : 'no lease: hits come from the store',
      r.subscribed ? '' : 'not subscribed to the event channel']);
  } else {
    out.push(['Near cache', '', 'off', '']);
  }
  out.push(['Replicas', r.mutations_wait_a_lease ? 'warn' : 'good', r.members <= 1 ? 'this one alone' : `${r.members}, this one included`,
    r.mutations_wait_a_lease ? 'writes wait for a lease: not yet settled among the others' : 'as the last write found them']);
  out.push(['Backend', s.upstream.reachable ? 'good' : 'bad', s.upstream.reachable ? 'answers' : 'no answer lately', s.upstream.address]);
  out.push(['Pending purges', s.purges_pending ? 'bad' : 'good', whole(s.purges_pending),
    s.purges_pending ? 'the store has not had them; nothing under them is served here' : '']);
  out.push(['Unmatched writes', s.unmatched_mutations ? 'warn' : 'good', whole(s.unmatched_mutations),
    s.unmatched_mutations ? 'no purge matches them: one may be missing from the file' : '']);
  if (s.config.reload_waits) {
    out.push(['Reload', 'warn', 'waits', 'until the other replicas know of the new rules']);
  }
  return out;
}
function showState(s) {
  sync(byId('state'), stateOf(s), one => one[0], ([name]) => {
    const dot = el('span', {'aria-hidden': 'true'});
    const what = el('span');
    const more = el('small');
    const row = el('div', {class: 'row'}, el('dt', {}, name), el('dd', {}, dot, what, more));
    return {row, update([, kind, text, detail]) {
      mood(dot, kind, 'dot');
      put(what, text);
      put(more, detail);
    }};
  });
}

let findingsShown = null;
function showConfig(s) {
  const c = s.config;
  put(byId('config-file'), `${c.file}, read ${clock(c.loaded_at_ms)}`);
  const wanted = JSON.stringify([c.warnings, c.refused_reload, c.loaded_at_ms]);
  if (wanted === findingsShown) return;
  findingsShown = wanted;
  const list = (items, kind) => el('ul', {class: 'findings'}, ...items.map(t => el('li', {class: kind}, t)));
  byId('findings').replaceChildren(
    ...(c.refused_reload.length ? [el('p', {}, 'The last reload was refused; what was before it goes on:'), list(c.refused_reload, 'bad')] : []),
    ...(c.warnings.length ? [list(c.warnings, 'warn')] : [el('p', {class: 'muted'}, 'No warnings.')]));
  readConfig();
}
async function readConfig() {
  if (!byId('config-text').open) return;
  const pre = byId('config-text').querySelector('pre');
  try {
    put(pre, await ask('config', 'text'));
  } catch (e) {
    put(pre, e.message);
  }
}
byId('config-text').addEventListener('toggle', readConfig);
