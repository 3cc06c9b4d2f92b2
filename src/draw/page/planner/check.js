// A write held against the rules, as src/check/write.rs does it.

function shown(json) {
  const out = JSON.stringify(json, (_, v) => (v instanceof Num ? Number(v.raw) : v instanceof Obj ? Object.fromEntries(v.map) : v));
  return out.length > 60 ? `${out.slice(0, 60)}…` : out;
}
const wrongType = (name, json, expected) => new Refused(`\`${name}\` is ${shown(json)}, but the rules declare ${expected}`);

function listed(name, json, list, one, expected) {
  if (json === null) return NULL;
  if (Array.isArray(json)) {
    if (!list) throw wrongType(name, json, expected);
    return { k: 'list', v: json.map(one) };
  }
  return list ? { k: 'list', v: [one(json)] } : one(json);
}
function refValue(name, json, list) {
  const one = (json) => {
    if (json === null) return NULL;
    if (json === '') throw new Refused(`\`${name}\` is an empty id; a ref that points nowhere is null: \`${name}:=null\``);
    if (typeof json === 'string') return text(json);
    const digits = json instanceof Num ? whole(json) : null;
    if (digits === null) throw wrongType(name, json, 'an id: a string or a whole number');
    return text(digits);
  };
  return listed(name, json, list, one, 'one id, not a list');
}
function fieldValue(name, json, type) {
  const expected = `${/^[aeiou]/.test(type.scalar) ? 'an' : 'a'} ${type.scalar}`;
  const one = (json) => {
    let value = null;
    if (json === null) value = NULL;
    else if (typeof json === 'string') value = parseScalar(type.scalar, json);
    else if (typeof json === 'boolean') value = type.scalar === 'bool' ? bool(json) : null;
    else if (json instanceof Num) {
      const digits = whole(json);
      if (type.scalar === 'float') value = { k: 'float', v: Number(json.raw) };
      else if (digits !== null && (type.scalar === 'int' || type.scalar === 'string')) value = parseScalar(type.scalar, digits);
    }
    if (value === null) throw wrongType(name, json, expected);
    return value;
  };
  return listed(name, json, type.list, one, expected);
}

const own = (object, name) => (Object.hasOwn(object, name) ? object[name] : undefined);

// What a name in a write stands for: refs, then a field, a ref, or `id` behind a ref.
function column(program, entity, name) {
  let at = program.entities[entity], list = false;
  const parts = name.split('.'), out = [];
  for (let i = 0; i < parts.length; i++) {
    const last = i === parts.length - 1, reference = own(at.refs, parts[i]), field = own(at.fields, parts[i]);
    if (reference) {
      out.push(parts[i]);
      list ||= reference.list;
      at = program.entities[reference.target];
      if (last || (parts[i + 1] === 'id' && i + 2 === parts.length)) return { name: out.join('.'), ref: true, list };
    } else if (field && last) {
      out.push(parts[i]);
      return { name: out.join('.'), ref: false, type: { scalar: field.scalar, list: list || field.list } };
    } else {
      throw new Refused(`unknown name \`${name}\`: \`${at.name}\` has no field or ref \`${parts[i]}\`; it has ${nearby([...Object.keys(at.fields), ...Object.keys(at.refs)])}`);
    }
  }
  throw new Refused(`unknown name \`${name}\``);
}
const nearby = (names) => (names.length ? names.slice(0, 12).map((n) => `\`${n}\``).join(', ') + (names.length > 12 ? ' and more' : '') : 'none');

function checkWrite(program, raw) {
  const entity = program.entities.findIndex((e) => e.name === raw.entity);
  if (entity < 0) throw new Refused(`unknown entity \`${raw.entity}\`; there are ${nearby(program.entities.map((e) => e.name))}`);
  const here = program.entities[entity], operations = ['create', 'update', 'delete', ...here.operations];
  if (!operations.includes(raw.op)) throw new Refused(`\`${here.name}\` has no operation \`${raw.op}\`; it has ${nearby(operations)}`);
  if (raw.id === '') throw new Refused('the id is empty: give the row\'s id, or `*` for a statement that writes many rows');
  const image = (values, prefix) => {
    const out = new Map();
    for (const [name, json] of values) {
      const shownName = prefix + name;
      if (name === 'id') throw new Refused(`\`${shownName}\` is no name: the id stands behind the entity`);
      const found = column(program, entity, name), list = found.ref ? found.list : found.type.list;
      if (list && typeof json === 'string' && (json.includes(',') || json.startsWith('['))) {
        throw new Refused(`\`${shownName}\` is a list, and \`${json}\` is one element of it; give \`${shownName}=…\` once for each element, or \`${shownName}:=[…]\``);
      }
      if (out.has(found.name)) throw new Refused(`\`${shownName}\` is given twice`);
      out.set(found.name, found.ref ? refValue(shownName, json, list) : fieldValue(shownName, json, found.type));
    }
    return out;
  };
  const write = { entity, id: raw.id === '*' ? null : raw.id, op: raw.op, new: image(raw.new, ''), old: image(raw.old, 'old.') };
  write.list = raw.changed === null ? null : raw.changed.map((name) => {
    const plain = name.endsWith('.id') ? name.slice(0, -3) : name, reference = own(here.refs, plain);
    if (!own(here.fields, plain) && !(reference && !reference.implied)) throw new Refused(`unknown name \`${name}\`: \`${here.name}\` has no such field or ref`);
    return plain;
  });
  write.changed = (name) => (write.list === null ? null : write.list.includes(name));
  write.context = program.context.map((a) => a.default && value(a.default));
  for (const [name, json] of raw.context) {
    const at = program.context.findIndex((a) => a.name === name);
    if (at < 0) throw new Refused(`unknown name \`context.${name}\`; declared are ${nearby(program.context.map((a) => a.name))}`);
    write.context[at] = fieldValue(`context.${name}`, json, program.context[at].type);
  }
  return write;
}

// A literal of the rules.
function value(json) {
  switch (json.k) {
    case 'int': case 'time': return { ...json, v: BigInt(json.v) };
    case 'list': return { k: 'list', v: json.v.map(value) };
    default: return json;
  }
}
