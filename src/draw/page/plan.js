// The planner, once more, for a page without a program behind it.
//
// It reads the compiled rules that `page/program.rs` writes and follows `src/plan` step by step, under
// the same names; tests/page.rs holds it to the Rust planner on the specification's writes and on
// random rules. What it cannot read the same way it refuses (`Unsupported`): it never guesses.

const Planner = (() => {
  'use strict';

  class Refused extends Error {}
  class Unsupported extends Error {}

  const MAX_NAMES = 100000, MAX_NAME_BYTES = 16 * 1024, MAX_FIRINGS = 100000;
  const I64 = [-(2n ** 63n), 2n ** 63n - 1n], U64_MAX = 2n ** 64n - 1n;

  // ── order and sets ────────────────────────────────────────────────────────

  // By code points, as UTF-8 bytes are ordered; `<` on strings goes by UTF-16 units.
  function compareText(a, b) {
    const n = Math.min(a.length, b.length);
    for (let i = 0; i < n; i++) {
      const x = a.charCodeAt(i), y = b.charCodeAt(i);
      if (x !== y) {
        const high = (u) => (u >= 0xd800 && u <= 0xdfff ? u + 0x10000 : u);
        return high(x) - high(y);
      }
    }
    return a.length - b.length;
  }
  function compareLists(a, b) {
    for (let i = 0; i < Math.min(a.length, b.length); i++) {
      const order = compareText(a[i], b[i]);
      if (order) return order;
    }
    return a.length - b.length;
  }
  const compareOptional = (a, b) => (a === null || b === null ? (a === null ? 0 : 1) - (b === null ? 0 : 1) : compareText(a, b));
  const first = (...orders) => orders.find((o) => o !== 0) ?? 0;
  class Keyed {
    constructor() { this.map = new Map(); }
    add(value) { const key = JSON.stringify(value); if (!this.map.has(key)) this.map.set(key, value); }
    sorted(order) { return [...this.map.values()].sort(order); }
  }

  // ── values: {k, v} ────────────────────────────────────────────────────────

  const NULL = { k: 'null' };
  const text = (v) => ({ k: 'text', v });
  const bool = (v) => ({ k: 'bool', v });
  const isNull = (v) => v.k === 'null';
  const isNothing = (v) => isNull(v) || (v.k === 'list' && v.v.every(isNull));

  // The value as a template shows it before escaping; null for null and lists.
  function asText(v) {
    switch (v.k) {
      case 'text': return v.v;
      case 'time': return v.text;
      case 'int': return v.v.toString();
      case 'float': return floatText(v.v);
      case 'bool': return v.v ? 'true' : 'false';
      default: return null;
    }
  }
  // Without an exponent, with the fewest digits that read back.
  function floatText(x) {
    if (Object.is(x, -0)) return '-0';
    const shortest = String(x), found = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(shortest);
    if (!found) return shortest;
    const [, sign, whole, fraction = '', power] = found, digits = whole + fraction, at = 1 + Number(power);
    if (at <= 0) return `${sign}0.${'0'.repeat(-at)}${digits}`;
    return sign + (at >= digits.length ? digits + '0'.repeat(at - digits.length) : `${digits.slice(0, at)}.${digits.slice(at)}`);
  }
  const sign = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  // null where the types do not compare. BigInt and Number compare exactly.
  function compare(a, b) {
    const numeric = (v) => v.k === 'int' || v.k === 'float';
    if (numeric(a) && numeric(b)) return sign(a.v, b.v);
    if (a.k !== b.k) return null;
    switch (a.k) {
      case 'text': return Math.sign(compareText(a.v, b.v));
      case 'bool': case 'time': return sign(a.v, b.v);
      default: return null;
    }
  }
  const holds = { '==': (o) => o === 0, '!=': (o) => o !== 0, '<': (o) => o < 0, '<=': (o) => o <= 0, '>': (o) => o > 0, '>=': (o) => o >= 0 };
  function is(a, op, b) {
    if (isNull(a) || isNull(b)) {
      const both = isNull(a) && isNull(b);
      return op === '==' ? both : op === '!=' ? !both : false;
    }
    const order = compare(a, b);
    return order === null ? op === '!=' : holds[op](order);
  }
  function same(a, b) {
    if (isNull(a) && isNull(b)) return true;
    if (a.k === 'list' && b.k === 'list') return a.v.length === b.v.length && a.v.every((x, i) => same(x, b.v[i]));
    return compare(a, b) === 0;
  }

  // RFC 3339 in its plain form, to microseconds. Other forms are told apart from nonsense by nobody here.
  function parseTime(given) {
    const found = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?([Zz]|[+-]\d\d:\d\d)$/.exec(given);
    const odd = () => new Unsupported(`\`${given}\`: this page reads times as 2026-01-31T12:00:00Z only`);
    if (!found) throw odd();
    const [year, month, day, hour, minute, second] = found.slice(1, 7).map(Number);
    const date = new Date(0);
    date.setUTCFullYear(year, month - 1, day);
    date.setUTCHours(hour, minute, second);
    if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || hour > 23 || minute > 59 || second > 59) throw odd();
    let offset = 0;
    if (!/^[Zz]$/.test(found[8])) {
      const [hours, minutes] = [Number(found[8].slice(1, 3)), Number(found[8].slice(4, 6))];
      if (hours > 23 || minutes > 59) throw odd();
      offset = (found[8][0] === '-' ? -1 : 1) * (hours * 60 + minutes);
    }
    const micros = BigInt((found[7] ?? '').padEnd(6, '0') || '0');
    return { k: 'time', v: (BigInt(date.getTime()) - BigInt(offset) * 60000n) * 1000n + micros, text: given };
  }

  // Reads the text of one scalar; null where it does not fit.
  function parseScalar(scalar, given) {
    switch (scalar) {
      case 'string': return text(given);
      case 'bool': return given === 'true' || given === 'false' ? bool(given === 'true') : null;
      case 'int': {
        if (!/^[+-]?[0-9]+$/.test(given)) return null;
        const n = BigInt(given.replace(/^\+/, ''));
        return n < I64[0] || n > I64[1] ? null : { k: 'int', v: n };
      }
      case 'float': {
        if (!/^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$/.test(given)) return null;
        const x = Number(given);
        return Number.isFinite(x) ? { k: 'float', v: x } : null;
      }
      case 'time': return parseTime(given);
    }
    throw new Unsupported(`the type ${scalar}`);
  }

  // ── JSON with its numbers as they were written ────────────────────────────

  class Num { constructor(raw) { this.raw = raw; } }
  class Obj { constructor() { this.map = new Map(); this.twice = false; } }

  function parseJson(source) {
    let at = 0;
    const bad = (why) => new Refused(`that is not JSON: ${why} at character ${at + 1}`);
    const space = () => { while (' \t\n\r'.includes(source[at] ?? 'x')) at++; };
    const expect = (word) => { if (!source.startsWith(word, at)) throw bad(`expected \`${word}\``); at += word.length; };
    function string() {
      const from = at++;
      for (; source[at] !== '"'; at++) {
        if (at >= source.length) throw bad('a string without end');
        if (source.charCodeAt(at) < 0x20) throw bad('a control character in a string');
        if (source[at] === '\\') at++;
      }
      at++;
      let out;
      try { out = JSON.parse(source.slice(from, at)); } catch { throw bad('a bad escape in a string'); }
      if (/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(out)) throw bad('half a character in a string');
      return out;
    }
    function value(depth) {
      if (depth > 127) throw bad('too deep');
      space();
      const c = source[at];
      if (c === '"') return string();
      if (c === 'n') { expect('null'); return null; }
      if (c === 't') { expect('true'); return true; }
      if (c === 'f') { expect('false'); return false; }
      if (c === '[') {
        const out = [];
        at++; space();
        if (source[at] === ']') { at++; return out; }
        for (;;) {
          out.push(value(depth + 1)); space();
          if (source[at] === ',') { at++; continue; }
          expect(']');
          return out;
        }
      }
      if (c === '{') {
        const out = new Obj();
        at++; space();
        if (source[at] === '}') { at++; return out; }
        for (;;) {
          space();
          if (source[at] !== '"') throw bad('expected a name');
          const name = string();
          space(); expect(':');
          out.twice ||= out.map.has(name);
          out.map.set(name, value(depth + 1)); space();
          if (source[at] === ',') { at++; continue; }
          expect('}');
          return out;
        }
      }
      const number = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/.exec(source.slice(at));
      if (!number) throw bad('expected a value');
      if (!Number.isFinite(Number(number[0]))) throw bad('a number out of range');
      at += number[0].length;
      return new Num(number[0]);
    }
    const out = value(0);
    space();
    if (at < source.length) throw bad('something behind the value');
    return out;
  }
  // A whole number's digits; null for one with a fraction, or out of range.
  function whole(number) {
    if (!/^-?[0-9]+$/.test(number.raw) || number.raw === '-0') return null;
    const n = BigInt(number.raw);
    return n < I64[0] || n > U64_MAX ? null : n.toString();
  }

  // ── one typed line to a write ─────────────────────────────────────────────

  const SPACE = /[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

  function words(line) {
    const out = [];
    let open = false, quote = null;
    const chars = [...line];
    for (let i = 0; i < chars.length; i++) {
      let c = chars[i];
      if (quote !== null && c === quote) { quote = null; continue; }
      if (quote === null && (c === "'" || c === '"')) { quote = c; c = ''; }
      else if (quote === null && SPACE.test(c)) { open = false; continue; }
      else if (quote !== "'" && c === '\\') {
        if (++i >= chars.length) throw new Refused('the line ends in a backslash');
        c = chars[i];
      }
      if (!open) { out.push(''); open = true; }
      out[out.length - 1] += c;
    }
    if (quote !== null) throw new Refused(`there is a ${quote} without its second`);
    return out;
  }

  function readLine(line) {
    const start = line.replace(new RegExp(`^(?:${SPACE.source})+`), '');
    if (start.startsWith('{')) return readJson(start);
    const given = words(line);
    for (const own of ['invalidate', 'write']) if (given[0] === own) given.shift();
    const rest = [];
    let changed = null, ended = false;
    const list = (names) => { changed = names.split(',').filter((n) => n !== ''); };
    while (given.length) {
      const word = given.shift();
      if (!ended && word === '--') ended = true;
      else if (!ended && word === '--changed') {
        if (!given.length) throw new Refused('`--changed` needs the names of columns, with commas');
        list(given.shift());
      } else if (!ended && word.startsWith('--changed=')) list(word.slice('--changed='.length));
      else if (!ended && word.startsWith('--')) throw new Refused(`\`${word}\` says nothing of a write: only \`--changed\` does`);
      else rest.push(word);
    }
    if (rest.length < 3) throw new Refused('a write needs an entity, an id and an operation, as in `user 123 update`');
    const [entity, id, op, ...values] = rest;
    const write = { entity, id: id === '*' ? null : id, op, changed, new: new Map(), old: new Map(), context: new Map() };
    values.forEach((value) => assign(write, value));
    return write;
  }

  function assign(write, argument) {
    const equals = argument.indexOf('=');
    if (equals < 0) throw new Refused(`\`${argument}\` is no value: write NAME=TEXT or NAME:=JSON`);
    let name = argument.slice(0, equals), value = argument.slice(equals + 1);
    if (name.endsWith(':')) { name = name.slice(0, -1); value = parseJson(value); }
    let map = write.new;
    const dot = name.indexOf('.'), head = name.slice(0, dot);
    if (dot >= 0 && ['old', 'new', 'context'].includes(head)) { map = write[head]; name = name.slice(dot + 1); }
    if (name === '') throw new Refused(`\`${argument}\` has no name in front of \`=\``);
    if (!map.has(name)) map.set(name, value);
    else if (Array.isArray(map.get(name))) map.get(name).push(value);
    else map.set(name, [map.get(name), value]);
  }

  function readJson(source) {
    const object = parseJson(source);
    const bad = (why) => new Refused(`that is no write: ${why}`);
    if (!(object instanceof Obj)) throw bad('give one object');
    const known = ['entity', 'id', 'op', 'changed', 'new', 'old', 'context'];
    for (const name of object.map.keys()) if (!known.includes(name)) throw bad(`unknown field \`${name}\``);
    if (object.twice) throw bad('a field is given twice');
    const get = (name) => object.map.get(name);
    for (const name of ['entity', 'op']) if (typeof get(name) !== 'string') throw bad(`\`${name}\` must be a text`);
    const map = (name) => {
      if (!object.map.has(name)) return new Map();
      if (!(get(name) instanceof Obj)) throw bad(`\`${name}\` must be an object`);
      return get(name).map;
    };
    const changed = get('changed') ?? null;
    if (changed !== null && !(Array.isArray(changed) && changed.every((n) => typeof n === 'string'))) throw bad('`changed` must be a list of names');
    let id = get('id') ?? null;
    if (id instanceof Num) id = whole(id);
    else if (id !== null && typeof id !== 'string') id = undefined;
    if (id === undefined || (id === null && (get('id') ?? null) !== null)) throw bad('`id` must be a text, a whole number, or null for many rows');
    return { entity: get('entity'), id, op: get('op'), changed, new: map('new'), old: map('old'), context: map('context') };
  }

  // ── the write held against the rules ──────────────────────────────────────

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

  // ── templates ─────────────────────────────────────────────────────────────

  const escape = (given) => given.replace(/[\x00-\x20\x7f%:{}]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
  const unescape = (given) => given.replace(/%([0-7][0-9a-fA-F])/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  const quoteGlob = (given) => given.replace(/[*?[\]\\]/g, '\\$&');
  const filledText = (given, glob) => (glob ? quoteGlob(escape(given)) : escape(given));
  const bytes = (given) => new TextEncoder().encode(given).length;

  function texts(value, glob, visited) {
    const one = (v) => {
      const given = asText(v);
      return given === null || given === visited ? [] : [filledText(given, glob)];
    };
    return value.k === 'list' ? [...new Set(value.v.flatMap(one))] : one(value);
  }

  // {names, assumed}, {missing, open} or {reason}.
  function fill(source, template, image, group) {
    const holes = new Map(), missing = [], assumed = [], nothing = [];
    let open = false;
    for (const part of template.parts) {
      const key = JSON.stringify(part);
      if (typeof part === 'string' || holes.has(key)) continue;
      let made, assumes = null;
      if (part.open) { open = true; continue; }
      if (part.trigger !== undefined) {
        const segment = source.trigger[part.trigger] ?? null;
        if (segment === null) { open = true; continue; }
        made = [template.glob ? quoteGlob(segment) : segment];
      } else if (part.vary !== undefined) {
        made = source.program.varies[part.vary].map((v) => filledText(v, template.glob));
      } else if (part.context !== undefined) {
        const value = source.write.context[part.context] ?? null;
        if (value === null) { missing.push(`context.${source.program.context[part.context].name}`); continue; }
        made = texts(value, template.glob, null);
      } else {
        const held = source.images.get(part.slot, image);
        assumes = held.assumed;
        if (held.value === null) { missing.push(missingName(source, part.slot, image)); continue; }
        const revisits = group.passes.some(([slot, ofStart]) => slot === part.slot && ofStart);
        made = texts(held.value, template.glob, revisits ? source.write.id : null);
      }
      if (!made.length) nothing.push(assumes);
      if (assumes !== null) assumed.push(assumes);
      holes.set(key, made);
    }
    if (nothing.length) return { names: [], assumed: nothing.includes(null) ? [] : nothing };
    if (open || missing.length) return { missing: [...new Set(missing)], open };
    const names = combine(template, holes);
    return typeof names === 'string' ? { reason: names } : { names, assumed };
  }
  function missingName(source, slot, image) {
    const { name } = source.slots[slot], both = source.images.present.length > 1;
    return both && image === 'old' && source.images.get(slot, 'new').value !== null ? `old.${name}` : name;
  }
  // Every way to put one text into each hole; a repeated hole repeats its text. A text says why not.
  function combine(template, holes) {
    let count = 1;
    for (const made of holes.values()) {
      count *= made.length;
      if (count > MAX_NAMES) return `its lists fill it to more than ${MAX_NAMES} names`;
    }
    let out = [{ name: '', chosen: {} }];
    for (const part of template.parts) {
      if (typeof part === 'string') { out.forEach((o) => { o.name += part; }); continue; }
      const key = JSON.stringify(part);
      out = out.flatMap((o) => (key in o.chosen
        ? [{ name: o.name + o.chosen[key], chosen: o.chosen }]
        : holes.get(key).map((t) => ({ name: o.name + t, chosen: { ...o.chosen, [key]: t } }))));
    }
    const names = out.map((o) => o.name), longest = Math.max(...names.map(bytes));
    if (longest > MAX_NAME_BYTES) return `filled it is ${longest} bytes long; a name has at most ${MAX_NAME_BYTES}`;
    return longest === 0 ? 'filled it is empty' : names;
  }

  const KINDS = ['key', 'tag', 'match'];
  const tagText = (name) => (name.startsWith('=') ? `%3D${name.slice(1)}` : name);
  // A glob that looks like a regex gets a backslash.
  function globText(glob) {
    const slash = glob.indexOf('/');
    if (slash < 0) return glob;
    const prefix = glob.slice(0, slash), rest = glob.slice(slash);
    const looks = (prefix === '' || /^[A-Za-z0-9_]+:$/.test(prefix)) && rest.length > 2 && rest.endsWith('/');
    return looks ? `${prefix}\\${rest}` : glob;
  }
  const targetText = (kind, name) => (kind === 'tag' ? tagText(name) : kind === 'match' ? globText(name) : name);

  // ── what every rule wishes ────────────────────────────────────────────────

  const OWN = { hop: 0, via: [], passes: [], tags: [], lists: [], keys: [] };

  class Firing {
    constructor(source, rule, own, trigger, out) { Object.assign(this, { source, rule, own, trigger, out }); }
    get name() { return this.source.program.rules[this.rule].name; }

    group(group) {
      for (const image of this.source.images.present) if (!this.isCutOff(group, image)) this.groupIn(group, image);
    }
    // Whether the way to the group ends in this image: at nothing, or at the written instance.
    isCutOff(group, image) {
      for (const [slot, ofStart] of group.passes) {
        const held = this.source.images.get(slot, image);
        if (held.value === null) continue;
        const isEnd = (v) => isNull(v) || (ofStart && this.source.write.id !== null && v.k === 'text' && v.v === this.source.write.id);
        if (held.value.k === 'list' ? held.value.v.every(isEnd) : isEnd(held.value)) {
          this.assumeUnmoved(held.assumed === null ? [] : [held.assumed]);
          return true;
        }
      }
      return false;
    }
    groupIn(group, image) {
      const tags = this.tags(group, image);
      for (const list of group.lists) {
        const filled = fill(this.source, list, image, group);
        if (filled.names) this.drop('tag', filled, group); else this.unfilled(list, filled);
      }
      for (const key of group.keys) {
        const filled = fill(this.source, key, image, group);
        if (filled.names) this.drop('key', filled, group);
        else if (filled.missing) {
          const { missing, open } = filled;
          if (tags.dropped !== undefined) this.out.covered.add({ template: key.text, by: tags.dropped });
          else if (tags.needId === false && missing.includes('id')) { /* what would fill the tag covers the key */ }
          else if (tags.none && open && !missing.length && group.tags.length) this.unfilled(key, { reason: 'nothing lists what fills it, and its tags hold a null' });
          else if (open && !missing.length) { /* nothing that the write could give would name it */ }
          else this.unfilled(key, filled);
        } else this.unfilled(key, filled);
      }
    }
    // Drops the narrowest tags, or reports them where none can be filled.
    tags(group, image) {
      let first = null, unbound = [];
      for (const tag of group.tags) {
        if (first && compareDistance(first.distance, tag.distance) < 0) break;
        const filled = fill(this.source, tag, image, group);
        if (filled.names) {
          if (!first && filled.names.length) first = { distance: tag.distance, name: tagText(filled.names[0]) };
          this.drop('tag', filled, group);
        } else unbound.push({ tag, filled, missing: filled.missing ?? [] });
      }
      if (first) return { dropped: first.name };
      const needsId = (u) => u.missing.includes('id'), needId = unbound.every(needsId);
      unbound = unbound.filter((u) => needId || !needsId(u));
      if (!unbound.length) return { none: true };
      const nearest = unbound.map((u) => u.tag.distance).reduce((a, b) => (compareDistance(a, b) <= 0 ? a : b));
      for (const { tag, filled } of unbound) if (tag.distance === nearest) this.unfilled(tag, filled);
      return { needId };
    }
    explicit(drop) {
      if (drop.regex !== undefined) { this.out.wishes.push(this.wish('match', drop.regex, this.own)); return; }
      const images = this.trigger === null ? this.source.images.present : this.source.images.present.slice(0, 1);
      for (const image of images) {
        const filled = fill(this.source, drop.template, image, this.own);
        if (filled.names) this.drop(drop.kind, filled, this.own); else this.unfilled(drop.template, filled);
      }
    }
    drop(kind, { names, assumed }, group) {
      this.assumeUnmoved(assumed);
      for (const name of names) this.out.wishes.push(this.wish(kind, targetText(kind, name), group));
    }
    assumeUnmoved(names) {
      for (const name of names) this.out.assumed.add({ rule: this.name, condition: `old.${name} == ${name}`, unmoved: true });
    }
    wish(kind, target, group) {
      return { kind, target, rule: this.rule, hop: group.hop, via: group.via, cascade: group.hop > 0 && this.trigger === null, trigger: this.trigger };
    }
    unfilled(template, { missing = [], reason = null }) {
      this.out.unresolved.add({ rule: this.name, template: template.text, missing, reason });
    }
  }
  // null is beyond every number.
  const compareDistance = (a, b) => (a ?? Infinity) === (b ?? Infinity) ? 0 : (a ?? Infinity) - (b ?? Infinity);

  function fires(program, rule, guard, facts, out) {
    if (guard === null) return true;
    const open = [], truth = evaluate(guard, facts, open);
    for (const condition of open) out.assumed.add({ rule: program.rules[rule].name, condition, unmoved: false });
    return truth !== false;
  }

  function collect(program, write) {
    const { slots, rules, groups } = program.entities[write.entity], images = makeImages(write, slots);
    const out = { wishes: [], covered: new Keyed(), unresolved: new Keyed(), assumed: new Keyed() };
    const source = { program, write, images, slots, trigger: [] };
    for (const rule of rules) {
      if (rule.operations !== null && !rule.operations.includes(write.op)) continue;
      if (!fires(program, rule.rule, rule.guard, { write, images, slots, trigger: [] }, out)) continue;
      const firing = new Firing(source, rule.rule, OWN, null, out);
      rule.groups.forEach((at) => firing.group(groups[at]));
      rule.explicit.forEach((drop) => firing.explicit(drop));
    }
    return out;
  }

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

  return { plan, Refused, Unsupported };
})();
