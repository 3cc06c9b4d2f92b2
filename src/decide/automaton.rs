//! Regexes as automata: which ways of matching exist, each with its shortest texts.

use std::collections::VecDeque;

use crate::model::Regex;
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::util::primitives::StateID;
use regex_automata::{Anchored, Input, MatchKind};
use rustc_hash::FxHashMap;

/// How much memory one automaton may take, in bytes.
const MAX_AUTOMATON: usize = 1 << 20;

/// Prefixes of texts that are looked at.
const MAX_PREFIXES: usize = 10_000;

/// Every text.
const ANY_TEXT: &str = r"\A(?s:.)*\z";

/// What tells texts apart.
#[derive(Debug)]
pub struct Cut<'a> {
    pub regexes: &'a [&'a Regex],
    /// Sorted. They are cells of their own.
    pub literals: &'a [&'a str],
    /// Whether it matters between which literals a text lies.
    pub ordered: bool,
}

/// A cell of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    /// How many literals lie below; 0 where there is no order.
    pub gap: usize,
    /// A bit for each regex that matches.
    pub matched: u32,
}

impl Cut<'_> {
    /// `None` for a literal.
    pub fn cell(&self, text: &str) -> Option<Cell> {
        let gap = match self.literals.binary_search(&text) {
            Ok(_) => return None,
            Err(gap) => gap,
        };
        let bits = self.regexes.iter().enumerate().filter(|(_, r)| r.is_match(text));
        let matched = bits.fold(0, |all, (index, _)| all | 1_u32.checked_shl(bit(index)).unwrap_or(0));
        Some(Cell { gap: if self.ordered { gap } else { 0 }, matched })
    }
}

fn bit(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// The shortest texts of every cell that is not empty, as many as are asked for or all that there are.
///
/// # Errors
/// What was found before the search became too large.
pub fn explore(cut: &Cut<'_>, count: usize) -> Result<Vec<String>, Vec<String>> {
    let Some(automata) = Automata::new(cut, count) else { return Err(Vec::new()) };
    let gaps = if cut.ordered { cut.literals.len() + 1 } else { 1 };
    let mut missing = (gaps << cut.regexes.len()) * count;
    let mut found: FxHashMap<Cell, usize> = FxHashMap::default();
    let mut out = Vec::new();
    let mut complete = true;
    // Each state is passed by as many prefixes as texts are wanted of a cell: of the shortest texts of
    // a cell that pass a state, every prefix up to there is among the shortest ones.
    let mut passed: FxHashMap<State, usize> = FxHashMap::default();
    let mut queue: VecDeque<(State, Vec<u8>)> = VecDeque::from([(automata.start(), Vec::new())]);
    let mut prefixes = 0;
    while let Some((state, prefix)) = queue.pop_front() {
        prefixes += 1;
        if prefixes > MAX_PREFIXES {
            return Err(out);
        }
        if let Some(matched) = automata.matched_at_end(&state)
            && let Ok(text) = String::from_utf8(prefix.clone())
            && let Some(cell) = cut.cell(&text)
        {
            // Some empty matches are judged otherwise by a whole regex.
            complete &= cell.matched == matched;
            let texts = found.entry(cell).or_default();
            if *texts < count {
                *texts += 1;
                missing -= 1;
                out.push(text);
            }
            if missing == 0 {
                break;
            }
        }
        for byte in &automata.bytes {
            match automata.step(&state, *byte) {
                Step::Dead => {}
                Step::Unknown => complete = false,
                Step::To(next) => {
                    let times = passed.entry(next.clone()).or_default();
                    if *times < count {
                        *times += 1;
                        let mut longer = prefix.clone();
                        longer.push(*byte);
                        queue.push_back((next, longer));
                    }
                }
            }
        }
    }
    if complete { Ok(out) } else { Err(out) }
}

/// Where each automaton is, then how the prefix lies to each literal.
type State = Vec<u32>;

/// The automaton has matched already.
const MATCHED: u32 = u32::MAX;

/// The prefix lies below, above, or just elsewhere than a literal; otherwise it is how many of the
/// literal's bytes it has.
const BELOW: u32 = u32::MAX;
const ABOVE: u32 = u32::MAX - 1;

enum Step {
    To(State),
    /// No text goes on so.
    Dead,
    /// The automaton does not say.
    Unknown,
}

struct Automata<'a> {
    /// The last one is that of [`ANY_TEXT`].
    dfas: Vec<dense::DFA<Vec<u32>>>,
    literals: &'a [&'a str],
    ordered: bool,
    /// Enough bytes of each class that nothing tells apart, the most readable first.
    bytes: Vec<u8>,
    starts: Vec<StateID>,
}

impl<'a> Automata<'a> {
    /// `None` where they would be too large.
    fn new(cut: &'a Cut<'a>, count: usize) -> Option<Self> {
        let config = dense::Config::new()
            .accelerate(false)
            .start_kind(StartKind::Unanchored)
            .match_kind(MatchKind::All)
            // Beyond ASCII it then stops and says so.
            .unicode_word_boundary(true)
            .dfa_size_limit(Some(MAX_AUTOMATON))
            .determinize_size_limit(Some(MAX_AUTOMATON));
        let patterns = cut.regexes.iter().map(|r| r.as_str()).chain([ANY_TEXT]);
        let dfas: Vec<_> = patterns
            .map(|pattern| dense::Builder::new().configure(config.clone()).build(pattern).ok())
            .collect::<Option<_>>()?;
        let input = Input::new("").anchored(Anchored::No);
        let starts = dfas.iter().map(|dfa| dfa.start_state_forward(&input).ok()).collect::<Option<_>>()?;
        let bytes = bytes(&dfas, cut, count);
        Some(Self { dfas, literals: cut.literals, ordered: cut.ordered, bytes, starts })
    }

    fn start(&self) -> State {
        self.starts.iter().map(|id| id.as_u32()).chain(self.literals.iter().map(|_| 0)).collect()
    }

    fn id(state: u32) -> Option<StateID> {
        usize::try_from(state).ok().and_then(|id| StateID::new(id).ok())
    }

    /// The regexes that match the text which ends here; `None` where it is no text.
    fn matched_at_end(&self, state: &State) -> Option<u32> {
        let at_end = |(dfa, at): (&dense::DFA<Vec<u32>>, &u32)| {
            *at == MATCHED || Self::id(*at).is_some_and(|id| dfa.is_match_state(dfa.next_eoi_state(id)))
        };
        let matched: Vec<bool> = self.dfas.iter().zip(state).map(at_end).collect();
        let (is_text, regexes) = matched.split_last()?;
        let bits = regexes.iter().enumerate().filter(|(_, m)| **m);
        is_text.then(|| bits.fold(0, |all, (index, _)| all | 1_u32.checked_shl(bit(index)).unwrap_or(0)))
    }

    fn step(&self, state: &State, byte: u8) -> Step {
        let mut out = Vec::with_capacity(state.len());
        for (index, (dfa, at)) in self.dfas.iter().zip(state).enumerate() {
            let Some(id) = Self::id(*at).filter(|_| *at != MATCHED) else {
                out.push(MATCHED);
                continue;
            };
            let next = dfa.next_state(id, byte);
            let is_text = index + 1 == self.dfas.len();
            if dfa.is_quit_state(next) {
                return Step::Unknown;
            }
            if is_text && dfa.is_dead_state(next) {
                return Step::Dead;
            }
            // That everything so far is a text says nothing of the rest.
            out.push(if dfa.is_match_state(next) && !is_text { MATCHED } else { next.as_u32() });
        }
        for (literal, at) in self.literals.iter().zip(&state[self.dfas.len()..]) {
            let next = match usize::try_from(*at).ok().map(|at| literal.as_bytes().get(at)) {
                _ if *at >= ABOVE => *at,
                Some(Some(expected)) if *expected == byte => at + 1,
                Some(Some(expected)) if self.ordered && byte < *expected => BELOW,
                _ => ABOVE,
            };
            out.push(next);
        }
        Step::To(out)
    }
}

/// Bytes to go on with. Of each class that neither an automaton nor a literal tells apart there are as
/// many as could be needed, or all.
fn bytes(dfas: &[dense::DFA<Vec<u32>>], cut: &Cut<'_>, count: usize) -> Vec<u8> {
    let mut special: Vec<u8> = cut.literals.iter().flat_map(|l| l.bytes()).collect();
    special.sort_unstable();
    special.dedup();
    let mut order: Vec<u8> = (0..=u8::MAX).collect();
    order.sort_by_key(|b| match b {
        b'a'..=b'z' => 0,
        b'0'..=b'9' => 1,
        b'A'..=b'Z' => 2,
        b'!'..=b'~' => 3,
        b' ' => 4,
        _ => 5,
    });
    let mut taken: FxHashMap<Vec<usize>, usize> = FxHashMap::default();
    let class = |byte: u8| -> Vec<usize> {
        let among = match special.binary_search(&byte) {
            Ok(at) => 2 * at + 1,
            Err(at) if cut.ordered => 2 * at,
            Err(_) => usize::MAX,
        };
        dfas.iter().map(|dfa| usize::from(dfa.byte_classes().get(byte))).chain([among]).collect()
    };
    order.retain(|byte| {
        let taken = taken.entry(class(*byte)).or_default();
        *taken += 1;
        *taken <= count
    });
    order
}
