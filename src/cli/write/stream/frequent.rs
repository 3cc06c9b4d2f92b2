//! The most frequent of names that may be too many to be counted one by one.

use rustc_hash::FxHashMap;

/// How many names are kept track of, at most; half of them stay when it gets tight.
const KEPT: usize = 8192;

/// Counts names in bounded memory. Where there are more than it keeps, it forgets the rarest, and knows
/// by how much any count may be too low then.
#[derive(Debug, Default)]
pub struct Frequent {
    counts: FxHashMap<String, u64>,
    /// What a name may have been counted before it was forgotten, at most.
    forgotten: u64,
}

impl Frequent {
    pub fn add(&mut self, name: &str) {
        if let Some(count) = self.counts.get_mut(name) {
            *count += 1;
            return;
        }
        if self.counts.len() >= KEPT {
            self.forget();
        }
        self.counts.insert(name.to_owned(), 1);
    }

    /// The names with the highest counts, and how much too low any count may be.
    pub fn top(&self, most: usize) -> (Vec<(&str, u64)>, u64) {
        let mut names: Vec<(&str, u64)> = self.counts.iter().map(|(name, n)| (name.as_str(), *n)).collect();
        names.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        names.truncate(most);
        (names, self.forgotten)
    }

    /// Keeps the more frequent half. What is forgotten once more may have been counted that often
    /// each time.
    fn forget(&mut self) {
        let mut names: Vec<(String, u64)> = self.counts.drain().collect();
        names.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        self.forgotten += names.get(KEPT / 2).map_or(0, |(_, count)| *count);
        names.truncate(KEPT / 2);
        self.counts.extend(names);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_names_are_counted_exactly() {
        let mut tags = Frequent::default();
        for n in 0..100 {
            tags.add(&format!("t:{}", n % 7));
        }
        let (top, missed) = tags.top(3);
        assert_eq!((top, missed), (vec![("t:0", 15), ("t:1", 15), ("t:2", 14)], 0));
    }

    #[test]
    fn of_very_many_names_the_frequent_ones_are_found_in_bounded_memory() {
        let mut tags = Frequent::default();
        for n in 0..200_000_u32 {
            tags.add(&format!("rare:{n}"));
            if n % 10 == 0 {
                tags.add("often");
            }
            assert!(tags.counts.len() <= KEPT);
        }
        let (top, missed) = tags.top(1);
        let (name, count) = top[0];
        assert_eq!(name, "often");
        assert!(count <= 20_000 && count + missed >= 20_000, "{count} and {missed}");
    }
}
