// A write with its plan and why, in the details.

const truth = { true: 'holds', false: 'does not hold', unknown: 'is open, so the rule fires' };
const read = (v) => (v.value === null || v.value === undefined ? `${v.name} unknown` : `${v.name} = ${v.value}`);
function condition(held) {
  const atoms = held.atoms.length > 1 || held.atoms.some((a) => a.reads.length);
  return make('div', { class: 'condition' },
    make('p', {}, 'when ', make('code', {}, held.text), ` ${truth[held.truth]}`),
    ...atoms ? [make('ul', {}, ...held.atoms.map((a) => make('li', { class: a.decides ? 'decides' : '' },
      make('span', { class: `truth truth-${a.truth}`, title: a.truth }, { true: '✓', false: '✗', unknown: '?' }[a.truth]),
      make('code', {}, a.text), make('span', { class: 'muted' }, ` ${a.reads.map(read).join(', ')}`))))] : []);
}
function ruleNode(name) {
  const node = graph?.nodes.find((n) => n.kind === 'rule' && n.name === name);
  return node ? link(node.node) : name;
}
function firing(rule) {
  const along = [...new Set(rule.drops.flatMap((d) => d.via))];
  return make('li', { class: 'firing' },
    make('p', {}, make('strong', {}, ruleNode(rule.rule)), ' ', make('span', { class: `word-${rule.strategy}` }, rule.strategy), make('span', { class: 'muted' }, `, priority ${rule.priority}, ${rule.at}`)),
    ...rule.trigger ? [make('p', {}, 'because tag ', make('code', {}, rule.trigger), ' goes')] : [],
    ...rule.condition ? [condition(rule.condition)] : [],
    ...along.length ? [make('p', {}, `follows ${along.join(', ')}`)] : []);
}
// The document of `/v1/explain` and `/v1/events/{id}`.
function explained(found) {
  const fires = found.rules.filter((r) => r.fires), not = found.rules.filter((r) => !r.fires);
  const silent = (r) => make('li', {}, ruleNode(r.rule), make('span', { class: 'muted' }, r.listens ? '' : ' is not on this operation'), ...r.condition && r.listens ? [condition(r.condition)] : []);
  return [
    ...list('Fires', fires.map(firing)),
    make('h3', {}, found.plan.steps.length === 1 ? 'Drops 1 target' : `Drops ${found.plan.steps.length} targets`),
    ...planParts(found.plan),
    ...list('Does not fire', not.map(silent)),
    ...found.rules_left_out ? [make('p', { class: 'muted' }, `and ${count(found.rules_left_out, 'rule')} more`)] : [],
  ];
}
function tell(...parts) {
  panel.replaceChildren(...parts);
  panel.scrollTop = 0;
  $('clear').hidden = false;
  if ($('details').getBoundingClientRect().top > innerHeight - 80) $('details').scrollIntoView({ behavior: calm.matches ? 'auto' : 'smooth', block: 'start' });
}
function problem(error) {
  return [make('p', { class: 'bad' }, error.message), ...(error.help ?? []).map((h) => make('p', { class: 'muted' }, h))];
}
let current = null;
function mark(button) {
  current?.removeAttribute('aria-current');
  current = button;
  button?.setAttribute('aria-current', 'true');
}
async function open_(write, button) {
  clearMarks();
  mark(button);
  if (svg) { lightUp(litBy(write.entity, write.steps)); frame(); }
  const heading = [make('h2', {}, title(write)), make('p', { class: 'muted' },
    `${clock(write.at_ms)}, ${count(write.entries, 'entry', 'entries')} gone${write.queued ? `, ${write.queued} queued` : ''} in ${took(write.took_us)}${write.streamed ? ', from a stream' : ''}`),
  ...write.error ? [make('p', { class: 'bad' }, write.error)] : []];
  tell(...heading, make('p', { class: 'muted' }, 'looking why …'));
  try {
    const found = await ask(`v1/events/${write.id}`);
    if (current === button) tell(...heading, ...explained(found));
  } catch (error) {
    if (current === button) tell(...heading, ...problem(error));
  }
}
function welcome() {
  mark(null);
  $('clear').hidden = true;
  panel.replaceChildren(make('p', { class: 'muted' }, 'Open a write, or choose an entity or a rule in the picture: here stands what it does, and why.'));
}
$('clear').addEventListener('click', () => clear());
