// Elements. What comes from the server is text, always: nothing here parses HTML.
const byId = id => document.getElementById(id);

function el(name, attributes, ...children) {
  const out = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value !== undefined && value !== false) out.setAttribute(key, value === true ? '' : value);
  }
  out.append(...children.filter(c => c !== null && c !== undefined));
  return out;
}
function svg(name, attributes, ...children) {
  const out = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes || {})) out.setAttribute(key, value);
  out.append(...children);
  return out;
}
/// Only what changes is written: a selection stays, and nothing is announced twice.
function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
function mood(node, kind, base) {
  const wanted = base + (kind ? ' ' + kind : '');
  if (node.className !== wanted) node.className = wanted;
}
/// "1.2k" large, "/s" small.
function figure(id, text, unit) {
  const node = byId(id);
  if (node.textContent !== text + (unit || '')) {
    node.replaceChildren(text, ...(unit ? [el('span', {class: 'unit'}, unit)] : []));
  }
}
/// Rows that stay where they are while their cells change: `make` builds one and returns
/// {row, update}.
function sync(body, items, keyOf, make) {
  const have = body.rowsByKey || (body.rowsByKey = new Map());
  const seen = new Set();
  items.forEach((item, i) => {
    const key = keyOf(item);
    let one = have.get(key);
    if (!one) have.set(key, one = make(item));
    seen.add(key);
    one.update(item);
    if (body.children[i] !== one.row) body.insertBefore(one.row, body.children[i] || null);
  });
  for (const [key, one] of have) {
    if (!seen.has(key)) { one.row.remove(); have.delete(key); }
  }
}
/// A row of cells: the first one names it; `kinds` are their classes.
function cells(kinds) {
  const all = kinds.map((kind, i) => el(i ? 'td' : 'th', {class: kind || undefined, scope: i ? undefined : 'row'}));
  return {row: el('tr', {}, ...all), all};
}
function share() {
  const bar = el('i', {'aria-hidden': 'true'});
  const text = el('b');
  return {
    node: el('span', {class: 'share'}, bar, text),
    set(value) {
      bar.style.setProperty('--w', value === null ? '0%' : 100 * value + '%');
      put(text, percent(value));
    },
  };
}
