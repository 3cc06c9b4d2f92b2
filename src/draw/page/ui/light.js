// Which rules count, and lighting what they make stale.

// ── which rules count ─────────────────────────────────────────────────────

const filters = { strategies: new Set(['immediate', 'batched', 'lazy']), least: 0, most: 1000 };
const counts = (rule) => filters.strategies.has(rule.strategy) && rule.priority >= filters.least && rule.priority <= filters.most;
function filter() {
  filters.strategies = new Set([...document.querySelectorAll('[name=strategy]:checked')].map((e) => e.value));
  const number = (id, otherwise) => ($(id).value === '' ? otherwise : Number($(id).value));
  [filters.least, filters.most] = [number('least', 0), number('most', 1000)];
  for (const [node, box] of boxes) {
    const of = nodes.get(node);
    box.classList.toggle('off', of?.kind === 'rule' && !counts(of));
  }
  for (const line of lines) {
    const ends = [line.dataset.from, line.dataset.to].map((n) => nodes.get(Number(n)));
    line.classList.toggle('off', ends.some((n) => n?.kind === 'rule' && !counts(n)));
  }
  again();
}

// ── what is lit ───────────────────────────────────────────────────────────

const fresh = () => ({ nodes: new Set(), drops: new Map(), follows: new Set(), edges: new Set() });

// Everything that a rule can make stale, and the rules that this fires in turn.
function rule(node, lit) {
  if (lit.nodes.has(node) || !counts(nodes.get(node))) return;
  lit.nodes.add(node);
  const dropped = [];
  for (const edge of leaving(node)) {
    if (edge.kind === 'follows') { lit.nodes.add(edge.to); lit.follows.add(edge.name); }
    if (edge.kind === 'drops') {
      lit.edges.add(edge);
      if (!lit.drops.has(edge.to)) lit.drops.set(edge.to, new Set());
      lit.drops.get(edge.to).add(node);
      dropped.push(edge.to);
    }
  }
  for (const target of dropped) chained(target, lit);
}
function chained(target, lit) {
  for (const edge of leaving(target)) {
    if (edge.kind === 'chains' && counts(nodes.get(edge.to))) { lit.edges.add(edge); rule(edge.to, lit); }
  }
}
function stale(node) {
  const lit = fresh(), of = nodes.get(node);
  if (of.kind === 'rule') {
    rule(node, lit);
    // Where its way begins.
    for (const edge of arriving(node)) if (edge.kind === 'fires') { lit.edges.add(edge); lit.nodes.add(edge.from); }
  } else if (of.kind === 'entity') {
    for (const edge of leaving(node)) {
      if (edge.kind === 'fires' && counts(nodes.get(edge.to))) { lit.edges.add(edge); rule(edge.to, lit); }
    }
  } else {
    chained(node, lit);
  }
  lit.nodes.add(node);
  return lit;
}
// The boxes, rows and lines that stand for what is lit.
function elementsOf(lit) {
  const on = new Set(), has = (node) => lit.nodes.has(node) || lit.drops.has(node);
  for (const [node, box] of boxes) if (has(node)) on.add(box);
  for (const row of rows) if (has(Number(row.dataset.target))) on.add(row).add(row.closest('.node'));
  const kind = (e) => (e.kind === 'chains' ? 'chain' : e.kind);
  const edges = new Set([...lit.edges].map((e) => `${kind(e)} ${e.from} ${e.to}`));
  for (const line of lines) {
    const { from, to } = line.dataset;
    const along = line.classList.contains('relation') && has(Number(from)) && has(Number(to))
      && leaving(Number(from)).some((e) => e.kind === 'relation' && e.to === Number(to) && lit.follows.has(e.name));
    if (along || ['fires', 'chain', 'drops'].some((k) => line.classList.contains(k) && edges.has(`${k} ${from} ${to}`))) on.add(line);
  }
  return on;
}
function lightUp(lit) {
  svg.classList.toggle('dimmed', Boolean(lit));
  const on = lit ? elementsOf(lit) : new Set();
  for (const element of [...boxes.values(), ...rows, ...lines]) element.classList.toggle('lit', on.has(element));
}
