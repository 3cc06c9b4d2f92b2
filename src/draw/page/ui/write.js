// Plans of typed writes; buttons and keys.

const data = JSON.parse($('data').textContent), { program } = data;
take(data.graph);

// ── planning a typed write ────────────────────────────────────────────────

function welcome() {
  panel.replaceChildren(
    make('h2', {}, graph.title),
    make('p', { class: 'muted' }, data.counts),
    make('p', {}, 'Click an entity or a rule to light everything it can make stale. Type a write above to see its plan.'),
    make('p', { class: 'muted' }, 'Wheel or + and − zoom, dragging moves, / searches, Esc clears.'),
    ...graph.cycles.length ? list('Circles', graph.cycles.map((c) => make('li', {}, ...c.flatMap((n, i) => (i ? [' → ', link(n)] : [link(n)])))) ) : [],
  );
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
  lightUp(litBy(plan.entity, plan.steps));
  const parts = [make('h2', {}, line), make('p', { class: 'muted' }, plan.steps.length === 1 ? 'drops 1 target' : `drops ${plan.steps.length} targets`)];
  if (filters.strategies.size < 3 || filters.least > 0 || filters.most < 1000) parts.push(make('p', { class: 'muted' }, 'A plan holds every rule, whatever the filter.'));
  panel.replaceChildren(...parts, ...planParts(plan));
  panel.scrollTop = 0;
}
$('write-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const line = $('write').value.trim();
  if (line === '') clear(); else { planOf(line); frame(); }
});

// ── the rest ──────────────────────────────────────────────────────────────

$('filters').addEventListener('input', filter);
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') {
    document.activeElement?.blur?.();
    found.hidden = true;
    return clear();
  }
  if (event.target.closest('input') || event.ctrlKey || event.metaKey || event.altKey) return;
  const keys = { '/': () => search.focus(), ...stageKeys };
  if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
});
themed(data.theme);

welcome();
if (data.write) {
  $('write').value = data.write;
  planOf(data.write);
  frame();
}
