// Chained rules and merging: src/plan/chain.rs and merge.rs.

// ── chained rules, to a fixpoint ──────────────────────────────────────────

const compareWaiting = (a, b) => first(a.hop - b.hop, compareLists(a.via, b.via), compareText(a.target, b.target));

class Heap {
  constructor() { this.items = []; }
  push(item) {
    const { items } = this;
    let at = items.push(item) - 1;
    for (let up; at > 0 && compareWaiting(items[at], items[up = (at - 1) >> 1]) < 0; at = up) [items[at], items[up]] = [items[up], items[at]];
  }
  pop() {
    const { items } = this, out = items[0], last = items.pop();
    if (items.length) {
      items[0] = last;
      for (let at = 0; ;) {
        let least = at;
        for (const child of [2 * at + 1, 2 * at + 2]) if (child < items.length && compareWaiting(items[child], items[least]) < 0) least = child;
        if (least === at) break;
        [items[at], items[least]] = [items[least], items[at]];
        at = least;
      }
    }
    return out;
  }
}

function chain(program, write, out) {
  if (!program.chains.length) return;
  const images = makeImages(write, []), most = MAX_FIRINGS + out.wishes.length;
  const fired = new Set(), done = new Set(), waiting = new Heap();
  let known = 0;
  for (;;) {
    for (; known < out.wishes.length; known++) if (out.wishes[known].kind === 'tag') waiting.push(out.wishes[known]);
    if (!waiting.items.length) return;
    const wish = waiting.pop();
    if (done.has(wish.target)) continue;
    done.add(wish.target);
    const segments = wish.target.split(':');
    for (const chained of program.chains) {
      const bound = bind(chained, segments);
      if (!bound) continue;
      if (fired.size >= most) {
        out.unresolved.add({ rule: program.rules[chained.rule].name, template: chained.text, missing: [], reason: `chained rules fired ${most} times; the rest was not followed` });
        return;
      }
      const key = JSON.stringify([chained.rule, bound]);
      if (fired.has(key)) continue;
      fired.add(key);
      const facts = { write, images, slots: [], trigger: bound.map((s) => (s === null ? null : text(unescape(s)))) };
      if (!fires(program, chained.rule, chained.guard, facts, out)) continue;
      const source = { program, write, images, slots: [], trigger: bound };
      const firing = new Firing(source, chained.rule, { ...OWN, hop: wish.hop + 1, via: wish.via }, wish.target, out);
      chained.explicit.forEach((drop) => firing.explicit(drop));
    }
  }
}
function bind(chained, segments) {
  if (segments.length !== chained.segments.length) return null;
  const bound = new Array(chained.holes).fill(null);
  for (let i = 0; i < segments.length; i++) {
    const wanted = chained.segments[i];
    if (typeof wanted === 'string') { if (wanted !== segments[i]) return null; }
    else if (bound[wanted] === null) bound[wanted] = segments[i];
    else if (bound[wanted] !== segments[i]) return null;
  }
  return bound;
}

// ── one step a target ─────────────────────────────────────────────────────

const URGENCY = ['immediate', 'batched', 'lazy'];

function merge(program, wishes) {
  const byTarget = new Map();
  for (const wish of wishes) {
    const key = `${wish.kind} ${wish.target}`;
    if (!byTarget.has(key)) byTarget.set(key, []);
    byTarget.get(key).push(wish);
  }
  const steps = [...byTarget.values()].map((all) => step(program, all));
  return steps.sort((a, b) => first(b.priority - a.priority, a.hop - b.hop, compareText(a.rules[0], b.rules[0]),
    KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind), compareText(a.target, b.target)));
}
function step(program, wishes) {
  const rule = (wish) => program.rules[wish.rule];
  const urgency = (w) => [URGENCY.indexOf(rule(w).strategy), rule(w).delay_ms];
  const order = (a, b) => first(a[0] - b[0], a[1] - b[1]);
  const urgent = wishes.map(urgency).reduce((a, b) => (order(a, b) <= 0 ? a : b));
  const among = wishes.filter((w) => order(urgency(w), urgent) === 0);
  const way = among.reduce((a, b) => (first(a.hop - b.hop, compareLists(a.via, b.via), compareOptional(a.trigger, b.trigger), a.cascade - b.cascade) <= 0 ? a : b));
  return {
    kind: way.kind, target: way.target, strategy: URGENCY[urgent[0]], delay_ms: urgent[1],
    priority: Math.max(...among.map((w) => rule(w).priority)),
    rules: [...new Set(wishes.map((w) => rule(w).name))].sort(compareText),
    via: way.via, hop: way.hop, cascade: way.cascade, ...(way.trigger === null ? {} : { trigger: way.trigger }),
  };
}

// The plan of a typed write. Throws `Refused` for what is no write under these rules, `Unsupported` for
// what this page does not read as the program does.
function plan(program, line) {
  const write = checkWrite(program, readLine(line));
  const collected = collect(program, write);
  chain(program, write, collected);
  return {
    entity: program.entities[write.entity].name,
    steps: merge(program, collected.wishes),
    covered: collected.covered.sorted((a, b) => first(compareText(a.template, b.template), compareText(a.by, b.by))),
    unresolved: collected.unresolved.sorted((a, b) => first(compareText(a.rule, b.rule), compareText(a.template, b.template), compareLists(a.missing, b.missing), compareOptional(a.reason, b.reason)))
      .map(({ reason, ...rest }) => (reason === null ? rest : { ...rest, reason })),
    assumed: collected.assumed.sorted((a, b) => first(compareText(a.rule, b.rule), compareText(a.condition, b.condition), a.unmoved - b.unmoved))
      .map(({ unmoved, ...rest }) => (unmoved ? { ...rest, unmoved } : rest)),
  };
}
