//! Patterns over live keys: a glob in Redis's own dialect, or a regular expression.

use std::fmt;
use std::sync::Arc;

use super::regex::Regex;

/// Why a text is not a [`Pattern`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternError {
    Empty,
    /// A `[` without its `]`.
    OpenClass,
    /// A glob that ends in a lone backslash.
    DanglingEscape,
    /// The regex crate's own words.
    Regex(String),
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "the pattern is empty"),
            Self::OpenClass => write!(f, "`[` has no matching `]`; write `\\[` for the character itself"),
            Self::DanglingEscape => {
                write!(f, "the glob ends in a lone `\\`; write `\\\\` for the character itself")
            }
            Self::Regex(why) => write!(f, "{why}"),
        }
    }
}

impl std::error::Error for PatternError {}

/// A set of live keys, by their names.
///
/// A glob speaks the dialect of Redis's `SCAN MATCH`: `*` any characters (`:` included), `?` one
/// character, `[ab]`, `[^a]`, `[a-z]` classes, `\x` a literal; it must match the whole key. A regex
/// (`/…/`) is searched anywhere in the key, or, under a namespace, in what follows the namespace's
/// prefix; keys outside the namespace never match.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    /// For a glob, one that a server evaluates to at least the same keys.
    scan: Option<String>,
    /// What every matching key starts with, where that is known.
    prefix: String,
    /// Whether a `*` stays within a segment.
    segmented: bool,
    regex: Regex,
}

impl Pattern {
    /// A glob in Redis's dialect.
    ///
    /// # Errors
    /// [`PatternError`] for an empty glob, an open class or a dangling escape.
    pub fn glob(glob: &str) -> Result<Self, PatternError> {
        let Translation { expression, prefix, scan } = translate(glob, ".*")?;
        let regex = Regex::new(&expression).map_err(|e| PatternError::Regex(last_line(&e)))?;
        Ok(Self { text: glob.to_owned(), scan: Some(scan), prefix, segmented: false, regex })
    }

    /// A glob over names made of segments: `*` is any text within one segment, since no value that
    /// fills a template holds a `:`.
    ///
    /// # Errors
    /// As [`Pattern::glob`].
    pub fn segments(glob: &str) -> Result<Self, PatternError> {
        let Translation { expression, prefix, scan } = translate(glob, "[^:]*")?;
        let regex = Regex::new(&expression).map_err(|e| PatternError::Regex(last_line(&e)))?;
        Ok(Self { text: glob.to_owned(), scan: Some(scan), prefix, segmented: true, regex })
    }

    /// The text of a regex that matches what [`Pattern::segments`] matches.
    pub fn segments_as_regex(glob: &str) -> String {
        match translate(glob, "[^:]*") {
            Ok(Translation { expression, .. }) => format!("/{expression}/"),
            // Not made by a template; as a glob it is refused with its reason.
            Err(_) => glob.to_owned(),
        }
    }

    /// A regular expression over what follows `prefix` (empty for none).
    ///
    /// # Errors
    /// [`PatternError`] for an empty or malformed expression.
    pub fn regex(prefix: &str, expression: &str) -> Result<Self, PatternError> {
        if expression.is_empty() {
            return Err(PatternError::Empty);
        }
        let regex = Regex::new(expression).map_err(|e| PatternError::Regex(last_line(&e)))?;
        Ok(Self {
            text: format!("{prefix}/{expression}/"),
            scan: None,
            prefix: prefix.to_owned(),
            segmented: false,
            regex,
        })
    }

    /// As [`Pattern::regex`], for an expression that it took before.
    pub(crate) fn regex_checked_before(prefix: &str, expression: Arc<str>) -> Self {
        Self {
            text: format!("{prefix}/{expression}/"),
            scan: None,
            prefix: prefix.to_owned(),
            segmented: false,
            regex: Regex::checked_before(expression),
        }
    }

    /// Reads a pattern as it is printed and as the command line takes it: `/…/`, or `/…/` behind a
    /// namespace and a colon, is a regex; everything else is a glob.
    ///
    /// # Errors
    /// As [`Pattern::glob`] and [`Pattern::regex`].
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        match split_regex(text) {
            Some((prefix, expression)) => Self::regex(prefix, expression),
            None => Self::glob(text),
        }
    }

    /// A glob as text that [`Pattern::parse`] reads as a glob again, though it may look like a regex.
    pub fn glob_text(glob: String) -> String {
        match split_regex(&glob) {
            Some((prefix, _)) => format!("{prefix}\\{}", &glob[prefix.len()..]),
            None => glob,
        }
    }

    /// The pattern as it is written and printed.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// A glob that matches at least every key this pattern matches: what a `SCAN MATCH` is given
    /// before [`Pattern::matches`] decides. In it `?` and classes have become `*`, since they stand
    /// for one character here and for one byte in a server.
    pub fn scan_glob(&self) -> String {
        match &self.scan {
            Some(glob) => glob.clone(),
            None => format!("{}*", quote_glob(&self.prefix)),
        }
    }

    /// The regex that decides; of a glob the one that it stands for.
    pub(crate) fn expression(&self) -> &str {
        self.regex.as_str()
    }

    /// What every matching key starts with; may be empty.
    pub fn literal_prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether the pattern is a glob that any server can evaluate by itself.
    pub fn is_glob(&self) -> bool {
        self.scan.is_some()
    }

    /// Whether a `*` stays within a segment, as [`Pattern::segments`] has it.
    pub fn is_segmented(&self) -> bool {
        self.segmented
    }

    pub fn matches(&self, key: &str) -> bool {
        match &self.scan {
            Some(_) => self.regex.is_match(key),
            None => key.strip_prefix(&self.prefix).is_some_and(|rest| self.regex.is_match(rest)),
        }
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
            && self.is_glob() == other.is_glob()
            && self.is_segmented() == other.is_segmented()
    }
}
impl Eq for Pattern {}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The namespace prefix and the expression of a text in the form of a regex.
fn split_regex(text: &str) -> Option<(&str, &str)> {
    let slash = text.find('/')?;
    let (prefix, rest) = text.split_at(slash);
    let is_word = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !prefix.is_empty() && !prefix.strip_suffix(':').is_some_and(|name| !name.is_empty() && is_word(name)) {
        return None;
    }
    let expression = rest.strip_prefix('/')?.strip_suffix('/')?;
    (!expression.is_empty()).then_some((prefix, expression))
}

/// Quotes the characters that mean something in a glob, so that the text stands for itself.
pub fn quote_glob(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// The regex crate prints the expression with a caret above its reason: the reason is the last line.
fn last_line(error: &::regex::Error) -> String {
    let text = error.to_string();
    let line = text.lines().last().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

/// What a glob means.
struct Translation {
    /// An anchored regex.
    expression: String,
    /// The literal text that it starts with.
    prefix: String,
    /// See [`Pattern::scan_glob`].
    scan: String,
}

/// `star` is what a `*` becomes.
fn translate(glob: &str, star: &str) -> Result<Translation, PatternError> {
    if glob.is_empty() {
        return Err(PatternError::Empty);
    }
    let mut out = String::from("(?s)^");
    let mut prefix = String::new();
    let mut scan = String::new();
    let mut literal = true;
    let mut chars = glob.chars().peekable();
    while let Some(c) = chars.next() {
        let c = match c {
            '*' | '?' | '[' => {
                literal = false;
                match c {
                    '*' => {
                        while chars.next_if_eq(&'*').is_some() {}
                        out.push_str(star);
                    }
                    '?' => out.push('.'),
                    _ => out.push_str(&translate_class(&mut chars)?),
                }
                if !scan.ends_with('*') || scan.ends_with("\\*") {
                    scan.push('*');
                }
                continue;
            }
            '\\' => chars.next().ok_or(PatternError::DanglingEscape)?,
            c => c,
        };
        let text = c.encode_utf8(&mut [0; 4]).to_owned();
        out.push_str(&::regex::escape(&text));
        scan.push_str(&quote_glob(&text));
        if literal {
            prefix.push(c);
        }
    }
    out.push('$');
    Ok(Translation { expression: out, prefix, scan })
}

fn translate_class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<String, PatternError> {
    let negated = chars.next_if_eq(&'^').is_some();
    let mut ranges: Vec<(char, char)> = Vec::new();
    let literal = |c: char, chars: &mut std::iter::Peekable<std::str::Chars<'_>>| match c {
        '\\' => chars.next().ok_or(PatternError::OpenClass),
        c => Ok(c),
    };
    loop {
        let c = chars.next().ok_or(PatternError::OpenClass)?;
        if c == ']' {
            break;
        }
        let from = literal(c, chars)?;
        let mut ahead = chars.clone();
        if ahead.next() == Some('-') && ahead.next().is_some_and(|c| c != ']') {
            chars.next();
            let c = chars.next().ok_or(PatternError::OpenClass)?;
            let to = literal(c, chars)?;
            // Redis takes the ends of a range in either order.
            ranges.push((from.min(to), from.max(to)));
        } else {
            ranges.push((from, from));
        }
    }
    if ranges.is_empty() {
        // Redis: `[]` matches nothing and `[^]` anything.
        return Ok(if negated { ".".to_owned() } else { "[^\\s\\S]".to_owned() });
    }
    let mut out = String::from(if negated { "[^" } else { "[" });
    for (from, to) in ranges {
        out.push_str(&format!("\\x{{{:x}}}-\\x{{{:x}}}", u32::from(from), u32::from(to)));
    }
    out.push(']');
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_speaks_the_dialect_of_redis() {
        let hit = |glob: &str, key: &str| Pattern::glob(glob).unwrap().matches(key);
        assert!(hit("user:*:profile", "user:1:2:profile"));
        assert!(hit("h[ae]llo", "hallo") && !hit("h[^ae]llo", "hallo") && hit("h[c-a]llo", "hbllo"));
        assert!(hit("a\\*b", "a*b") && !hit("a\\*b", "axb"));
        assert!(hit("a?c", "a\nc"));
        assert!(!hit("user", "user:1"));
        assert!(hit(&quote_glob("x[1]*?\\"), "x[1]*?\\"));
        assert_eq!(Pattern::glob("a["), Err(PatternError::OpenClass));
        assert_eq!(Pattern::glob("a\\"), Err(PatternError::DanglingEscape));
        assert_eq!(Pattern::glob("user:1:*").unwrap().literal_prefix(), "user:1:");
        assert_eq!(Pattern::glob("a?[é]b\\*?*").unwrap().scan_glob(), "a*b\\**");
    }

    #[test]
    fn a_regex_stays_inside_its_namespace() {
        let p = Pattern::regex("shop:", "^user:\\d+$").unwrap();
        assert!(p.matches("shop:user:12"));
        assert!(!p.matches("user:12") && !p.matches("other:shop:user:12"));
        assert_eq!(p.scan_glob(), "shop:*");
        assert_eq!(p.as_str(), "shop:/^user:\\d+$/");
        assert_eq!(Pattern::parse(p.as_str()), Ok(p));
    }

    #[test]
    fn a_wildcard_may_stay_within_its_segment() {
        let one = Pattern::segments("user:*:orders").unwrap();
        assert!(one.matches("user:7:orders") && one.matches("user::orders"));
        assert!(!one.matches("user:7:more:orders"));
        let regex = Pattern::parse(&Pattern::segments_as_regex("user:*:a\\*b")).unwrap();
        assert!(!regex.is_glob() && regex.matches("user:7:a*b") && !regex.matches("user:7:8:a*b"));
    }

    #[test]
    fn a_glob_that_looks_like_a_regex_stays_a_glob() {
        for glob in ["/api/*/", "shop:/a/", "a/b", "/", "//", "x:y:/z/"] {
            let text = Pattern::glob_text(glob.to_owned());
            let pattern = Pattern::parse(&text).unwrap();
            assert!(pattern.is_glob(), "{text}");
            assert!(pattern.matches(&glob.replace('*', "users")));
        }
    }
}
