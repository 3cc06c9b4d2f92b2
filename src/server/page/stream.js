// Asking the server, and reading its events as they come.

const KEPT_AS = 'invalidate-token';
let token = sessionStorage.getItem(KEPT_AS), isOpen = false;
const isLive = () => isOpen;
function request(path, { text, ...options } = {}) {
  const headers = { ...options.headers, ...token ? { Authorization: `Bearer ${token}` } : {} };
  return fetch(path, { ...options, headers, cache: 'no-store', credentials: 'omit' });
}
// The answer as JSON, or as text; an error with the way out where the server says one.
async function refusal(answer) {
  const told = await answer.json().catch(() => ({}));
  const error = new Error(told.detail ?? `the server answers ${answer.status}`);
  return Object.assign(error, { help: told.help, status: answer.status });
}
async function ask(path, options = {}) {
  let answer;
  try {
    answer = await request(path, options);
  } catch {
    throw new Error('the server does not answer');
  }
  if (answer.ok) return options.text ? answer.text() : answer.json();
  const error = await refusal(answer);
  if (answer.status === 401) askForToken(error.message);
  throw error;
}

// ── the token ─────────────────────────────────────────────────────────────

function askForToken(why) {
  $('door-error').textContent = token ? why : '';
  token = null;
  sessionStorage.removeItem(KEPT_AS);
  if (!$('door').open) $('door').showModal();
}
// There is nothing behind it.
for (const name of ['cancel', 'keydown']) $('door').addEventListener(name, (event) => { if (name === 'cancel' || event.key === 'Escape') event.preventDefault(); });
$('door-form').addEventListener('submit', (event) => {
  event.preventDefault();
  token = $('token').value.trim();
  sessionStorage.setItem(KEPT_AS, token);
  $('token').value = '';
  $('door').close();
  $('forget').hidden = false;
  connect();
});
$('forget').hidden = !token;
$('forget').addEventListener('click', () => {
  sessionStorage.removeItem(KEPT_AS);
  location.reload();
});

// ── events ────────────────────────────────────────────────────────────────

const on = {
  hello: (hello) => { generation = null; addWrites(hello.recent); $('writes-title').textContent = hello.values_hidden ? 'Recent writes, values hidden' : 'Recent writes'; },
  frame: (frame) => { add(frame); addWrites(frame.sample); if (!paused) glow(frame); },
  state: showState,
  lost: ({ events }) => { lost += events; status(`live, ${count(lost, 'event')} lost`, 'slow'); },
  stopping: () => status('the server stops', 'away'),
};
let lost = 0, attempt = 0, waits = null, reader = null;
function status(text, kind) {
  isOpen = kind !== 'away';
  document.body.classList.toggle('away', !isOpen);
  if ($('status').textContent !== text) $('status').textContent = text;
  $('status').className = `pill ${kind}`;
}
// Where nothing comes for so long, not even how things stand, the connection is dead.
const SILENCE = 8000;
async function connect() {
  clearTimeout(waits);
  const stop = new AbortController();
  let alarm = setTimeout(() => stop.abort(), SILENCE);
  try {
    const answer = await request('v1/events', { signal: stop.signal });
    if (!answer.ok) {
      const error = await refusal(answer);
      if (answer.status === 401) { status('a token is needed', 'away'); return askForToken(error.message); }
      if (answer.status === 403) { token = token ?? ''; status('not allowed', 'away'); return askForToken(error.message); }
      throw error;
    }
    [attempt, lost] = [0, 0];
    status('live', 'live');
    reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ''; ;) {
      const { value, done } = await reader.read();
      if (done) break;
      clearTimeout(alarm);
      alarm = setTimeout(() => stop.abort(), SILENCE);
      text += value;
      const events = text.split('\n\n');
      text = events.pop();
      for (const event of events) {
        const part = (name) => event.split('\n').find((l) => l.startsWith(`${name}: `))?.slice(name.length + 2);
        on[part('event')]?.(JSON.parse(part('data')));
      }
    }
  } catch (error) {
    if (error.status) alert_('server', line('strong', error.message));
  }
  clearTimeout(alarm);
  attempt += 1;
  const pause_ = Math.min(5000, 250 * 2 ** attempt);
  status(`away; trying again in ${digits.format(pause_ / 1000)} s`, 'away');
  waits = setTimeout(connect, pause_);
}
