// What every rule wishes to drop: src/plan/collect.rs.

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
