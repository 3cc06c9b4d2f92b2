// Templates to names: src/plan/fill.rs.

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
