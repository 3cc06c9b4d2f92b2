//! The rule file, set by the formatter.

use std::fmt::Write as _;

use super::names::plural;
use super::relations::Relation;
use super::shape::{Drafted, Entity, Shape};
use crate::model::Kind;
use crate::span::Sources;
use crate::syntax;

const HEAD: &str = "\
// Drafted from the tables of a database: what rows there are, and what relates them. Now it is yours.
//
// Remove what is not cached. Give an entity a key where an entry shows one row of it (`key page`).
// The last part suggests rules, in comments: take those that fit.

language 1
";

/// Characters of fields that stand on one line.
const MAX_INLINE: usize = 70;

const RULES: &str = "
// Suggested rules, one for each entity. Take the two slashes away in front of those that fit.
//
// A rule drops what was made from a row, and along the relations that it follows what was made from rows that
// hang on it: keep those relations whose rows show something of this one. Leave out of `changed` what no entry
// shows; such a column keeps its field, under `@allow(unreached-column, \"why\")`, so that `lint --schema` knows.

";

pub fn text(shape: &Shape<'_>, relations: &[Relation]) -> String {
    let mut out = HEAD.to_owned();
    for (key, why) in &shape.ignored {
        let _ = writeln!(out, "\n// No entity: the table {key:?}, because {why}.");
    }
    for (at, one) in shape.entities.iter().enumerate() {
        out.push('\n');
        entity(&mut out, at, one, shape, relations);
    }
    for one in relations {
        out.push('\n');
        relation(&mut out, one, shape);
    }
    let mut rules = String::new();
    for (at, one) in shape.entities.iter().enumerate() {
        rules.push('\n');
        rule(&mut rules, at, one, relations);
    }
    if !rules.is_empty() {
        out.push_str(RULES);
        for line in canonical(&rules).lines() {
            out.push_str(if line.is_empty() { "\n" } else { "// " });
            out.push_str(line);
            out.push_str(if line.is_empty() { "" } else { "\n" });
        }
    }
    canonical(&out)
}

/// What `fmt` would write. A text that it does not take is left as it is: checking it says why.
fn canonical(text: &str) -> String {
    let mut sources = Sources::default();
    let file = sources.add("draft.inv", text);
    syntax::format::format(file, &sources).unwrap_or_else(|_| text.to_owned())
}

fn entity(out: &mut String, at: usize, entity: &Entity<'_>, shape: &Shape<'_>, relations: &[Relation]) {
    let table = entity.table;
    if table.name.to_lowercase() != entity.name
        && !crate::source::plural::candidates(&table.name).contains(&entity.name)
    {
        let _ = writeln!(out, "/// The table {:?}.", table.name);
    }
    if entity.is_join {
        let _ = writeln!(out, "/// Joins the two: a row for each pair.");
    }
    let _ = writeln!(out, "entity {} {{", entity.name);
    if !entity.generated.is_empty() {
        let names: Vec<String> = entity.generated.iter().map(|name| format!("{name:?}")).collect();
        let _ = writeln!(out, "// Computed by the database, and therefore no field: {}.", names.join(", "));
    }
    let fields: Vec<_> = entity.fields().collect();
    let inline: Vec<String> = fields.iter().map(|(drafted, ty)| format!("{}: {ty}", drafted.name)).collect();
    let inline = inline.join("  ");
    if inline.len() <= MAX_INLINE && fields.iter().all(|(drafted, _)| drafted.name == drafted.column.name) {
        if !fields.is_empty() {
            let _ = writeln!(out, "fields {{ {inline} }}");
        }
    } else {
        out.push_str("fields {\n");
        for (drafted, ty) in fields {
            renamed(out, drafted, &[&drafted.column.name]);
            let _ = writeln!(out, "{}: {ty}", drafted.name);
        }
        out.push_str("}\n");
    }
    for (drafted, target, _) in entity.refs() {
        let target = &shape.entities[target].name;
        renamed(out, drafted, &[&drafted.column.name, &format!("{}_id", drafted.name)]);
        if *target == drafted.name {
            let _ = writeln!(out, "ref {target}");
        } else {
            let _ = writeln!(out, "ref {}: {target}", drafted.name);
        }
    }
    lists(out, at, entity, shape, relations);
    out.push_str("}\n");
}

/// Says which column it is, unless the name does.
fn renamed(out: &mut String, drafted: &Drafted<'_>, usual: &[&str]) {
    let column = drafted.column.name.as_str();
    let plain = drafted.name == column || usual[1..].contains(&column);
    if !plain {
        let _ = writeln!(out, "/// The column {column:?}.");
    }
}

/// A list for each row that it hangs on. Where it hangs on several, a write of one cannot name the list of another.
fn lists(out: &mut String, at: usize, entity: &Entity<'_>, shape: &Shape<'_>, relations: &[Relation]) {
    if entity.is_join {
        return;
    }
    let ways = relations.iter().filter(|r| r.target == at || r.both_ways && r.source == at).count();
    // Of a row that there is one of at most nobody shows many.
    let refs: Vec<_> = entity.refs().filter(|(_, _, key)| !entity.table.is_unique(&key.columns)).collect();
    let comment = if ways > 1 { "// " } else { "" };
    if !comment.is_empty() && !refs.is_empty() {
        out.push_str("// For entries that show many of these rows. A write of one parent cannot name another's list.\n");
    }
    for (drafted, target, _) in refs {
        let target = &shape.entities[target].name;
        let many = plural(&entity.name);
        let last = if *target == drafted.name { many } else { format!("{}_{many}", drafted.name) };
        let _ = writeln!(out, "{comment}list \"{target}:{{{}.id}}:{last}\"", drafted.name);
    }
}

fn relation(out: &mut String, relation: &Relation, shape: &Shape<'_>) {
    let (source, target) = (&shape.entities[relation.source].name, &shape.entities[relation.target].name);
    if relation.kind == Kind::ManyToMany && !relation.both_ways {
        let _ = writeln!(
            out,
            "/// The foreign key holds no id, so that there is no ref: entries carry the tag `{source}:ID:{target}` of their {source}."
        );
    }
    if relation.cascades && relation.kind != Kind::ManyToOne {
        out.push_str("/// Deleted together (`ON DELETE CASCADE`).\n");
    }
    let arrow = if relation.both_ways { "<->" } else { "->" };
    let _ = write!(out, "relation {}: {source} {arrow} {target} {{ kind {}", relation.name, relation.kind);
    if let Some(via) = &relation.via {
        let _ = write!(out, " via {via}");
    }
    out.push_str(" }\n");
}

fn rule(out: &mut String, at: usize, entity: &Entity<'_>, relations: &[Relation]) {
    let table = &entity.table.name;
    let _ = writeln!(out, "/// A row of {table:?} is written.");
    let _ = writeln!(out, "rule {0} {{ on {0}", entity.name);
    let columns: Vec<&str> = entity.columns.iter().map(|drafted| drafted.name.as_str()).collect();
    if !columns.is_empty() {
        let _ = writeln!(out, "when changed({})", columns.join(", "));
    }
    let from = |r: &&Relation| r.source == at || r.both_ways && r.target == at;
    let follow: Vec<&str> = relations.iter().filter(from).map(|r| r.name.as_str()).collect();
    if !follow.is_empty() {
        let _ = writeln!(out, "follow {}", follow.join(", "));
    }
    out.push_str("}\n");
}
