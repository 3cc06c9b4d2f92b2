// Moving about in the picture, searching it, lighting what an entity or rule makes stale, and planning
// typed writes. All that it knows stands in `#data`; the picture is only shown.

(() => {
  'use strict';
  const data = JSON.parse(document.getElementById('data').textContent);
  const { graph, program } = data;
  const $ = (id) => document.getElementById(id);
  const svg = $('picture'), stage = $('stage'), panel = $('panel');
  const nodes = new Map(graph.nodes.map((n) => [n.node, n]));
  const out = new Map(), into = new Map();
  for (const edge of graph.edges) {
    for (const [map, end] of [[out, edge.from], [into, edge.to]]) {
      if (!map.has(end)) map.set(end, []);
      map.get(end).push(edge);
    }
  }
  const leaving = (n) => out.get(n) ?? [], arriving = (n) => into.get(n) ?? [];
  const boxes = new Map([...svg.querySelectorAll('[data-node]')].map((e) => [Number(e.dataset.node), e]));
  const rows = [...svg.querySelectorAll('[data-target]')], lines = [...svg.querySelectorAll('#scene .edge')];

  function make(tag, props = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(props)) {
      if (name === 'class') element.className = value;
      else if (name === 'onclick') element.addEventListener('click', value);
      else element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  }

  // ── pan and zoom ──────────────────────────────────────────────────────────

  const whole = svg.viewBox.baseVal, all = { x: whole.x, y: whole.y, width: whole.width, height: whole.height };
  let view = { ...all };
  function show(next) {
    const most = Math.max(all.width, all.height) * 4;
    if (!(next.width > 40 && next.width < most && next.height > 0)) return;
    view = next;
    svg.setAttribute('viewBox', `${view.x} ${view.y} ${view.width} ${view.height}`);
  }
  // Picture units to a pixel of the screen.
  const scale = () => Math.max(view.width / (stage.clientWidth || 1), view.height / (stage.clientHeight || 1));
  function at(clientX, clientY) {
    const point = new DOMPoint(clientX, clientY).matrixTransform(svg.getScreenCTM().inverse());
    return [point.x, point.y];
  }
  function zoom(factor, [x, y] = [view.x + view.width / 2, view.y + view.height / 2]) {
    show({ x: x - (x - view.x) * factor, y: y - (y - view.y) * factor, width: view.width * factor, height: view.height * factor });
  }
  stage.addEventListener('wheel', (event) => {
    event.preventDefault();
    zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY / 400))), at(event.clientX, event.clientY));
  }, { passive: false });
  let drag = null;
  const touches = new Map();
  stage.addEventListener('pointerdown', (event) => {
    touches.set(event.pointerId, [event.clientX, event.clientY]);
    drag = { x: event.clientX, y: event.clientY, view, moved: false, spread: spread() };
  });
  window.addEventListener('pointermove', (event) => {
    if (!drag || !touches.has(event.pointerId)) return;
    touches.set(event.pointerId, [event.clientX, event.clientY]);
    if (touches.size === 2 && drag.spread) {
      drag.moved = true;
      const factor = drag.spread / spread();
      const [x, y] = [drag.view.x + drag.view.width / 2, drag.view.y + drag.view.height / 2];
      show({ x: x - drag.view.width * factor / 2, y: y - drag.view.height * factor / 2, width: drag.view.width * factor, height: drag.view.height * factor });
      return;
    }
    const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
    if (Math.hypot(dx, dy) > 4) { drag.moved = true; stage.classList.add('moving'); }
    if (drag.moved) show({ ...drag.view, x: drag.view.x - dx * scale(), y: drag.view.y - dy * scale() });
  });
  function spread() {
    const [a, b] = [...touches.values()];
    return b ? Math.hypot(a[0] - b[0], a[1] - b[1]) : 0;
  }
  let wasDragged = false;
  for (const name of ['pointerup', 'pointercancel']) {
    window.addEventListener(name, (event) => {
      touches.delete(event.pointerId);
      wasDragged = Boolean(drag?.moved);
      drag = null;
      stage.classList.remove('moving');
    });
  }
  // Moves a box into the middle, near enough to be read.
  function centre(node) {
    const box = boxes.get(node) ?? rows.find((r) => Number(r.dataset.target) === node)?.closest('.node');
    if (!box) return;
    const found = box.getBBox(), shift = svg.querySelector('#scene').transform.baseVal.consolidate()?.matrix ?? { e: 0, f: 0 };
    const factor = Math.min(1, (stage.clientWidth * 0.9) / view.width);
    const width = Math.min(all.width, Math.max(found.width * 1.6, factor < 1 ? stage.clientWidth * 0.9 : view.width));
    const height = width * (stage.clientHeight / (stage.clientWidth || 1));
    show({ x: found.x + shift.e + found.width / 2 - width / 2, y: found.y + shift.f + found.height / 2 - height / 2, width, height });
  }

  // Moves what is lit into the middle.
  function frame() {
    const lit = [...svg.querySelectorAll('#scene .node.lit')].map((e) => e.getBBox());
    if (!lit.length) return;
    const shift = svg.querySelector('#scene').transform.baseVal.consolidate()?.matrix ?? { e: 0, f: 0 }, pad = 60;
    const [left, top] = [Math.min(...lit.map((b) => b.x)) - pad, Math.min(...lit.map((b) => b.y)) - pad];
    const width = Math.max(...lit.map((b) => b.x + b.width)) + pad - left, height = Math.max(...lit.map((b) => b.y + b.height)) + pad - top;
    show({ x: left + shift.e, y: top + shift.f, width, height });
  }

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
  function lightUp(lit) {
    svg.classList.toggle('dimmed', Boolean(lit));
    const has = (node) => Boolean(lit) && (lit.nodes.has(node) || lit.drops.has(node));
    for (const [node, box] of boxes) box.classList.toggle('lit', has(node));
    for (const row of rows) {
      const on = has(Number(row.dataset.target));
      row.classList.toggle('lit', on);
      if (on) row.closest('.node').classList.add('lit');
    }
    for (const line of lines) {
      const [from, to] = [Number(line.dataset.from), Number(line.dataset.to)];
      const on = Boolean(lit) && [...lit.edges].some((e) => e.from === from && e.to === to && line.classList.contains(e.kind === 'chains' ? 'chain' : e.kind));
      const along = Boolean(lit) && line.classList.contains('relation') && has(from) && has(to)
        && leaving(from).some((e) => e.kind === 'relation' && e.to === to && lit.follows.has(e.name));
      line.classList.toggle('lit', on || along);
    }
  }

  // ── the panel ─────────────────────────────────────────────────────────────

  const link = (node) => make('a', { onclick: () => choose(node) }, nodes.get(node).name);
  const item = (node, more = '') => make('li', {}, make('span', { class: 'kind' }, nodes.get(node).kind), link(node), more ? ` ${more}` : '');
  const list = (title, items) => (items.length ? [make('h3', {}, title), make('ul', {}, ...items)] : []);
  const strategy = (rule) => make('span', { class: `word-${rule.strategy}` }, rule.timing);

  function welcome() {
    panel.replaceChildren(
      make('h2', {}, graph.title),
      make('p', { class: 'muted' }, data.counts),
      make('p', {}, 'Click an entity or a rule to light everything it can make stale. Type a write above to see its plan.'),
      make('p', { class: 'muted' }, 'Wheel or + and − zoom, dragging moves, / searches, Esc clears.'),
      ...graph.cycles.length ? list('Circles', graph.cycles.map((c) => make('li', {}, ...c.flatMap((n, i) => (i ? [' → ', link(n)] : [link(n)])))) ) : [],
    );
  }
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
  svg.addEventListener('click', (event) => {
    if (wasDragged) return;
    const row = event.target.closest('[data-target]'), box = event.target.closest('[data-node]');
    if (row && event.detail > 1) choose(Number(row.dataset.target), { move: false });
    else if (box) choose(Number(box.dataset.node), { move: false });
    else clear();
  });

  // ── search ────────────────────────────────────────────────────────────────

  const search = $('search'), found = $('found');
  let hits = [], cursor = 0;
  function lookUp() {
    const wanted = search.value.trim().toLowerCase();
    const order = ['entity', 'rule', 'tag', 'list', 'key', 'match'];
    const rank = (n) => [n.name.toLowerCase() === wanted ? 0 : n.name.toLowerCase().startsWith(wanted) ? 1 : 2, order.indexOf(n.kind)];
    hits = wanted === '' ? [] : graph.nodes.filter((n) => n.name.toLowerCase().includes(wanted) || (n.doc ?? '').toLowerCase().includes(wanted))
      .map((n) => [rank(n), n]).sort(([a], [b]) => a[0] - b[0] || a[1] - b[1]).map(([, n]) => n);
    cursor = 0;
    const shown = hits.slice(0, 40).map((n, i) => make('li', { role: 'option', 'data-hit': n.node, onclick: () => pick(n.node), class: i === cursor ? 'at' : '' }, make('small', {}, n.kind), n.name));
    if (wanted !== '' && !hits.length) shown.push(make('li', { class: 'none' }, 'nothing found'));
    if (hits.length > 40) shown.push(make('li', { class: 'none' }, `and ${hits.length - 40} more`));
    found.replaceChildren(...shown);
    found.hidden = wanted === '';
    for (const [node, box] of boxes) box.classList.toggle('hit', hits.some((n) => n.node === node));
  }
  function pick(node) {
    found.hidden = true;
    search.blur();
    choose(node);
  }
  search.addEventListener('input', lookUp);
  search.addEventListener('focus', lookUp);
  search.addEventListener('keydown', (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && hits.length) {
      event.preventDefault();
      cursor = (cursor + step + Math.min(hits.length, 40)) % Math.min(hits.length, 40);
      [...found.children].forEach((li, i) => li.classList.toggle('at', i === cursor));
      found.children[cursor].scrollIntoView({ block: 'nearest' });
    } else if (event.key === 'Enter' && hits.length) pick(hits[cursor].node);
  });
  document.addEventListener('pointerdown', (event) => { if (!event.target.closest('.search')) found.hidden = true; });

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
})();
