// What a plan lights, and how it is shown.

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
// What of the picture a plan lights.
function litBy(entity, steps) {
  const prefix = graph.namespace ? `${graph.namespace}:` : '';
  const lit = fresh(), byName = new Map(graph.nodes.filter((n) => n.kind === 'rule').map((n) => [n.name, n.node]));
  const written = graph.nodes.find((n) => n.kind === 'entity' && n.name === entity);
  if (written) lit.nodes.add(written.node);
  for (const step of steps) {
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
  return lit;
}
function when(step) {
  return step.strategy === 'batched' ? `batched ${step.delay_ms % 1000 === 0 && step.delay_ms ? `${step.delay_ms / 1000} s` : `${step.delay_ms} ms`}` : step.strategy;
}
function why(step) {
  if (step.trigger) return `fired by ${step.trigger}`;
  return step.via.length ? `along ${step.via.join(', ')}` : 'the row written';
}
// A plan as elements.
function planParts(plan) {
  const parts = [];
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
  return parts;
}
