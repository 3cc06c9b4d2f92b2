//! Keys that two templates can both produce: two entities' entries would overwrite each other.

use super::ruleset::{Entity, Vary};
use super::shape::Shape;
use crate::diagnostic::{Code, Diagnostic};

/// Reports every pair of key templates with a key in common.
pub fn check(table: &[Entity], varies: &[Vary], findings: &mut Vec<Diagnostic>) {
    struct Named<'a> {
        entity: &'a Entity,
        key: &'a super::ruleset::KeyTemplate,
        shape: Shape,
        /// The text that every key of the template starts with.
        start: String,
    }
    let mut all: Vec<Named<'_>> = table
        .iter()
        .flat_map(|entity| entity.keys.iter().map(move |key| (entity, key)))
        .map(|(entity, key)| {
            let shape = Shape::of(&key.template, Some(entity), table, varies);
            let start = shape.start();
            Named { entity, key, shape, start }
        })
        .collect();
    // Only keys of one length whose fixed beginnings agree can collide: sorted, those stand together.
    all.sort_by(|a, b| {
        let order = |n: &Named<'_>| (n.shape.len(), n.key.span);
        (order(a).0, &a.start, order(a).1).cmp(&(order(b).0, &b.start, order(b).1))
    });
    // One collision of a key is enough to mend it; a thousand would bury it.
    let mut reported = vec![false; all.len()];
    for (index, a) in all.iter().enumerate() {
        for (other, b) in all.iter().enumerate().skip(index + 1) {
            if a.shape.len() != b.shape.len() || !b.start.starts_with(&a.start) {
                break;
            }
            if reported[other] {
                continue;
            }
            if let Some(example) = a.shape.common(&b.shape) {
                reported[other] = true;
                let (first, second) = if a.key.span <= b.key.span { (a, b) } else { (b, a) };
                findings.push(
                    Diagnostic::at(
                        Code::KeyCollision,
                        second.key.template.span(),
                        format!(
                            "`{}.{}` and `{}.{}` can produce the same key, such as `{example}`",
                            first.entity.name, first.key.name, second.entity.name, second.key.name
                        ),
                        format!("`{}`", second.key.template),
                    )
                    .also(first.key.template.span(), format!("`{}`", first.key.template))
                    .help(if a.entity.name == b.entity.name {
                        "give each key of the entity a segment of its own"
                    } else {
                        "begin each entity's keys with a segment of its own"
                    }),
                );
            }
        }
    }
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
