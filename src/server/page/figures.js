// Rates and totals, from the frames.

const SECONDS = 60;
const kinds = ['writes', 'drops', 'entries', 'queued', 'coalesced', 'errors', 'refused', 'unresolved'];
const past = Object.fromEntries(kinds.map((k) => [k, new Array(SECONDS).fill(0)]));
const now = Object.fromEntries(kinds.map((k) => [k, 0]));
const total = { writes: 0, drops: 0 };

const digits = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const short = (n) => (n >= 10000 ? compact.format(n) : digits.format(n >= 100 ? Math.round(n) : n));
const count = (n, one, many = `${one}s`) => `${n.toLocaleString('en')} ${n === 1 ? one : many}`;
const took = (us) => (us >= 1e6 ? `${digits.format(us / 1e6)} s` : us >= 1000 ? `${digits.format(us / 1000)} ms` : `${us} µs`);
const clock = (ms) => new Date(ms).toLocaleTimeString([], { hour12: false });
const sum = (list) => list.reduce((a, b) => a + b, 0);

function add(frame) {
  const drops = frame.targets - frame.queued + frame.drops + frame.worked;
  now.writes += frame.writes;
  now.drops += drops;
  now.entries += frame.entries + frame.worked_entries;
  now.queued += frame.queued;
  now.coalesced += frame.coalesced;
  now.errors += frame.errors;
  now.refused += frame.refused;
  now.unresolved += frame.unresolved;
  total.writes += frame.writes;
  total.drops += drops;
}
// Frames come four times a second: the mean of two seconds does not jump.
const rate = (kind) => (past[kind].at(-1) + past[kind].at(-2)) / 2;
function spark(id, values) {
  const most = Math.max(...values, 1), box = $(id);
  const points = values.map((v, i) => `${(i / (SECONDS - 1) * 100).toFixed(1)},${(23 - v / most * 21).toFixed(1)}`);
  box.setAttribute('viewBox', '0 0 100 24');
  box.setAttribute('preserveAspectRatio', 'none');
  if (!box.firstChild) for (const name of ['polygon', 'polyline']) box.append(document.createElementNS('http://www.w3.org/2000/svg', name));
  box.firstChild.setAttribute('points', `0,24 ${points.join(' ')} 100,24`);
  box.lastChild.setAttribute('points', points.join(' '));
}
function tick() {
  for (const kind of kinds) {
    past[kind].push(now[kind]);
    past[kind].shift();
    now[kind] = 0;
  }
  if (!isLive()) return;
  $('writes-rate').textContent = short(rate('writes'));
  $('writes-sum').textContent = `${short(total.writes)} since opened`;
  $('drops-rate').textContent = short(rate('drops'));
  $('drops-sum').textContent = `${short(rate('entries'))} entries / s`;
  const queued = sum(past.queued), coalesced = sum(past.coalesced);
  $('coalesced').textContent = queued ? `${Math.round(coalesced / queued * 100)} %` : '–';
  $('coalesced-sum').textContent = queued ? `of ${short(queued)} queued in 1 min` : 'nothing was queued';
  const errors = sum(past.errors), refused = sum(past.refused), unresolved = sum(past.unresolved);
  $('errors').textContent = short(errors);
  $('errors-tile').classList.toggle('wrong', errors > 0);
  const more = [refused && `${short(refused)} refused`, unresolved && `${short(unresolved)} unresolved`].filter(Boolean);
  $('errors-more').textContent = more.join(', ') || 'nothing refused';
  spark('writes-spark', past.writes);
  spark('drops-spark', past.drops);
}
setInterval(tick, 1000);
