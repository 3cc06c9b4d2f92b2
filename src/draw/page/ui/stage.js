// What the page knows, and moving about in the picture.

const $ = (id) => document.getElementById(id);
const stage = $('stage'), panel = $('panel');
let graph, svg, nodes, out, into, boxes, rows, lines, all, view;
const leaving = (n) => out.get(n) ?? [], arriving = (n) => into.get(n) ?? [];

// Takes the picture in the stage, and the document of the same rules.
function take(known) {
  graph = known;
  svg = $('picture');
  nodes = new Map(graph.nodes.map((n) => [n.node, n]));
  [out, into] = [new Map(), new Map()];
  for (const edge of graph.edges) {
    for (const [map, end] of [[out, edge.from], [into, edge.to]]) {
      if (!map.has(end)) map.set(end, []);
      map.get(end).push(edge);
    }
  }
  boxes = new Map([...svg.querySelectorAll('[data-node]')].map((e) => [Number(e.dataset.node), e]));
  rows = [...svg.querySelectorAll('[data-target]')];
  lines = [...svg.querySelectorAll('#scene .edge')];
  const { x, y, width, height } = svg.viewBox.baseVal;
  all = { x, y, width, height };
  view = { ...all };
}

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

// ── buttons and keys ──────────────────────────────────────────────────────

$('closer').addEventListener('click', () => zoom(0.75));
$('further').addEventListener('click', () => zoom(1 / 0.75));
$('fit').addEventListener('click', () => show({ ...all }));
const stageKeys = { '+': () => zoom(0.75), '-': () => zoom(1 / 0.75), 0: () => show({ ...all }) };
stage.addEventListener('keydown', (event) => {
  const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [];
  if (dx === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  show({ ...view, x: view.x + dx * view.width / 10, y: view.y + dy * view.height / 10 });
});
