//! Names that the language takes, made of names that a database has.

use rustc_hash::FxHashSet;

/// Words that end like a plural in `-ies` and are not one of `-y`, and such as have no singular.
const AS_THEY_ARE: [&str; 6] = ["movies", "cookies", "ties", "series", "species", "news"];

/// A name with every character that the language does not take replaced; `what` where nothing is left.
pub fn identifier(name: &str, what: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_ascii_alphanumeric() || c == '_' {
            out.push(c);
        } else if !out.ends_with('_') {
            out.push('_');
        }
    }
    if !out.contains(|c: char| c.is_ascii_alphanumeric()) {
        out = what.to_owned();
    }
    if out.starts_with(|c: char| c.is_ascii_digit()) {
        out.insert(0, '_');
    }
    out
}

/// The singular of a table's name; only forms that the mapping of tables finds again.
pub fn singular(name: &str) -> String {
    let word = name.rsplit('_').next().unwrap_or(name);
    if AS_THEY_ARE.contains(&word) {
        // `movies` is found as `movie`, too.
        let ending = matches!(word, "movies" | "cookies" | "ties").then(|| name.strip_suffix('s')).flatten();
        return ending.unwrap_or(name).to_owned();
    }
    let stem =
        |ending: &str| name.strip_suffix(ending).filter(|stem| !stem.is_empty() && !stem.ends_with('_'));
    if word == "ies" {
        return name.to_owned();
    }
    if let Some(stem) = stem("ies") {
        return format!("{stem}y");
    }
    if let Some(stem) = stem("es") {
        let sibilant = ["ss", "x", "z", "ch", "sh"].iter().any(|end| stem.ends_with(end));
        if sibilant || stem.ends_with("us") && !stem.ends_with("ous") {
            return stem.to_owned();
        }
    }
    match stem("s") {
        Some(stem) if !["s", "u", "i"].iter().any(|end| stem.ends_with(end)) => stem.to_owned(),
        _ => name.to_owned(),
    }
}

/// A plural of an entity's name, for the name of a list.
pub fn plural(name: &str) -> String {
    if let Some(stem) = name.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'i', 'o', 'u'])) {
        return format!("{stem}ies");
    }
    let sibilant = ["s", "x", "z", "ch", "sh"].iter().any(|end| name.ends_with(end));
    format!("{name}{}", if sibilant { "es" } else { "s" })
}

/// Names in one place, each taken once.
#[derive(Default)]
pub struct Taken(FxHashSet<String>);

impl Taken {
    pub fn with(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().collect())
    }

    /// The name itself, or else the next one with a number that is free; it is then taken.
    pub fn take(&mut self, name: &str) -> String {
        let free = std::iter::once(name.to_owned()).chain((2u32..).map(|n| format!("{name}_{n}")));
        let free = free.into_iter().find(|name| !self.0.contains(name)).unwrap_or_default();
        self.0.insert(free.clone());
        free
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::plural::candidates;

    #[test]
    fn singulars_are_ones_that_the_mapping_finds() {
        for (table, entity) in [
            ("users", "user"),
            ("categories", "category"),
            ("order_items", "order_item"),
            ("boxes", "box"),
            ("addresses", "address"),
            ("statuses", "status"),
            ("databases", "database"),
            ("houses", "house"),
            ("movies", "movie"),
            ("news", "news"),
            ("status", "status"),
            ("address", "address"),
            ("staff", "staff"),
            ("analysis", "analysis"),
            ("s", "s"),
            ("ies", "ies"),
            ("menus", "menus"),
        ] {
            assert_eq!(singular(table), entity);
            assert!(candidates(table).contains(&singular(table)), "{table}");
        }
    }

    #[test]
    fn any_name_becomes_an_identifier() {
        assert_eq!(identifier("Display Name", "column"), "Display_Name");
        assert_eq!(identifier("größe", "column"), "gr_e");
        assert_eq!(identifier("数量", "column"), "column");
        assert_eq!(identifier("2fa", "column"), "_2fa");
        assert_eq!(identifier("\"; --", "column"), "column");
        let mut taken = Taken::default();
        assert_eq!([taken.take("a"), taken.take("a"), taken.take("a")], ["a", "a_2", "a_3"]);
    }
}
