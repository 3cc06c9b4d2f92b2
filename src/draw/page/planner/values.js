// Values, as src/model/value.rs has them, and orders as Rust has them.

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
