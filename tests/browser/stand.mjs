// What the page is tested against: a private Redis, the demo backend, sidecache with
// config/products.yaml, and people who use them. Everything is gone with close().
import {spawn} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import http from 'node:http';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

const build = process.env.SIDECACHE_BUILD;
const source = new URL('../..', import.meta.url).pathname;

/// A process whose output is read, and a line of it awaited.
function start(argv, environment = {}) {
  const child = spawn(argv[0], argv.slice(1), {
    env: {...process.env, ...environment}, stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.text = '';
  const waiting = new Set();
  const heard = data => {
    child.text += data;
    waiting.forEach(look => look());
  };
  child.stdout.on('data', heard);
  child.stderr.on('data', heard);
  child.ended = new Promise(done => child.on('close', () => { done(); waiting.forEach(look => look(true)); }));
  /// The first match of `pattern` in what it has printed since `from`.
  child.says = (pattern, from = 0) => new Promise((done, fail) => {
    const look = gone => {
      const found = child.text.slice(from).match(pattern);
      if (found || gone) {
        waiting.delete(look);
        found ? done(found) : fail(new Error(`${argv[0]} ended:\n${child.text}`));
      }
    };
    waiting.add(look);
    look();
  });
  return child;
}

export async function stand() {
  const folder = mkdtempSync(join(tmpdir(), 'sidecache-browser-'));
  const children = [];
  // Whatever becomes of this process, nothing of it stays.
  process.on('exit', () => {
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, {recursive: true, force: true});
  });
  const file = join(folder, 'products.yaml');
  const text = readFileSync(join(source, 'config/products.yaml'), 'utf8');
  // Something that there is a warning about.
  const warned = text.replace('\nrules:\n', `
rules:
  - name: categories
    match: GET /categories/{name}
    key: category:{name}
    ttl: 1m
    ttl_only: true
    partition: none
`);
  writeFileSync(file, warned);

  const socket = join(folder, 'redis.sock');
  const redis = start(['redis-server', '--port', '0', '--unixsocket', socket, '--save', '', '--dir', folder]);
  const backend = start([join(build, 'demo_backend'), '--port', '0', '--database', join(folder, 'products.db'), '--seed', '100']);
  children.push(redis, backend);
  await redis.says(/ready to accept connections/i);
  const [, backendPort] = await backend.says(/backend listening on 127\.0\.0\.1:(\d+)/);

  const it = {folder, file, warned, port: 0, admin: 0, proxy: null};
  /// Again on the same ports when it was stopped before.
  it.startProxy = async () => {
    it.proxy = start([join(build, 'sidecache'), 'run', file], {
      SIDECACHE_LISTEN: `127.0.0.1:${it.port}`, SIDECACHE_ADMIN_LISTEN: `127.0.0.1:${it.admin}`,
      SIDECACHE_ADMIN_TOKEN: 'a-token-nobody-may-see',
      UPSTREAM_URL: `http://127.0.0.1:${backendPort}`, REDIS_URL: `unix://${socket}?db=0`,
    });
    children.push(it.proxy);
    it.admin = Number((await it.proxy.says(/admin listening on 127\.0\.0\.1:(\d+)/))[1]);
    it.port = Number((await it.proxy.says(/^listening on 127\.0\.0\.1:(\d+)/m))[1]);
    it.url = `http://127.0.0.1:${it.admin}/`;
  };
  it.stopProxy = async () => {
    it.proxy.kill('SIGKILL');
    await it.proxy.ended;
  };
  await it.startProxy();

  const agent = new http.Agent({keepAlive: true, maxSockets: 16});
  /// One request of a user of an organization; its Cache-Status.
  it.request = (method, path, {user = '1-1', body, fields = {}} = {}) => new Promise(done => {
    const request = http.request({
      host: '127.0.0.1', port: it.port, method, path, agent,
      headers: {...(user && {Authorization: 'Bearer token-' + user}), ...(body && {'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body)}), ...fields},
    }, answer => {
      answer.resume();
      answer.on('end', () => done(answer.headers['cache-status'] || ''));
    });
    request.on('error', () => done(''));
    request.end(body);
  });

  let going = null;
  /// People at work until `rest`: mostly the same products, some lists, a change now and then.
  it.work = (perTurn = 12) => {
    let turn = 0;
    const pick = n => Math.floor(n * Math.random() ** 4) + 1;
    going = setInterval(() => {
      ++turn;
      const many = perTurn * (1 + 0.6 * Math.sin(turn / 90));
      for (let i = 0; i < many; ++i) {
        // Product n is of organization 1 + (n - 1) % 3.
        const product = pick(100);
        const of = Math.random() < 0.97 ? 1 + (product - 1) % 3 : 1 + product % 3;
        const user = `${of}-${1 + Math.floor(Math.random() * 2)}`;
        const dice = Math.random();
        if (dice < 0.6) it.request('GET', `/products/${product}`, {user});
        else if (dice < 0.8) it.request('GET', `/products/${product}/summary`, {user});
        else if (dice < 0.9) it.request('GET', `/products?page=${pick(5)}&limit=10`, {user});
        else if (dice < 0.95) it.request('GET', `/schemas/${pick(6)}/products`, {user});
        else if (dice < 0.98) it.request('GET', `/products/${product}?debug=1`, {user});
        else it.request('GET', '/me', {user});
      }
      if (turn % 40 === 0) it.request('PATCH', `/products/${3 * pick(30) + 1}`, {user: '1-1', body: `{"name": "Lamp ${turn}"}`});
      if (turn % 150 === 0) it.request('DELETE', `/products/${pick(100)}`, {user: '3-2'});
    }, 50);
  };
  it.rest = () => { clearInterval(going); going = null; };
  it.close = async () => {
    it.rest();
    agent.destroy();
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(children.map(c => c.ended));
    rmSync(folder, {recursive: true, force: true});
  };
  return it;
}
