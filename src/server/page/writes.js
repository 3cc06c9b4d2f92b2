// The list of recent writes. It stands still while somebody is at it.

const MOST = 100;
const list_ = $('list'), known = new Set(), hovers = matchMedia('(hover: hover)');
let waiting = [], paused = false, unsaid = 0;

const isHeld = () => paused || (hovers.matches && list_.matches(':hover')) || list_.contains(document.activeElement);
const title = (w) => `${w.entity} ${w.row} ${w.op}`;
const rulesOf = (w) => [...new Set(w.steps.flatMap((s) => s.rules))];

function item_(write) {
  const state = write.error ? 'bad' : write.unresolved ? 'open' : '';
  const what = write.error ? 'not all dropped' : write.unresolved ? `${count(write.targets, 'drop')}, ${write.unresolved} unresolved` : count(write.targets, 'drop');
  const button = make('button', { type: 'button', tabindex: -1, class: `write ${state}`, 'aria-label': `${title(write)}: ${what}, by ${rulesOf(write).join(', ') || 'no rule'}, at ${clock(write.at_ms)}`, onclick: () => open_(write, button) },
    make('span', { class: `op op-${write.op}` }, write.op),
    make('span', { class: 'name' }, `${write.entity} ${write.row}`),
    make('span', { class: 'what' }, what),
    make('span', { class: 'by' }, rulesOf(write).join(', ') || (write.targets ? '' : 'no rule fired')),
    make('time', {}, clock(write.at_ms)));
  return make('li', {}, button);
}
function addWrites(writes) {
  for (const write of writes) {
    const key = `${write.id} ${write.at_ms}`;
    if (known.has(key)) continue;
    known.add(key);
    waiting.push(write);
    unsaid += 1;
  }
  waiting = waiting.slice(-MOST);
  if (known.size > 5000) [...known].slice(0, 2500).forEach((key) => known.delete(key));
  if (isHeld()) shownHeld(); else showWaiting();
}
function shownHeld() {
  $('held').hidden = waiting.length === 0;
  $('held').textContent = `Show ${waiting.length === MOST ? `${MOST} and more` : waiting.length} new`;
}
function showWaiting() {
  if (waiting.length) {
    list_.prepend(...waiting.map(item_).reverse());
    while (list_.children.length > MOST) list_.lastChild.remove();
    waiting = [];
    rove(list_.contains(document.activeElement) ? document.activeElement : null);
  }
  $('none').hidden = list_.children.length > 0;
  shownHeld();
}
// One of them can be reached by Tab; the arrow keys go on from there.
function rove(to) {
  const buttons = [...list_.querySelectorAll('button')];
  const chosen = to ?? buttons[0];
  for (const button of buttons) button.tabIndex = button === chosen ? 0 : -1;
  return chosen;
}
list_.addEventListener('keydown', (event) => {
  const buttons = [...list_.querySelectorAll('button')], at = buttons.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
  if (to === undefined || !buttons[to]) return;
  event.preventDefault();
  rove(buttons[to]).focus();
});
for (const name of ['pointerleave', 'focusout']) list_.addEventListener(name, () => setTimeout(() => { if (!isHeld()) showWaiting(); }, 150));
$('held').addEventListener('click', (event) => {
  if (paused) pause(false);
  showWaiting();
  list_.scrollTop = 0;
  // By keyboard one goes on from there; with the focus in it the list stands still.
  if (event.detail === 0) rove(null)?.focus();
});
function pause(on) {
  paused = on;
  $('pause').setAttribute('aria-pressed', String(on));
  $('pause').textContent = on ? 'Go on' : 'Pause';
  if (!on) showWaiting();
}
$('pause').addEventListener('click', () => pause(!paused));

// Screen readers are told now and then, not of each.
setInterval(() => {
  const last = waiting.at(-1)?.entity ? title(waiting.at(-1)) : list_.querySelector('.name')?.textContent;
  if (unsaid && last) $('said').textContent = `${count(unsaid, 'new write')}, last ${last}`;
  unsaid = 0;
}, 5000);

// The slowest, as the server tells them.
function showSlowest(writes) {
  const rows = writes.map((w) => {
    const button = make('button', { type: 'button', class: 'write', onclick: () => open_(w, button) },
      make('span', { class: 'took' }, took(w.took_us)), make('span', { class: 'name' }, title(w)),
      make('span', { class: 'what' }, `${count(w.targets, 'drop')}, ${count(w.entries, 'entry', 'entries')}`), make('time', {}, clock(w.at_ms)));
    return make('li', {}, button);
  });
  // Whoever has the focus there keeps it.
  if ($('slowest').contains(document.activeElement)) return;
  $('slowest').replaceChildren(...rows);
  $('no-slow').hidden = rows.length > 0;
}
