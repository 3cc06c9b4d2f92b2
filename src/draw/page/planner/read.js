// A typed line to a write, as src/model/line.rs reads it.

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
