// Asking, every two seconds while somebody looks.
const EVERY = 2000, PATIENCE = 5000;

async function ask(path, as = 'json') {
  let answer;
  try {
    answer = await fetch(path, {cache: 'no-store', signal: AbortSignal.timeout(PATIENCE)});
  } catch {
    throw Object.assign(new Error('no answer'), {status: 0});
  }
  if (!answer.ok) {
    let why = 'HTTP ' + answer.status;
    try { why = (await answer.json()).error || why; } catch { /* not ours */ }
    throw Object.assign(new Error(why), {status: answer.status});
  }
  return answer[as]();
}
/// What may be refused here although the rest is not.
const tolerant = path => ask(path).catch(e => { if (e.status) return {message: e.message}; throw e; });

let lostAt = null;
function lost() {
  if (lostAt !== null) return;
  lostAt = Date.now();
  document.body.classList.add('lost');
  put(byId('status'), 'not reachable');
  mood(byId('status'), 'bad', 'pill');
  put(byId('lost'), `No answer since ${clock(lostAt)}. What is shown is from then; trying again every two seconds.`);
  byId('lost').hidden = false;
}
function found() {
  if (lostAt === null) return;
  lostAt = null;
  document.body.classList.remove('lost');
  byId('lost').hidden = true;
}

function showHead(s) {
  const bad = !s.upstream.reachable || !s.store.up || s.purges_pending > 0;
  const warn = s.store.breaker_open || s.store.quarantined;
  const word = s.status !== 'ready' ? s.status : bad || warn ? 'degraded' : 'ready';
  put(byId('status'), word);
  mood(byId('status'), word === 'ready' ? 'good' : s.status === 'ready' && bad ? 'bad' : 'warn', 'pill');
  put(byId('about'), [s.host, 'version ' + s.version, s.workers === 1 ? '1 worker' : s.workers + ' workers', 'up ' + span(s.uptime_seconds)].filter(Boolean).join(' · '));
  const title = (word === 'ready' ? '' : word + ' · ') + 'sidecache' + (s.host ? ' · ' + s.host : '');
  if (document.title !== title) document.title = title;
}

async function poll() {
  const [s, h, keys, mutations] = await Promise.all([
    ask('stats'), ask('stats/history?after=' + past.next), tolerant('stats/keys'), tolerant('stats/mutations')]);
  if (!remember(h)) remember(await ask('stats/history'));
  if (latest === null) fitSpan();
  latest = s;
  found();
  showHead(s);
  showTiles(s);
  refreshTraffic();
  showLatency(s.latency);
  showState(s);
  showMutations(mutations);
  showPurges(s);
  showKeys(keys);
  showIdentity(s.config.identity);
  showConfig(s);
}
let timer = null;
let busy = false;
async function turn() {
  clearTimeout(timer);
  if (busy || document.hidden) return;
  busy = true;
  try {
    await poll();
  } catch (e) {
    lost();
    if (e.status === undefined && e.name !== 'TimeoutError') console.error(e);  // of our own making
  }
  busy = false;
  timer = setTimeout(turn, EVERY);
}
document.addEventListener('visibilitychange', turn);

function setTheme(theme) {
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
byId('theme').addEventListener('change', e => {
  setTheme(e.target.value);
  try { localStorage.setItem('sidecache-theme', e.target.value); } catch { /* not allowed here */ }
});
try {
  const kept = localStorage.getItem('sidecache-theme');
  if (kept === 'light' || kept === 'dark') {
    document.querySelector(`#theme [value=${kept}]`).checked = true;
    setTheme(kept);
  }
} catch { /* not allowed here */ }
turn();
