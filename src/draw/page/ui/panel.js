// What is told of what was chosen.

// ── the panel ─────────────────────────────────────────────────────────────

const link = (node) => make('button', { type: 'button', class: 'link', onclick: () => choose(node) }, nodes.get(node).name);
const item = (node, more = '') => make('li', {}, make('span', { class: 'kind' }, nodes.get(node).kind), link(node), more ? ` ${more}` : '');
const list = (title, items) => (items.length ? [make('h3', {}, title), make('ul', {}, ...items)] : []);
const strategy = (rule) => make('span', { class: `word-${rule.strategy}` }, rule.timing);

function describe(node, lit) {
  const of = nodes.get(node), parts = [make('h2', {}, make('span', { class: 'kind' }, of.kind), of.name)];
  if (of.file) parts.push(make('p', { class: 'muted' }, `${of.file}:${of.line}`));
  if (of.doc) parts.push(make('p', { class: 'doc' }, of.doc));
  if (of.kind === 'rule') {
    parts.push(make('p', {}, strategy(of), `, priority ${of.priority}`));
    if (of.condition) parts.push(make('p', {}, 'when ', make('code', {}, of.condition)));
    if (Array.isArray(of.follow)) parts.push(make('p', {}, `follows ${of.follow.join(', ')}`));
    else if (of.follow === 'all') parts.push(make('p', {}, 'follows all relations'));
    parts.push(...list('Fired by', arriving(node).filter((e) => e.kind === 'fires' || e.kind === 'chains').map((e) => item(e.from, e.operations ? `on ${e.operations}` : ''))));
  }
  const fired = [...lit.nodes].filter((n) => nodes.get(n)?.kind === 'rule' && n !== node);
  const priority = (n) => nodes.get(n).priority;
  parts.push(...list(of.kind === 'entity' ? 'Its writes fire' : 'Fires in turn', fired.sort((a, b) => priority(b) - priority(a)).map((n) => make('li', {}, link(n), ' ', strategy(nodes.get(n)), `, ${priority(n)}`))));
  parts.push(...list('Reaches', [...lit.nodes].filter((n) => nodes.get(n)?.kind === 'entity' && n !== node).map((n) => item(n))));
  const drops = [...lit.drops].map(([n, rules]) => item(n, `by ${[...rules].map((r) => nodes.get(r).name).join(', ')}`));
  if (of.kind === 'entity' || of.kind === 'rule') parts.push(...(drops.length ? list(`Can make stale: ${drops.length}`, drops) : [make('p', { class: 'muted' }, 'Makes nothing stale.')]));
  else {
    parts.push(...list('Dropped by', arriving(node).filter((e) => e.kind === 'drops').map((e) => item(e.from))));
    parts.push(...list('Carried by entries of', arriving(node).filter((e) => e.kind === 'carries').map((e) => item(e.from))));
  }
  panel.replaceChildren(...parts);
  panel.scrollTop = 0;
}

// ── choosing ──────────────────────────────────────────────────────────────

let chosen = null, planned = null;
function choose(node, { move = true } = {}) {
  clearMarks();
  chosen = node;
  const lit = stale(node);
  lightUp(lit);
  boxes.get(node)?.classList.add('chosen');
  describe(node, lit);
  if (move) centre(node);
}
function clearMarks() {
  [chosen, planned] = [null, null];
  for (const box of boxes.values()) box.classList.remove('chosen');
}
function clear() {
  clearMarks();
  lightUp(null);
  welcome();
}
// After the filters have changed.
function again() {
  if (chosen !== null) choose(chosen, { move: false });
  else if (planned !== null) planOf(planned);
}
stage.addEventListener('click', (event) => {
  if (wasDragged) return;
  const row = event.target.closest('[data-target]'), box = event.target.closest('[data-node]');
  if (row && event.detail > 1) choose(Number(row.dataset.target), { move: false });
  else if (box) choose(Number(box.dataset.node), { move: false });
  else clear();
});
