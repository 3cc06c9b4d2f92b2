//! The names that a table of an entity may have.

/// Names of entities that a table's name may stand for, the likeliest first: itself, its singular, its plural.
pub fn candidates(table: &str) -> Vec<String> {
    let table = table.to_lowercase();
    let mut out = vec![table.clone()];
    // `categories`, `boxes`, `users`.
    for (ending, instead) in [("ies", "y"), ("es", ""), ("s", "")] {
        out.extend(
            table.strip_suffix(ending).filter(|stem| !stem.is_empty()).map(|stem| format!("{stem}{instead}")),
        );
    }
    out.extend(table.strip_suffix('y').map(|stem| format!("{stem}ies")));
    out.extend(["s", "es"].map(|ending| format!("{table}{ending}")));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plurals_and_singulars_find_each_other() {
        for (table, entity) in [
            ("users", "user"),
            ("user", "user"),
            ("Users", "user"),
            ("categories", "category"),
            ("category", "categories"),
            ("order_items", "order_item"),
            ("boxes", "box"),
            ("statuses", "status"),
            ("news", "news"),
            ("box", "boxes"),
        ] {
            assert!(candidates(table).iter().any(|name| name == entity), "{table}: {:?}", candidates(table));
        }
        assert!(!candidates("s").iter().any(String::is_empty));
    }
}
