// Finding things by name.

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
