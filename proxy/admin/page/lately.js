// Changes as they happen, and the keys most asked for.
const OUTCOMES = {
  changed: ['good', 'invalidated'], unchanged: ['', 'nothing changed'], unknown: ['warn', 'unknown: counts as changed'],
  pending: ['bad', 'pending'], refused: ['bad', 'refused'],
};
let newest = 0;

function mutationRow(m) {
  const {row, all} = cells(['ago', 'path', '', 'reach', 'n', 'n']);
  const [kind, word] = OUTCOMES[m.outcome] || ['', m.outcome];
  all[0].title = new Date(m.at_ms).toLocaleString('en-GB');
  all[1].append(el('b', {}, m.method), ' ', el('code', {}, m.path));
  all[2].append(el('span', {class: 'chip ' + kind}, word));
  all[3].append(m.purge || el('span', {class: 'chip warn'}, 'no purge matched'));
  if (m.tags.length) {
    const more = m.tags_in_all - m.tags.length;
    all[3].append(el('div', {class: 'tags'}, ...m.tags.map(t => el('code', {}, t)), more > 0 ? `and ${whole(more)} more` : null));
  }
  put(all[4], m.keys_removed ? whole(m.keys_removed) : NONE);
  put(all[5], duration(m.seconds));
  all[5].title = m.upstream_seconds ? `and ${duration(m.upstream_seconds)} of the backend's` : '';
  if (newest && m.at_ms > newest) row.classList.add('new');
  return {row, update() { put(all[0], span((Date.now() + past.ahead - m.at_ms) / 1000)); }};
}
function showMutations(given) {
  if (!given.mutations) {
    byId('mutations-none').hidden = false;
    put(byId('mutations-none'), given.message);
    return;
  }
  const list = given.mutations.slice(0, 25);
  byId('mutations-none').hidden = list.length > 0;
  byId('mutations').closest('.scroll').hidden = list.length === 0;
  const times = new Map();
  sync(byId('mutations'), list.reverse().map(m => {
    const base = `${m.at_ms} ${m.method} ${m.path}`;  // oldest first: the number of a twin stays
    times.set(base, (times.get(base) || 0) + 1);
    return {...m, id: `${base} ${times.get(base)}`};
  }).reverse(), m => m.id, mutationRow);
  newest = Math.max(newest, 1, ...list.map(m => m.at_ms));
}
const PHASES = ['begin', 'end', 'unchanged', 'unknown', 'pending', 'replayed', 'purged_keys'];
function showPurges(s) {
  sync(byId('purges'), s.purges, p => p.name, p => {
    const {row, all} = cells(['', ...PHASES.map(() => 'n')]);
    put(all[0], p.name);
    return {row, update(now) { PHASES.forEach((k, i) => put(all[i + 1], short(now[k]))); }};
  });
}

function showKeys(given) {
  const list = given.keys || [];
  byId('hot-none').hidden = list.length > 0;
  if (!given.keys) put(byId('hot-none'), given.message);
  byId('hot').closest('.scroll').hidden = list.length === 0;
  sync(byId('hot'), list.slice(0, 15), k => k.rule + ' ' + k.key + k.cut, k => {
    const {row, all} = cells(['', '', 'n', '']);
    all[0].append(el('code', {class: 'key'}, k.key + (k.cut ? '…' : '')));
    put(all[1], k.rule);
    const bar = share();
    all[3].append(bar.node);
    return {row, update(now) {
      put(all[2], rate(now.per_second));
      bar.set(now.hit_ratio);
    }};
  });
}
