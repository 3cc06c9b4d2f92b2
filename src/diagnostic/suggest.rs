//! "Did you mean": the candidate nearest to a misspelt name.

/// Cells of edit-distance tables that one search fills at most: those of some thousands of names. What
/// it has found by then counts, so that a thousand misspelt names among a hundred thousand take no hour.
const MAX_CELLS: usize = 100_000;

/// Candidates up to which a list is told without repetitions, and exactly counted.
const MAX_SORTED: usize = 1_000;

/// The candidate with the smallest edit distance to `name`, when it is near enough to be a slip:
/// at most a third of the name, ignoring case. Ties go to the candidate given first.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut limit = (name.chars().count() / 3).max(1);
    let reach = 4 * limit;
    let lower: Vec<char> = name.to_lowercase().chars().collect();
    let letters = letters(lower.iter().copied());
    let mut best = None;
    let mut cells = 0;
    for candidate in candidates {
        if candidate == name || candidate.len().abs_diff(name.len()) > reach {
            continue;
        }
        // Nearly all are sorted out here.
        let is_far = candidate.is_ascii()
            && (candidate.len().abs_diff(lower.len()) > limit
                || differ(letters, self::letters(candidate.chars().map(|c| c.to_ascii_lowercase()))) > limit);
        if is_far {
            continue;
        }
        let other: Vec<char> = candidate.to_lowercase().chars().collect();
        if other.len().abs_diff(lower.len()) > limit {
            continue;
        }
        if let Some(found) = edits(&lower, &other, limit, &mut cells) {
            best = Some(candidate);
            // Only a nearer one is better.
            if found == 0 {
                break;
            }
            limit = found - 1;
        }
        if cells > MAX_CELLS {
            break;
        }
    }
    best
}

/// The letters of a word as a set, two or three of the alphabet's to a bit where it has too few.
fn letters(word: impl Iterator<Item = char>) -> u64 {
    word.fold(0, |set, c| set | 1 << (u32::from(c) % 61))
}

/// How many edits two words are apart at least: each brings or takes one letter.
fn differ(a: u64, b: u64) -> usize {
    (a & !b).count_ones().max((b & !a).count_ones()) as usize
}

/// A help sentence: the nearest candidate, else the whole list while it is short.
pub fn did_you_mean<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
    what: &str,
) -> Option<String> {
    if let Some(near) = nearest(name, candidates.clone()) {
        return Some(format!("did you mean `{near}`?"));
    }
    let mut all: Vec<&str> = candidates.into_iter().collect();
    let mut others = 0;
    if all.len() > MAX_SORTED {
        all.select_nth_unstable(10);
        others = all.len() - 10;
        all.truncate(10);
    }
    all.sort_unstable();
    all.dedup();
    match all.len() + others {
        0 => None,
        1..=12 => Some(format!("{what}: {}", quoted_list(&all))),
        n => Some(format!(
            "{what}: {} and {} more",
            quoted_list(&all[..all.len().min(10)]),
            n - all.len().min(10)
        )),
    }
}

/// `` `a`, `b`, `c` ``.
pub fn quoted_list(names: &[&str]) -> String {
    names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
}

/// Edits (insert, delete, replace, swap of neighbours) from `a` to `b`, or `None` above `limit`.
pub fn distance(a: &str, b: &str, limit: usize) -> Option<usize> {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > limit { None } else { edits(&a, &b, limit, &mut 0) }
}

/// As [`distance`], of words whose lengths are no further apart than `limit`. Counts the cells of the
/// table that it fills: those off the diagonal by more than `limit` are of no use.
fn edits(a: &[char], b: &[char], limit: usize, cells: &mut usize) -> Option<usize> {
    let far = limit + 1;
    let mut before = vec![far; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).map(|j| j.min(far)).collect();
    for i in 1..=a.len() {
        let mut row = vec![far; b.len() + 1];
        if i <= limit {
            row[0] = i;
        }
        let band = i.saturating_sub(limit).max(1)..=(i + limit).min(b.len());
        for j in band {
            *cells += 1;
            let replace = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replace.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row[j] = best.min(far);
        }
        if row.iter().all(|best| *best > limit) {
            return None;
        }
        before = std::mem::replace(&mut last, row);
    }
    Some(last[b.len()]).filter(|d| *d <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_a_different_word_is_not() {
        assert_eq!(nearest("usr", ["order", "user"]), Some("user"));
        assert_eq!(nearest("emial", ["email", "plan"]), Some("email"));
        assert_eq!(nearest("User", ["user"]), Some("user"));
        assert_eq!(nearest("zebra", ["user", "order"]), None);
        assert_eq!(nearest("user", ["user"]), None);
        // The nearest, and of equals the first.
        assert_eq!(nearest("usser", ["uses", "user", "usserr"]), Some("user"));
        assert_eq!(nearest("\u{e4}rger", ["\u{c4}RGER", "arger"]), Some("\u{c4}RGER"));
    }

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<String> = (0..5_000).map(|n| format!("name{n:04}")).collect();
        let all = || names.iter().map(String::as_str);
        assert_eq!(did_you_mean("name4x21", all(), "names").unwrap(), "did you mean `name4021`?");
        let list = did_you_mean("zebra", all(), "names").unwrap();
        assert!(
            list.starts_with("names: `name0000`, ") && list.ends_with("`name0009` and 4990 more"),
            "{list}"
        );
        // However many long ones there are, the search ends.
        let long: Vec<String> = (0..20_000).map(|n| format!("{n:06}").repeat(50)).collect();
        assert_eq!(nearest(&"zebras".repeat(50), long.iter().map(String::as_str)), None);
        assert!(nearest(&"01999x".repeat(50), long.iter().map(String::as_str).skip(19_990)).is_some());
    }
}
