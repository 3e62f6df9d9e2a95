// The status page as people use it: in a browser, before a proxy that works. One page stays open
// from the first test to the last, and is never reloaded but where a test says so.
import assert from 'node:assert/strict';
import {readFileSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {join} from 'node:path';
import {after, before, test} from 'node:test';
import {stand} from './stand.mjs';

const work = process.env.SIDECACHE_BROWSER_WORK;
const require = createRequire(join(work, '/'));
const {chromium} = require('playwright-core');

let s, browser, page;
const complaints = [];
const strangers = [];
let navigations = 0;

function listen(to) {
  to.on('console', m => { if (['error', 'warning'].includes(m.type())) complaints.push(m.text()); });
  to.on('pageerror', e => complaints.push(e.message));
  to.on('request', r => { if (!r.url().startsWith(s.url) && !r.url().startsWith('data:')) strangers.push(r.url()); });
}
const number = async id => parseFloat((await page.textContent(id)).replace(/,/g, ''));
/// Waits for the page, not for a time.
const until = (check, argument) => page.waitForFunction(check, argument, {timeout: 40_000});

before(async () => {
  s = await stand();
  s.work(8);
  browser = await chromium.launch({
    executablePath: process.env.SIDECACHE_CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  const context = await browser.newContext({colorScheme: 'light', viewport: {width: 1280, height: 900}});
  page = await context.newPage();
  page.setDefaultTimeout(40_000);
  listen(page);
  page.on('framenavigated', () => ++navigations);
  // There is a past when it is opened.
  for (let samples = 0; samples < 3;) {
    samples = (await (await fetch(s.url + 'stats/history')).json()).next;
    await new Promise(done => setTimeout(done, 100));
  }
  await page.goto(s.url);
});
after(async () => {
  await browser?.close();
  await s?.close();
});

test('the past is there at once, by rule, as plots', async () => {
  await until(() => document.querySelector('#status').textContent === 'ready');
  await until(() => document.querySelectorAll('#plot-rate path').length > 0);
  assert.ok(await page.locator('#plot-ratio path.line').count() >= 1);
  assert.ok(await page.locator('#rules tr').count() >= 6);
  assert.ok(await page.locator('#rules .spark path').count() >= 2);
  assert.match(await page.textContent('#t-ratio'), /^\d+\.\d %$/);
  assert.match(await page.textContent('#about'), /version \d.* up \d+ (s|min)/);
  assert.match(await page.getAttribute('#plot-rate svg', 'aria-label'), /Requests a second over .*: .*\/s on average/);
});

test('numbers move without a reload', async () => {
  const hits = () => page.locator('#latency tr', {hasText: 'hit'}).first().locator('td').first().textContent();
  const [was, rate, drawn] = [await hits(), await number('#t-rate'), await page.getAttribute('#plot-rate path', 'd')];
  assert.ok(rate > 0);
  await until(([text, d]) => {
    const row = [...document.querySelectorAll('#latency tr')].find(r => r.firstChild.textContent === 'hit');
    return row.children[1].textContent !== text && document.querySelector('#plot-rate path').getAttribute('d') !== d;
  }, [was, drawn]);
  assert.equal(navigations, 1);
});

test('a change shows with what it invalidated, a write that no purge matches stands out', async () => {
  await s.request('PATCH', '/products/1', {body: '{"name": "Lamp"}'});
  await s.request('POST', '/products/1/likes', {body: '{}'});
  const row = page.locator('#mutations tr', {hasText: '/products/1'}).filter({hasText: 'product:1*'}).first();
  await row.waitFor();
  assert.match(await row.textContent(), /PATCH .*invalidated.*product-updated/);
  const lonely = page.locator('#mutations tr', {hasText: '/products/1/likes'});
  await lonely.waitFor();
  assert.match(await lonely.textContent(), /no purge matched/);
});

test('keys, paths and headers that look like HTML are text', async () => {
  const hostile = '%3Cimg%09src=x%09onerror=window.hacked=1%3E';
  const shown = '<img%09src=x%09onerror=window.hacked=1>';
  for (let i = 0; i < 400; ++i) await s.request('GET', `/products?search=${hostile}`);
  await s.request('PUT', `/things/${hostile}`, {body: '{}'});
  await s.request('PUT', '/things/<b>bold</b>', {body: '{}'});
  const key = page.locator('#hot code', {hasText: shown});
  await key.first().waitFor();
  await page.locator('#mutations code', {hasText: hostile}).first().waitFor();
  await page.fill('#ask [name=uri]', '/products?search=' + hostile);
  await page.click('#ask details summary');
  await page.fill('[name="identity.orgId"]', '<i>1</i>');
  await page.click('#ask button');
  await page.locator('#explained code', {hasText: '<i>1</i>'}).first().waitFor();
  assert.equal(await page.locator('main img, main script, main b b, #mutations td b:text("bold"), #explained i').count(), 0);
  assert.equal(await page.evaluate(() => window.hacked), undefined);
});

test('the browser would not run it anyway', async () => {
  const policy = (await page.request.get(s.url)).headers()['content-security-policy'];
  assert.match(policy, /default-src 'none'/);
  await assert.rejects(page.evaluate(() => { document.querySelector('main').innerHTML = '<p>x</p>'; }), /TrustedHTML/);
  const ran = await page.evaluate(() => {
    const script = document.createElement('script');
    try { script.text = 'window.hacked = 1'; document.body.append(script); } catch { /* refused at once */ }
    script.remove();
    return window.hacked;
  });
  assert.equal(ran, undefined);
  complaints.length = 0;  // the browser complained of this test, as it should
});

test('explain says what would become of a request', async () => {
  const ask = async (method, uri, extra = {}) => {
    await page.selectOption('#ask [name=method]', method);
    await page.fill('#ask [name=uri]', uri);
    for (const name of ['headers', 'body', 'identity.orgId', 'identity.userId']) {
      await page.fill(`#ask [name="${name}"]`, extra[name] || '');
    }
    await page.evaluate(() => document.querySelector('#explained').replaceChildren());
    await page.press('#ask [name=uri]', 'Enter');
    await until(() => document.querySelector('#explained h3'));
    return page.textContent('#explained');
  };
  const read = await ask('GET', '/products/42', {'identity.orgId': '7'});
  assert.match(read, /Looked up by the rule product-details/);
  assert.match(read, /product:42:details\|orgId=7/);
  assert.match(read, /Kept for10 min/);
  assert.match(read, /product:42\*/);
  assert.match(await ask('GET', '/products/42'), /unverified_identity: the rule shares by identity/);
  assert.match(await ask('GET', '/products/42?debug=1', {'identity.orgId': '7'}), /unlisted_query/);
  assert.match(await ask('GET', '/nowhere'), /No rule matches/);
  const write = await ask('PUT', '/products/42', {body: '{"schemaId": 3}', 'identity.orgId': '7'});
  assert.match(write, /sets off product-updated/);
  assert.match(write, /products:org:7:\*/);
  assert.match(write, /product-details/);
  assert.match(await ask('GET', '/products/42', {headers: 'no colon'}), /cannot be explained.*Name: value/);
  assert.match(complaints.splice(0).join(), /^Failed to load resource.*400 \(Bad Request\)$/);  // the last one
});

test('the plots can be read with the keyboard, and as a table', async () => {
  await page.focus('#plot-rate .plot');
  await page.keyboard.press('ArrowLeft');
  assert.match(await page.textContent('#plot-rate .readout'), /^\d\d:\d\d:\d\d: .*\/s/);
  assert.equal(await page.locator('#plot-rate .cursor').count(), 1);
  await page.keyboard.press('Escape');
  assert.equal(await page.textContent('#plot-rate .readout'), '');
  await page.click('#as-table summary');
  await until(() => document.querySelectorAll('#minutes tr').length > 0);
  assert.match(await page.textContent('#minutes tr'), /^\d\d:\d\d/);
  await page.click('#as-table summary');
});

test('a rule can be picked, and the plots are about it', async () => {
  await page.click('#rules button:text("product-list")');
  assert.equal(await page.inputValue('#rule'), 'product-list');
  assert.equal(await page.getAttribute('#rules button:text("product-list")', 'aria-pressed'), 'true');
  const one = await page.getAttribute('#plot-rate svg', 'aria-label');
  await page.selectOption('#rule', '');
  assert.notEqual(await page.getAttribute('#plot-rate svg', 'aria-label'), one);
});

test('everything can be reached with the keyboard', async () => {
  await page.focus('.skip');
  await page.keyboard.press('Shift+Tab');
  const reached = [];
  for (let i = 0; i < 90; ++i) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(() => {
      const a = document.activeElement;
      if (a === document.body) return null;
      const ring = getComputedStyle(a.matches('.switch input') ? a.nextElementSibling : a);
      return {what: a.id || a.name || a.className || a.textContent, ring: ring.outlineStyle !== 'none'};
    });
    if (!at) break;
    assert.ok(at.ring, `no focus to be seen on ${at.what}`);
    reached.push(at.what);
  }
  assert.equal(reached[0], 'skip');
  for (const wanted of ['theme', 'rule', 'span', 'plot', 'scroll tall', 'uri', 'method', 'headers']) {
    assert.ok(reached.includes(wanted), `${wanted} is not among ${reached.join(', ')}`);
  }
});

test('the configuration in effect is shown without its secrets, with its warnings', async () => {
  assert.match(await page.textContent('#findings'), /warning: rule `categories` says `partition: none`/);
  await page.click('#config-text summary');
  await until(() => /upstream:/.test(document.querySelector('#config-text pre').textContent));
  const text = await page.textContent('#config-text pre');
  assert.match(text, /token: "\*\*\*"/);
  assert.doesNotMatch(text, /a-token-nobody-may-see/);
});

test('a reload that was refused is told with its errors, until one succeeds', async () => {
  writeFileSync(s.file, s.warned.replace('ttl: 1m', 'ttl: soon'));
  s.proxy.kill('SIGHUP');
  await until(() => /last reload was refused/.test(document.querySelector('#findings').textContent));
  assert.match(await page.textContent('#findings .bad'), /products\.yaml:\d+:\d+: error/);
  writeFileSync(s.file, s.warned);
  s.proxy.kill('SIGHUP');
  await until(() => !/last reload was refused/.test(document.querySelector('#findings').textContent));
});

test('light and dark: as the system says, or as one picks, also next time', async () => {
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await background();
  await page.screenshot({path: join(work, 'light.png'), fullPage: true});
  await page.emulateMedia({colorScheme: 'dark'});
  const dark = await background();
  assert.notEqual(dark, light);
  await page.screenshot({path: join(work, 'dark.png'), fullPage: true});
  await page.check('#theme [value=light]', {force: true});
  assert.equal(await background(), light);
  await page.emulateMedia({colorScheme: 'light'});
  await page.check('#theme [value=dark]', {force: true});
  assert.equal(await background(), dark);
  await page.reload();
  assert.equal(await background(), dark);
  await page.check('#theme [value=auto]', {force: true});
  assert.equal(await background(), light);
});

test('nothing is off the side of a small screen', async () => {
  for (const width of [1280, 1000, 768, 375, 320]) {
    await page.setViewportSize({width, height: 800});
    await until(() => document.querySelectorAll('#rules tr').length > 0);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(over, 0, `at ${width} pixels`);
    if (width === 375) await page.screenshot({path: join(work, 'narrow.png'), fullPage: true});
  }
  await page.setViewportSize({width: 1280, height: 900});
});

test('axe finds nothing to complain of, in light and in dark', async () => {
  const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
  for (const colorScheme of ['light', 'dark']) {
    const context = await browser.newContext({colorScheme, bypassCSP: true, reducedMotion: 'reduce'});
    const other = await context.newPage();
    await other.goto(s.url);
    await other.waitForFunction(() => document.querySelectorAll('#hot tr').length > 0);
    await other.click('#ask details summary');
    await other.evaluate(axe);
    // What is dark differs in its colours alone.
    const options = {resultTypes: ['violations'], ...(colorScheme === 'dark' && {runOnly: ['color-contrast']})};
    const found = await other.evaluate(async o => (await globalThis.axe.run(o)).violations, options);
    const told = found.map(v => `${v.id}: ${v.help}\n` + v.nodes.map(n => `  ${n.target}: ${n.failureSummary}`).join('\n'));
    assert.deepEqual(told, [], colorScheme);
    await context.close();
  }
});

test('a page that nobody sees asks for nothing', async () => {
  let asked = 0;
  page.on('request', () => ++asked);
  const hide = hidden => page.evaluate(h => {
    Object.defineProperty(document, 'hidden', {configurable: true, get: () => h});
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
  await page.waitForResponse(r => r.url().endsWith('/stats/mutations'));
  await hide(true);
  await new Promise(done => setTimeout(done, 300));  // what was under way
  asked = 0;
  await new Promise(done => setTimeout(done, 2500));
  assert.equal(asked, 0);
  await hide(false);
  await page.waitForResponse(r => r.url().endsWith('/stats'));
});

test('a proxy that has gone is told so, and found again', async () => {
  assert.deepEqual(complaints, []);
  await s.stopProxy();
  await until(() => document.querySelector('#status').textContent === 'not reachable');
  assert.equal(await page.isVisible('#lost'), true);
  assert.match(await page.textContent('#lost'), /No answer since \d\d:\d\d:\d\d/);
  await s.startProxy();
  await until(() => document.querySelector('#status').textContent === 'ready');
  assert.equal(await page.isVisible('#lost'), false);
  await until(() => document.querySelectorAll('#plot-rate path').length > 0);  // of the new process
  complaints.length = 0;  // of connections that were refused, by the browser
});

test('through all of this nobody else was asked for anything', () => {
  assert.deepEqual(strangers, []);
  assert.deepEqual(complaints, []);
});
