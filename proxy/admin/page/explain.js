// What would become of a request.
const REASONS = {
  unlisted_query: 'a query parameter that the key does not use: nobody can tell what it changes',
  duplicate_query: 'a parameter of the key came twice',
  odd_path: 'dot or empty segments, encoded slashes or the like in the path',
  missing_variable: 'a variable of the key has neither a value nor a default',
  request_body: 'a read with a body', range: 'only a part was asked for',
  unverified_identity: 'the rule shares by identity, and nobody was verified: name who asks below the path',
  key_too_long: 'the key would be too long', method_override: 'the method may be another one than it says',
  duplicate_field: 'a header or cookie of the key came twice',
  unkeyed_field: 'a header that may change the answer and is in no key',
};
let identityShown = '';
function showIdentity(names) {
  if (identityShown === names.join()) return;
  identityShown = names.join();
  byId('identity').replaceChildren(names.length ? 'Who asks, as if verified' : 'This file verifies nobody (no identity).',
    ...names.map(n => el('label', {}, n, el('input', {name: 'identity.' + n, spellcheck: 'false'}))));
}

function pairs(list) {
  return el('dl', {}, ...list.filter(p => p && p[1] !== undefined).flatMap(([name, value]) =>
    [el('dt', {}, name), el('dd', {}, value)]));
}
const codes = list => el('ul', {}, ...list.map(t => el('li', {}, el('code', {}, t))));
function marks(list) {
  if (!list.length) return 'nothing';
  return el('div', {class: 'scroll'}, el('table', {},
    el('thead', {}, el('tr', {}, ...['tag', 'until the answer', 'reaches rules', 'removes the key'].map(t => el('th', {scope: 'col'}, t)))),
    el('tbody', {}, ...list.map(m => el('tr', {}, el('th', {scope: 'row'}, el('code', {}, m.tag)),
      el('td', {}, m.kind === 'marker' ? 'not served, not stored' : 'not stored'),
      el('td', {}, m.rules.join(', ') || NONE), el('td', {}, m.exact_key ? el('code', {}, m.exact_key) : 'in the background'))))));
}
function explained(e) {
  const box = (kind, title, ...rest) => el('div', {class: 'answer ' + kind}, el('h3', {}, title), ...rest);
  if (e.decision === 'serve') {
    return box('good', `Looked up by the rule ${e.rule}`, pairs([
      ['Key', el('code', {}, e.key)], ['Shared by', e.shared_by], ['Kept for', duration(e.ttl_seconds)],
      e.full_key && ['Compared as', el('code', {}, e.full_key)],
      e.lock_key && ['One fill at a time', el('code', {}, e.lock_key)],
      ['Invalid once one of these changes', codes(e.tags)]]));
  }
  if (e.decision === 'bypass') {
    return box('warn', `Around the cache, although the rule ${e.rule} matches`, pairs([
      ['Reason', el('span', {}, el('code', {}, e.reason), REASONS[e.reason] ? ': ' + REASONS[e.reason] : '')]]));
  }
  if (e.decision === 'mutate') {
    return box(e.purges.length ? 'good' : 'warn', e.purges.length ? `A change that sets off ${e.purges.join(' and ')}` : 'A change that no purge matches: only its own path is invalidated', pairs([
      ['Invalidates', marks(e.changes)],
      e.marks.length && ['Marked before it is forwarded', marks(e.marks)],
      e.known_later.length && ['Known only later', codes(e.known_later)]]));
  }
  return box('', 'No rule matches: passed to the backend, never cached');
}

byId('ask').addEventListener('submit', async event => {
  event.preventDefault();
  const form = new FormData(event.target);
  const query = new URLSearchParams({method: form.get('method'), uri: form.get('uri')});
  for (const line of form.get('headers').split('\n')) if (line.trim()) query.append('header', line.trim());
  if (form.get('body').trim()) query.append('body', form.get('body'));
  for (const [name, value] of form) if (name.startsWith('identity.') && value) query.append(name, value);
  try {
    byId('explained').replaceChildren(explained(await ask('explain?' + query)));
  } catch (e) {
    byId('explained').replaceChildren(el('div', {class: 'answer bad'}, el('h3', {}, 'This cannot be explained'), e.message));
  }
});
