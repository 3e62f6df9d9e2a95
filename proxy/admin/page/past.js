// The last minutes: samples of two seconds, as /stats/history gives them.
const RESULTS = ['hit', 'stale', 'coalesced', 'miss', 'bypass', 'pass'];
const MEANING = {
  hit: 'hit', stale: 'stale hit', coalesced: 'joined a fetch', miss: 'miss',
  bypass: 'around the cache', pass: 'no rule',
};
const past = {process: null, shape: null, next: 0, kept: 300, at: [], took: [], rules: new Map(), ahead: 0};

const nameOf = r => r.kind === 'others' ? '(other rules)' : r.kind === 'no_rule' ? '(no rule)' : r.name;

/// False: this is not what follows on what we have; ask for all of it.
function remember(h) {
  past.ahead = h.now_ms - Date.now();
  const follows = h.process === past.process && h.shape === past.shape && h.first === past.next;
  if (!follows && h.first > 0 && past.process !== null && h.process !== past.process) {
    past.process = null;
    past.next = 0;
    return false;
  }
  if (!follows && h.shape !== past.shape && past.next > 0 && h.process === past.process) {
    past.process = null;
    past.next = 0;
    return false;
  }
  if (!follows) {
    past.at = [];
    past.took = [];
    past.rules = new Map();
  }
  const before = past.at.length;
  const more = h.at_ms.length;
  past.at.push(...h.at_ms);
  past.took.push(...h.took_ms);
  for (const r of h.rules) {
    const name = nameOf(r);
    if (!past.rules.has(name)) {
      past.rules.set(name, Object.fromEntries(RESULTS.map(k => [k, new Array(before).fill(0)])));
    }
  }
  const given = new Map(h.rules.map(r => [nameOf(r), r]));
  const spare = Math.max(0, before + more - h.kept);
  for (const [name, columns] of past.rules) {
    for (const k of RESULTS) {
      const column = (given.get(name) || {})[k];
      for (let i = 0; i < more; ++i) columns[k].push(column ? column[i] : 0);
      columns[k].splice(0, spare);
    }
  }
  past.at.splice(0, spare);
  past.took.splice(0, spare);
  Object.assign(past, {process: h.process, shape: h.shape, next: h.next, kept: h.kept});
  return true;
}

/// Of one rule ('' for all): {at, took, hit: [], ...} of the last `seconds`.
function slice(rule, seconds) {
  const end = past.at.length ? past.at[past.at.length - 1] : 0;
  let first = past.at.findIndex(at => at > end - seconds * 1000);
  if (first < 0) first = past.at.length;
  const out = {at: past.at.slice(first), took: past.took.slice(first), end, seconds};
  const from = rule ? [past.rules.get(rule)].filter(Boolean) : [...past.rules.values()];
  for (const k of RESULTS) {
    out[k] = out.at.map((_, i) => from.reduce((sum, columns) => sum + columns[k][first + i], 0));
  }
  return out;
}
const totalOf = column => column.reduce((a, b) => a + b, 0);
/// Looked up: what the hit ratio is of.
function ratioOf(hits, misses) {
  return hits + misses ? hits / (hits + misses) : null;
}
function sums(s) {
  const t = Object.fromEntries(RESULTS.map(k => [k, totalOf(s[k])]));
  t.all = RESULTS.reduce((sum, k) => sum + t[k], 0);
  t.hits = t.hit + t.stale;
  t.misses = t.miss + t.coalesced;
  t.ratio = ratioOf(t.hits, t.misses);
  t.rate = t.all / (totalOf(s.took) / 1000 || 1);
  return t;
}
