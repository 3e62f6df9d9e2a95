// Traffic: the plots, the rules, the figures on top.
const view = {rule: '', seconds: 600};

const ratePlot = new Plot(byId('plot-rate'), {
  axis: short,
  draw: drawRates,
  top: d => niceMax(Math.max(...d.at.map((_, i) => RESULTS.reduce((s, k) => s + d[k][i], 0) * 1000 / (d.took[i] || 2000)), 0)),
  tell: (d, i) => RESULTS.filter(k => d[k][i]).map(k => `${MEANING[k]} ${rate(ratesOf(d, k)[i])}`).join(', ') || 'no request',
  label: d => {
    const t = sums(d);
    return `Requests a second over ${span(d.seconds)}: ${rate(t.rate)} on average, ${rate(t.hits / (totalOf(d.took) / 1000 || 1))} of them hits.`;
  },
});
const ratioPlot = new Plot(byId('plot-ratio'), {
  axis: share => Math.round(100 * share) + ' %',
  draw: drawRatio,
  top: () => 1,
  tell: (d, i) => ratioAt(d, i) === null ? 'nothing was looked up' : percent(ratioAt(d, i)),
  label: d => `Hit ratio over ${span(d.seconds)}: ${percent(sums(d).ratio)} of what was looked up.`,
});

function showPlots() {
  const d = slice(view.rule, view.seconds);
  ratePlot.show(d);
  ratioPlot.show(d);
  const there = RESULTS.filter(k => totalOf(d[k]) || k === 'hit' || k === 'miss');
  const wanted = there.join();
  if (byId('legend').shown !== wanted) {
    byId('legend').shown = wanted;
    byId('legend').replaceChildren(...there.map(k => el('li', {},
      svg('svg', {viewBox: '0 0 10 10', 'aria-hidden': 'true'}, svg('rect', {class: 'f-' + k, width: 10, height: 10, rx: 3})), MEANING[k])));
  }
  if (byId('as-table').open) showMinutes(d);
}
function showMinutes(d) {
  const minutes = new Map();
  d.at.forEach((at, i) => {
    const key = Math.floor(at / 60000);
    if (!minutes.has(key)) minutes.set(key, Object.fromEntries(RESULTS.map(k => [k, 0])));
    for (const k of RESULTS) minutes.get(key)[k] += d[k][i];
  });
  sync(byId('minutes'), [...minutes].reverse(), m => m[0], () => {
    const {row, all} = cells(['', 'n', 'n', 'n', 'n', 'n']);
    return {row, update([minute, t]) {
      const hits = t.hit + t.stale, misses = t.miss + t.coalesced, other = t.bypass + t.pass;
      [clock(minute * 60000).slice(0, 5), whole(hits + misses + other), whole(hits), whole(misses), whole(other), percent(ratioOf(hits, misses))]
        .forEach((text, i) => put(all[i], text));
    }};
  });
}

function pickRule(rule) {
  view.rule = rule;
  byId('rule').value = rule;
  refreshTraffic();
}
byId('rule').addEventListener('change', e => pickRule(e.target.value));
byId('span').addEventListener('change', e => { view.seconds = Number(e.target.value); refreshTraffic(); });
/// At first: what there is fills most of the plot.
function fitSpan() {
  const there = past.at.length * 2;
  view.seconds = there < 90 ? 60 : there < 360 ? 300 : 600;
  document.querySelector(`#span [value="${view.seconds}"]`).checked = true;
}
byId('as-table').addEventListener('toggle', () => showPlots());

/// The two reasons that come most often.
function mostly(counts, what) {
  const most = Object.entries(counts).sort((a, b) => b[1] - a[1]).slice(0, 2);
  return most.length ? what + most.map(([name, n]) => `${name} ${short(n)}`).join(', ') : '';
}

function ruleRow(r) {
  const {row, all} = cells(['', 'wide', 'n', '', 'n', 'n', 'n']);
  const pick = el('button', {type: 'button'}, r.label);
  const small = el('small');
  const picture = svg('svg', {class: 'spark', viewBox: '0 0 130 28', 'aria-hidden': 'true', preserveAspectRatio: 'none'});
  const bar = share();
  const [tiers, hits, misses, unstored] = [el('small'), el('span'), el('span'), el('small')];
  const reasons = el('small');
  const around = el('span');
  all[0].append(pick, small);
  all[1].append(picture);
  all[3].append(bar.node);
  all[4].append(hits, tiers);
  all[5].append(misses, unstored);
  all[6].append(around, reasons);
  pick.addEventListener('click', () => pickRule(view.rule === r.label ? '' : r.label));
  return {row, update(now) {
    pick.setAttribute('aria-pressed', String(view.rule === now.label));
    put(small, now.match ? `${now.match} → ${now.key}, ${duration(now.ttl_seconds)}` : 'passed to the backend');
    small.title = small.textContent;
    drawSpark(picture, slice(now.label, view.seconds));
    put(all[2], rate(sums(slice(now.label, 10)).rate));
    const t = now.requests;
    bar.set(now.hit_ratio);
    put(hits, short(t.hit + t.stale));
    put(tiers, now.hits && now.hits.near ? `${percent(now.hits.near / (now.hits.near + now.hits.store))} near` : '');
    put(misses, short(t.miss + t.coalesced));
    put(unstored, mostly(now.not_stored, 'not stored: '));
    put(around, short(t.bypass + t.pass));
    put(reasons, mostly(now.bypass, ''));
  }};
}

let latest = null;
function refreshTraffic() {
  if (!latest) return;
  showPlots();
  const rules = latest.rules.map(r => ({...r, label: r.name}));
  const free = latest.no_rule;
  if (Object.values(free).some(Boolean)) {
    rules.push({label: '(no rule)', requests: free, hit_ratio: null, bypass: {}, not_stored: {}});
  }
  sync(byId('rules'), rules, r => r.label, ruleRow);
  const names = ['', ...rules.map(r => r.label)];
  const select = byId('rule');
  if (select.names !== names.join('\n')) {
    select.names = names.join('\n');
    select.replaceChildren(...names.map(n => el('option', {value: n}, n || 'all rules')));
    if (!names.includes(view.rule)) view.rule = '';
    select.value = view.rule;
  }
}

function showTiles(s) {
  const minute = sums(slice('', 60));
  const [value, unit] = [short(sums(slice('', 10)).rate), '/s'];
  figure('t-rate', value, unit);
  put(byId('t-rate-sub'), `${rate(minute.rate)} over the last minute`);
  figure('t-ratio', percent(minute.ratio).replace(' %', ''), minute.ratio === null ? '' : ' %');
  put(byId('t-ratio-sub'), minute.ratio === null ? 'nothing looked up in the last minute' : `${short(minute.hits)} hits, ${short(minute.misses)} misses in the last minute`);
  for (const k of ['hit', 'miss']) {
    const l = s.latency.results[k];
    const [amount, of] = l ? duration(l.mean_seconds).split(' ') : [NONE, ''];
    figure('t-' + k, amount, of && ' ' + of);
    put(byId(`t-${k}-sub`), l ? `on average; p99 ${quantile(l.p99_seconds)}` : 'none in the last minute');
  }
  const near = s.near_cache;
  if (near.size_bytes) {
    const [amount, of] = bytes(near.bytes).split(' ');
    figure('t-near', amount, ' ' + of);
    put(byId('t-near-sub'), `of ${bytes(near.size_bytes)}; ${short(near.entries)} entries`);
  } else {
    figure('t-near', 'off');
    put(byId('t-near-sub'), 'near_cache.size is 0');
  }
}
