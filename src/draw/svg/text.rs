//! How wide a text is, without asking any font.

/// Widths of ` ` to `~` in Helvetica, in thousandths of the size, from Adobe's metrics (core 14).
const HELVETICA: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556,
    556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278,
    500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469,
    556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500,
    278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];

/// Other fonts are drawn where these are not installed, and are wider.
const SLACK: f64 = 1.06;

/// The width of a text in the sans font of this size.
pub fn sans(text: &str, size: f64) -> f64 {
    text.chars().map(advance).sum::<f64>() * size * SLACK
}

/// The same in bold.
pub fn bold(text: &str, size: f64) -> f64 {
    sans(text, size) * 1.07
}

/// The same in the font whose characters are all of one width.
pub fn mono(text: &str, size: f64) -> f64 {
    text.chars().map(|c| if is_wide(c) { 1.1 } else { 0.61 }).sum::<f64>() * size
}

fn advance(c: char) -> f64 {
    let place = u32::from(c).checked_sub(32).and_then(|at| usize::try_from(at).ok());
    match place.and_then(|at| HELVETICA.get(at)) {
        Some(width) => f64::from(*width) / 1000.0,
        None if is_wide(c) => 1.05,
        None => 0.6,
    }
}

/// Characters of East Asia and pictures fill a square.
fn is_wide(c: char) -> bool {
    matches!(u32::from(c), 0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe4f | 0xff00..=0xff60 | 0x1f000..=0x1faff | 0x20000..=0x3fffd)
}
