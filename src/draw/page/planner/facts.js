// What is known of the row before and after, and conditions over it: src/plan/images.rs and guard.rs.

// ── images ────────────────────────────────────────────────────────────────

function makeImages(write, slots) {
  const present = write.op === 'create' ? ['new'] : write.op === 'delete' ? ['old'] : ['new', 'old'], single = present.length === 1;
  const held = {};
  for (const image of present) held[image] = slots.map((slot) => hold(write, slot, image, single));
  return { present, get: (slot, image) => (single ? held[present[0]][slot] : held[image][slot]) };
}
const other = (image) => (image === 'new' ? 'old' : 'new');

function hold(write, slot, image, single) {
  if (slot.name === 'id') return { value: write.id === null ? null : text(write.id), assumed: null };
  let assumedNull = null;
  for (let at = 0; at < slot.behind.length; at++) {
    const held = valueIn(write, slot.behind[at], slot.behind.slice(0, at), image, single);
    if (held.value !== null && isNothing(held.value)) {
      if (held.assumed === null) return held;
      assumedNull ??= held;
    }
  }
  if (!write[image].has(slot.name) && assumedNull) return assumedNull;
  return valueIn(write, slot.name, slot.behind, image, single);
}
function valueIn(write, name, behind, image, single) {
  if (write[image].has(name)) return { value: write[image].get(name), assumed: null };
  if (!write[other(image)].has(name)) return { value: null, assumed: null };
  const value = write[other(image)].get(name);
  if (single) return { value, assumed: null };
  if (write.changed(name) === true || behind.some((r) => hasMoved(write, r))) return { value: null, assumed: null };
  return { value, assumed: write.changed(name) === null ? name : null };
}
function hasMoved(write, name) {
  if (write.changed(name) === true) return true;
  return write.new.has(name) && write.old.has(name) && !same(write.new.get(name), write.old.get(name));
}

// ── conditions: true, false, null for unknown ─────────────────────────────

const not = (truth) => (truth === null ? null : !truth);

function evaluate(condition, facts, open) {
  const before = open.length;
  let truth;
  switch (condition.t) {
    case 'and': truth = connect(condition.of, false, facts, open); break;
    case 'or': truth = connect(condition.of, true, facts, open); break;
    case 'not': truth = not(evaluate(condition.of, facts, open)); break;
    default: truth = atom(condition, facts, open);
  }
  if (truth !== null) open.length = before;
  return truth;
}
function connect(all, decides, facts, open) {
  let out = !decides;
  for (const condition of all) {
    const truth = evaluate(condition, facts, open);
    if (truth === decides) return decides;
    if (truth === null) out = null;
  }
  return out;
}
function atom(atom, facts, open) {
  let truth;
  switch (atom.t) {
    case 'changed': return changed(atom.columns, facts, open);
    case 'compare': {
      const [left, right] = [operand(atom.left, facts), operand(atom.right, facts)];
      truth = left === null || right === null ? null : is(left, atom.op, right);
      break;
    }
    case 'in': {
      const wanted = operand(atom.value, facts);
      truth = wanted === null ? null : member(wanted, atom.list, facts);
      if (atom.negated) truth = not(truth);
      break;
    }
    case 'matches': {
      const found = operand(atom.value, facts);
      truth = found === null ? null : matches(atom, asText(found));
      if (atom.negated) truth = not(truth);
      break;
    }
    case 'truth': {
      const found = operand(atom.value, facts);
      truth = found === null ? null : found.k === 'bool' && found.v;
      break;
    }
    default: throw new Unsupported(`the condition \`${atom.text}\``);
  }
  if (truth === null) open.push(atom.text);
  return truth;
}
function matches(atom, given) {
  if (given === null) return false;
  if (atom.regex === null) throw new Unsupported(`the regular expression of \`${atom.text}\``);
  atom.compiled ??= new RegExp(atom.regex, 'u');
  return atom.compiled.test(given);
}
function member(wanted, list, facts) {
  let out = false;
  for (const item of list) {
    const found = operand(item, facts);
    if (found === null) out = null;
    else if (is(wanted, '==', found)) return true;
  }
  return out;
}
function changed(columns, facts, open) {
  if (facts.images.present.length === 1) return true;
  const unknown = [];
  for (const slot of columns) {
    const name = facts.slots[slot].name, { write } = facts;
    const both = write.new.has(name) && write.old.has(name);
    const moved = both ? !same(write.new.get(name), write.old.get(name)) : write.changed(name);
    if (moved === true) return true;
    if (moved === null) unknown.push(name);
  }
  if (!unknown.length) return false;
  open.push(`changed(${unknown.join(', ')})`);
  return null;
}
function operand(operand, facts) {
  switch (operand.t) {
    case 'literal': return (operand.read ??= value(operand.value));
    case 'op': return text(facts.write.op);
    case 'row': {
      const held = facts.images.get(operand.slot, operand.image);
      return held.assumed === null ? held.value : null;
    }
    case 'context': return facts.write.context[operand.at] ?? null;
    case 'trigger': return facts.trigger[operand.at] ?? null;
  }
  throw new Unsupported('a condition');
}
