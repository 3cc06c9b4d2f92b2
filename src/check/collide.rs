//! Keys that two templates can both produce: two entities' entries would overwrite each other.

mod trie;

use trie::Trie;

use super::errors::ErrorCount;
use super::ruleset::{Entity, KeyTemplate, Vary};
use super::shape::Shape;
use crate::diagnostic::{Code, Diagnostic};

/// A key, by its entity.
struct Named<'a> {
    entity: &'a Entity,
    key: &'a KeyTemplate,
    shape: Shape,
    /// The text that every key of the template starts with.
    start: String,
}

/// Reports every key template that has a key in common with an earlier one. One collision of a key is
/// enough to mend it; a thousand would bury it.
pub fn check(table: &[Entity], varies: &[Vary], errors: &mut ErrorCount, findings: &mut Vec<Diagnostic>) {
    let mut all: Vec<Named<'_>> = table
        .iter()
        .flat_map(|entity| entity.keys.iter().map(move |key| (entity, key)))
        .map(|(entity, key)| {
            let shape = Shape::of(&key.template, Some(entity), table, varies);
            let start = shape.start();
            Named { entity, key, shape, start }
        })
        .collect();
    // Of keys that could meet the one with the shortest fixed beginning comes first.
    all.sort_by(|a, b| {
        let order = |n: &Named<'_>| (n.shape.piece_count(), n.key.span);
        (order(a).0, &a.start, order(a).1).cmp(&(order(b).0, &b.start, order(b).1))
    });
    // Only keys of one length can meet.
    for group in all.chunk_by(|a, b| a.shape.piece_count() == b.shape.piece_count()) {
        let shapes: Vec<&Shape> = group.iter().map(|named| &named.shape).collect();
        let mut trie = Trie::over(&shapes);
        for (place, named) in group.iter().enumerate() {
            match trie.first_meeting(&named.shape) {
                Ok(None) => {}
                Ok(Some(earlier)) => findings.extend(collision(&group[earlier], named)),
                Err(_) => {
                    findings.push(too_many(named));
                    return;
                }
            }
            if errors.is_exceeded(findings) {
                return;
            }
            trie.add(&named.shape, place);
        }
    }
}

fn collision(a: &Named<'_>, b: &Named<'_>) -> Option<Diagnostic> {
    let example = a.shape.common(&b.shape)?;
    let (first, second) = if a.key.span <= b.key.span { (a, b) } else { (b, a) };
    let message = format!(
        "`{}.{}` and `{}.{}` can produce the same key, such as `{example}`",
        first.entity.name, first.key.name, second.entity.name, second.key.name
    );
    let template = &second.key.template;
    Some(
        Diagnostic::at(Code::KeyCollision, template.span(), message, format!("`{template}`"))
            .also(first.key.template.span(), format!("`{}`", first.key.template))
            .help(if a.entity.name == b.entity.name {
                "give each key of the entity a segment of its own"
            } else {
                "begin each entity's keys with a segment of its own"
            }),
    )
}

fn too_many(named: &Named<'_>) -> Diagnostic {
    let message = "too many keys begin with a hole to hold each of them against each other";
    Diagnostic::at(Code::TooLarge, named.key.template.span(), message, "up to this one")
        .help("begin each entity's keys with a segment of its own")
}

#[cfg(test)]
mod tests {
    use crate::RuleSet;
    use crate::diagnostic::Code;

    fn collides(keys: &str) -> bool {
        let text = format!("entity u {{ fields {{ n: int b: bool s: string }} {keys} }} rule r {{ on u }}");
        RuleSet::parse(&text).findings.iter().any(|d| d.code == Code::KeyCollision)
    }

    #[test]
    fn types_decide_what_a_hole_can_spell() {
        assert!(collides(r#"key a "u:{id}" key b "u:total""#));
        assert!(!collides(r#"key a "u:{n}" key b "u:total""#));
        assert!(collides(r#"key a "u:{n}" key b "u:-7""#));
        assert!(!collides(r#"key a "u:{n}" key b "u:007""#));
        assert!(collides(r#"key a "u:{b}" key b "u:true""#) && !collides(r#"key a "u:{b}" key b "u:1""#));
        assert!(
            collides(r#"key a "u:x{id}" key b "u:{s}y""#) && !collides(r#"key a "u:x{id}" key b "u:y{id}""#)
        );
        assert!(
            !collides(r#"key a "u:{id}:a" key b "u:{id}:b""#)
                && !collides(r#"key a "u:{id}" key b "u:{id}:x""#)
        );
    }
}
