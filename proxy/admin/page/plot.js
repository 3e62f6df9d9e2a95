// Two plots that share an axis of time. Each is a picture with a text for who does not see it; the
// arrow keys, or the pointer, move a cursor through it.
const LEFT = 44, RIGHT = 8, TOP = 10, BOTTOM = 20, HEIGHT = 190;

function niceMax(n) {
  if (n <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(n));
  return [1, 2, 2.5, 4, 5, 8, 10].map(k => k * power).find(k => k >= n);
}

class Plot {
  /// `draw(plot, data)` fills plot.marks; `tell(data, i)` says sample i; `label(data)` all of it.
  constructor(host, {axis, draw, tell, label, top}) {
    Object.assign(this, {axis, draw, tell, label, top, cursor: null});
    this.picture = svg('svg', {role: 'img'});
    this.box = el('div', {class: 'plot', tabindex: '0', role: 'group'}, this.picture);
    this.readout = el('p', {class: 'readout'});
    host.append(this.box, this.readout);
    this.box.addEventListener('pointermove', e => this.point(e));
    this.box.addEventListener('pointerleave', () => this.move(null));
    this.box.addEventListener('blur', () => { this.readout.removeAttribute('aria-live'); this.move(null); });
    this.box.addEventListener('keydown', e => this.key(e));
    new ResizeObserver(() => this.paint()).observe(this.box);
  }
  show(data) { this.data = data; this.paint(); }
  x(at) { return LEFT + (this.width - LEFT - RIGHT) * (1 - (this.data.end - at) / 1000 / this.data.seconds); }
  y(value) { return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / this.max); }

  paint() {
    const d = this.data;
    if (!d) return;
    this.width = Math.max(this.box.clientWidth, 160);
    this.max = this.top(d);
    const p = this.picture;
    p.setAttribute('viewBox', `0 0 ${this.width} ${HEIGHT}`);
    p.setAttribute('aria-label', this.label(d));
    this.box.setAttribute('aria-label', 'Plot; the arrow keys move through it');
    const grid = [];
    for (const part of [0, 0.5, 1]) {
      const y = this.y(this.max * part);
      grid.push(svg('line', {class: 'grid', x1: LEFT, x2: this.width - RIGHT, y1: y, y2: y}));
      grid.push(svg('text', {x: LEFT - 6, y: y + 4, 'text-anchor': 'end'}, this.axis(this.max * part)));
    }
    const steps = this.width > 420 ? {60: 4, 300: 5, 600: 5}[d.seconds] : {60: 2, 300: 1, 600: 2}[d.seconds];
    for (let i = 0; i <= steps; ++i) {
      const back = d.seconds * (1 - i / steps);
      const text = back === 0 ? 'now' : back % 60 ? `−${back} s` : `−${back / 60} min`;
      grid.push(svg('text', {
        x: LEFT + (this.width - LEFT - RIGHT) * i / steps, y: HEIGHT - 4,
        'text-anchor': i === 0 ? 'start' : i === steps ? 'end' : 'middle',
      }, text));
    }
    const marks = d.at.length > 1 ? this.draw(this, d) : [];
    p.replaceChildren(...grid, ...marks);
    this.mark();
  }
  mark() {
    const d = this.data;
    const i = this.cursor === null || !d ? -1 : d.at.findIndex(at => at === this.cursor);
    if (i >= 0) {
      const x = this.x(d.at[i]);
      this.picture.append(svg('line', {class: 'cursor', x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM}));
    }
    put(this.readout, i >= 0 ? `${clock(d.at[i])}: ${this.tell(d, i)}` : '');
  }
  move(at) {
    this.cursor = at;
    const old = this.picture.querySelector('.cursor');
    if (old) old.remove();
    this.mark();
  }
  point(e) {
    const d = this.data;
    if (!d || !d.at.length) return;
    const x = e.clientX - this.box.getBoundingClientRect().left;
    let best = d.at[0];
    for (const at of d.at) if (Math.abs(this.x(at) - x) < Math.abs(this.x(best) - x)) best = at;
    this.move(best);
  }
  key(e) {
    const d = this.data;
    const step = {ArrowLeft: -1, ArrowRight: 1, PageUp: -15, PageDown: 15, Home: -Infinity, End: Infinity}[e.key];
    if (!d || !d.at.length || (step === undefined && e.key !== 'Escape')) return;
    e.preventDefault();
    if (e.key === 'Escape') return this.move(null);
    this.readout.setAttribute('aria-live', 'polite');
    const last = d.at.length - 1;
    let i = d.at.indexOf(this.cursor);
    i = i < 0 ? last : Math.min(last, Math.max(0, i + step));
    this.move(d.at[i]);
  }
}

const number = n => n.toFixed(1);
/// The area between two lines of y over the samples' times.
function area(plot, at, low, high) {
  const up = at.map((t, i) => `${number(plot.x(t))},${number(plot.y(high[i]))}`);
  const down = at.map((t, i) => `${number(plot.x(t))},${number(plot.y(low[i]))}`).reverse();
  return 'M' + up.concat(down).join('L') + 'Z';
}
const ratesOf = (d, k) => d[k].map((n, i) => n * 1000 / (d.took[i] || 2000));

function drawRates(plot, d) {
  let low = d.at.map(() => 0);
  return RESULTS.filter(k => totalOf(d[k])).map(k => {
    const high = ratesOf(d, k).map((n, i) => n + low[i]);
    const path = svg('path', {class: 'f-' + k, d: area(plot, d.at, low, high)});
    low = high;
    return path;
  });
}
const ratioAt = (d, i) => ratioOf(d.hit[i] + d.stale[i], d.miss[i] + d.coalesced[i]);

function drawRatio(plot, d) {
  const runs = [];
  let run = null;
  d.at.forEach((at, i) => {
    const r = ratioAt(d, i);
    if (r === null) { run = null; return; }
    if (!run) runs.push(run = []);
    run.push([at, r]);
  });
  return runs.flatMap(points => {
    const at = points.map(p => p[0]);
    const y = points.map(p => p[1]);
    if (at.length === 1) {
      return [svg('circle', {class: 'f-hit', r: 2, cx: number(plot.x(at[0])), cy: number(plot.y(y[0]))})];
    }
    return [
      svg('path', {class: 'under', d: area(plot, at, y.map(() => 0), y)}),
      svg('path', {class: 'line', d: 'M' + at.map((t, i) => `${number(plot.x(t))},${number(plot.y(y[i]))}`).join('L')}),
    ];
  });
}
/// 130 x 28: a rule's hits, misses on top of them, and the rest on top of these.
function drawSpark(picture, d) {
  const upTo = last => d.at.map((_, i) => RESULTS.slice(0, last).reduce((sum, k) => sum + d[k][i], 0) * 1000 / (d.took[i] || 2000));
  const [hits, known, all] = [upTo(2), upTo(4), upTo(6)];
  const max = Math.max(...all, 0.5);
  const line = column => column.map((n, i) =>
    `${number(130 * (1 - (d.end - d.at[i]) / 1000 / d.seconds))},${number(27 - 26 * n / max)}`);
  const shape = column => {
    const points = line(column);
    const first = points[0].split(',')[0];
    return `M${first},28L${points.join('L')}L130,28Z`;
  };
  picture.replaceChildren(...(d.at.length > 1 ? [
    svg('path', {class: 'all', d: shape(all)}), svg('path', {class: 'known', d: shape(known)}), svg('path', {class: 'hits', d: shape(hits)}),
  ] : []));
}
