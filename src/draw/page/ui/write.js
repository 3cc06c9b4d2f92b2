// Plans of typed writes; buttons and keys.

// ── planning a typed write ────────────────────────────────────────────────

const prefix = graph.namespace ? `${graph.namespace}:` : '';
// Whether holes of a template, as the graph spells it, can be filled to a name.
function fits(template, name) {
  if (template === name) return true;
  const marked = template.replace(/\{\{/g, '\u0001').replace(/\}\}/g, '\u0002').replace(/\{[^{}]*\}/g, '\u0000');
  const [wanted, given] = [marked.split(':'), name.split(':')];
  const plain = (s) => s.replace(/\u0001/g, '{').replace(/\u0002/g, '}');
  return wanted.length === given.length && wanted.every((segment, i) => {
    const [before, after] = segment.split('\u0000').map(plain);
    if (after === undefined) return before === given[i];
    return given[i].length >= before.length + after.length && given[i].startsWith(before) && given[i].endsWith(after);
  });
}
const wordOf = (kind) => (kind === 'tag' ? ['tag', 'list'] : [kind]);
function lightPlan(plan) {
  const lit = fresh(), byName = new Map(graph.nodes.filter((n) => n.kind === 'rule').map((n) => [n.name, n.node]));
  const written = graph.nodes.find((n) => n.kind === 'entity' && n.name === plan.entity);
  if (written) lit.nodes.add(written.node);
  for (const step of plan.steps) {
    step.via.forEach((name) => lit.follows.add(name));
    const name = step.target.startsWith(prefix) ? step.target.slice(prefix.length) : step.target;
    for (const node of step.rules.map((r) => byName.get(r)).filter((n) => n !== undefined)) {
      lit.nodes.add(node);
      for (const edge of leaving(node)) {
        const to = nodes.get(edge.to);
        if (edge.kind !== 'drops' || !wordOf(step.kind).includes(to.kind) || !fits(to.name, name)) continue;
        lit.edges.add(edge);
        if (!lit.drops.has(edge.to)) lit.drops.set(edge.to, new Set());
        lit.drops.get(edge.to).add(node);
      }
    }
  }
  for (const node of [...lit.nodes]) {
    for (const edge of leaving(node)) if (edge.kind === 'follows' && lit.follows.has(edge.name)) lit.nodes.add(edge.to);
    for (const edge of arriving(node)) {
      if ((edge.kind === 'fires' && lit.nodes.has(edge.from)) || (edge.kind === 'chains' && lit.drops.has(edge.from))) lit.edges.add(edge);
    }
  }
  lightUp(lit);
}
function when(step) {
  return step.strategy === 'batched' ? `batched ${step.delay_ms % 1000 === 0 && step.delay_ms ? `${step.delay_ms / 1000} s` : `${step.delay_ms} ms`}` : step.strategy;
}
function why(step) {
  if (step.trigger) return `fired by ${step.trigger}`;
  return step.via.length ? `along ${step.via.join(', ')}` : 'the row written';
}
function planOf(line) {
  clearMarks();
  planned = line;
  if (!program) {
    lightUp(null);
    panel.replaceChildren(make('h2', {}, 'Too many rules to plan here'), make('p', {}, 'Ask the program: ', make('code', {}, `invalidate write ${line} --dry-run`)));
    return;
  }
  let plan;
  try {
    plan = Planner.plan(program, line);
  } catch (error) {
    lightUp(null);
    const title = error instanceof Planner.Refused ? 'No such write' : 'This page cannot plan that';
    const more = error instanceof Planner.Refused ? [] : [make('p', {}, 'Ask the program: ', make('code', {}, `invalidate write ${line} --dry-run`))];
    panel.replaceChildren(make('h2', { class: 'bad' }, title), make('p', { id: 'refused' }, error.message), ...more);
    return;
  }
  lightPlan(plan);
  const parts = [make('h2', {}, line), make('p', { class: 'muted' }, plan.steps.length === 1 ? 'drops 1 target' : `drops ${plan.steps.length} targets`)];
  if (filters.strategies.size < 3 || filters.least > 0 || filters.most < 1000) parts.push(make('p', { class: 'muted' }, 'A plan holds every rule, whatever the filter.'));
  if (plan.unresolved.length) {
    parts.push(...list('Unresolved: stale data, unless more is given', plan.unresolved.map((u) => make('li', { class: 'bad' }, make('code', {}, u.template), u.reason ? `: ${u.reason}` : `: pass ${u.missing.map((m) => `${m}=…`).join(' ')}`, make('span', { class: 'kind' }, ` ${u.rule}`)))));
  }
  if (plan.steps.length) {
    const row = (step) => make('tr', { 'data-step': step.target }, make('td', {}, step.kind), make('td', {}, make('code', {}, step.target), make('div', { class: 'muted' }, why(step))),
      make('td', { class: `word-${step.strategy}` }, when(step)), make('td', {}, `${step.priority} ${step.rules.join(', ')}`));
    const head = make('tr', {}, ...['', 'target', 'when', 'rule'].map((t) => make('th', {}, t)));
    parts.push(make('table', { id: 'plan' }, head, ...plan.steps.map(row)));
  }
  parts.push(...list('Covered', plan.covered.map((c) => make('li', {}, make('code', {}, c.template), ' goes with ', make('code', {}, c.by)))));
  parts.push(...list('Assumed', plan.assumed.map((a) => make('li', {}, make('code', {}, a.condition), a.unmoved ? ' (pass both values if it moved)' : ' (taken as true)', make('span', { class: 'kind' }, ` ${a.rule}`)))));
  panel.replaceChildren(...parts);
  panel.scrollTop = 0;
}
$('write-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const line = $('write').value.trim();
  if (line === '') clear(); else { planOf(line); frame(); }
});

// ── the rest ──────────────────────────────────────────────────────────────

$('filters').addEventListener('input', filter);
$('closer').addEventListener('click', () => zoom(0.75));
$('further').addEventListener('click', () => zoom(1 / 0.75));
$('fit').addEventListener('click', () => show({ ...all }));
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') {
    document.activeElement?.blur?.();
    found.hidden = true;
    return clear();
  }
  if (event.target.closest('input') || event.ctrlKey || event.metaKey || event.altKey) return;
  const keys = { '/': () => search.focus(), '+': () => zoom(0.75), '-': () => zoom(1 / 0.75), 0: () => show({ ...all }) };
  if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
});
const root = document.documentElement, prefersDark = matchMedia('(prefers-color-scheme: dark)');
const ground = (dark) => { root.dataset.theme = dark ? 'dark' : 'light'; };
ground(data.theme === 'auto' ? prefersDark.matches : data.theme === 'dark');
if (data.theme === 'auto') prefersDark.addEventListener('change', (event) => ground(event.matches));
$('ground').addEventListener('click', () => ground(root.dataset.theme === 'light'));

welcome();
if (data.write) {
  $('write').value = data.write;
  planOf(data.write);
  frame();
}
