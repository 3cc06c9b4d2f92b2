// A write to be tried: its fields come from the rules, and nothing is dropped.

let context = [];
const entityOf = () => graph?.nodes.find((n) => n.kind === 'entity' && n.name === $('entity').value);
const option = (name) => make('option', { value: name }, name);
function fillForm() {
  const entities = graph.nodes.filter((n) => n.kind === 'entity').map((n) => n.name);
  const before = $('entity').value;
  $('entity').replaceChildren(...entities.map(option));
  if (entities.includes(before)) $('entity').value = before;
  fillOperations();
}
function fillOperations() {
  const before = $('op').value, own = entityOf()?.operations ?? [];
  const all_ = [...new Set(['update', 'create', 'delete', ...own])];
  $('op').replaceChildren(...all_.map(option));
  if (all_.includes(before)) $('op').value = before;
  fillFields();
}
function fillFields() {
  const of = entityOf();
  if (!of) return $('fields').replaceChildren();
  const kept = new Map([...$('fields').querySelectorAll('input')].map((i) => [i.name, i.type === 'checkbox' ? i.checked : i.value]));
  const op = $('op').value, images = op === 'create' ? ['new'] : op === 'delete' ? ['old'] : ['new', 'old'];
  const isUpdate = images.length > 1;
  const input = (name, label) => make('input', { type: 'text', name, 'aria-label': label, placeholder: label, spellcheck: 'false' });
  const row = ({ name, type }) => make('div', { class: 'field-row', role: 'group', 'aria-label': name },
    make('span', { class: 'column' }, name, make('small', {}, ` ${type}`)),
    ...images.map((image) => input(`${image}.${name}`, image === 'new' ? (isUpdate ? 'new' : 'value') : isUpdate ? 'old' : 'value')),
    ...isUpdate ? [make('label', { class: 'changed' }, make('input', { type: 'checkbox', name: `changed.${name}` }), 'changed')] : []);
  const attribute = ({ name, type }) => make('div', { class: 'field-row', role: 'group', 'aria-label': `context ${name}` },
    make('span', { class: 'column' }, `context.${name}`, make('small', {}, ` ${type}`)), input(`context.${name}`, 'value'));
  $('fields').replaceChildren(...[...of.refs, ...of.fields].map(row), ...context.map(attribute));
  for (const i of $('fields').querySelectorAll('input')) {
    if (!kept.has(i.name)) continue;
    if (i.type === 'checkbox') i.checked = kept.get(i.name); else i.value = kept.get(i.name);
  }
}
$('entity').addEventListener('change', fillOperations);
$('op').addEventListener('change', fillFields);

// What is typed is a text, which the server reads by the type of its column; lists have commas.
function typedWrite() {
  const write = { entity: $('entity').value, id: $('row').value === '*' ? null : $('row').value, op: $('op').value, new: {}, old: {}, context: {} };
  const of = entityOf(), types = new Map([...(of?.refs ?? []), ...(of?.fields ?? [])].map((c) => [c.name, c.type]));
  const changed = [];
  for (const i of $('fields').querySelectorAll('input')) {
    const [part, name] = [i.name.slice(0, i.name.indexOf('.')), i.name.slice(i.name.indexOf('.') + 1)];
    if (part === 'changed') { if (i.checked) changed.push(name); continue; }
    if (i.value === '') continue;
    const isList = types.get(name)?.startsWith('[');
    write[part][name] = i.value === 'null' ? null : isList ? i.value.split(',').map((v) => v.trim()) : i.value;
  }
  if (changed.length) write.changed = changed;
  return write;
}
$('form').addEventListener('submit', async (event) => {
  event.preventDefault();
  clearMarks();
  mark(null);
  const write = typedWrite();
  const heading = [make('h2', {}, `${write.entity} ${write.id ?? '*'} ${write.op}`), make('p', { class: 'muted' }, 'a dry run: nothing was dropped')];
  try {
    const found = await ask('v1/explain', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(write) });
    tell(...heading, ...explained(found));
    if (svg) { lightUp(litBy(write.entity, found.plan.steps)); frame(); }
  } catch (error) {
    if (svg) lightUp(null);
    tell(...heading, ...problem(error));
  }
});
