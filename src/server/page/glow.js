// The picture lights up by the writes as they happen, and cools down.

const calm = matchMedia('(prefers-reduced-motion: reduce)');
const hot = new Map();
function heat(elements) {
  const until = performance.now() + (calm.matches ? 1500 : 400);
  for (const element of elements) {
    hot.set(element, until);
    element.classList.add('hot');
  }
}
setInterval(() => {
  const now = performance.now();
  for (const [element, until] of hot) if (until < now) { hot.delete(element); element.classList.remove('hot'); }
}, 100);

// What a frame tells: every entity and rule that had a part in it, and of the sample the whole way.
function glow(frame) {
  if (!svg) return;
  const on = new Set(), lit = fresh();
  for (const node of graph.nodes) {
    if ((node.kind === 'entity' && frame.entities[node.name]) || (node.kind === 'rule' && frame.rules[node.name])) lit.nodes.add(node.node);
  }
  for (const node of lit.nodes) for (const edge of leaving(node)) if (edge.kind === 'fires' && lit.nodes.has(edge.to)) lit.edges.add(edge);
  for (const element of elementsOf(lit)) on.add(element);
  for (const write of frame.sample) for (const element of elementsOf(litBy(write.entity, write.steps))) on.add(element);
  for (const line of lines) {
    const { from, to } = line.dataset;
    const is = (e) => e.kind === 'relation' && e.to === Number(to) && frame.relations[e.name];
    if (line.classList.contains('relation') && leaving(Number(from)).some(is)) on.add(line);
  }
  // What was dropped by name has no rule: its target glows by itself.
  for (const { kind, target } of frame.dropped) {
    const name = graph.namespace && target.startsWith(`${graph.namespace}:`) ? target.slice(graph.namespace.length + 1) : target;
    const of = fresh();
    for (const node of graph.nodes) if (wordOf(kind).includes(node.kind) && fits(node.name, name)) of.nodes.add(node.node);
    for (const element of elementsOf(of)) on.add(element);
  }
  heat(on);
}
