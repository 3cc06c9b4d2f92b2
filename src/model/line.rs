//! A write in one line, in the words of the command line: `user 123 update plan=pro --changed plan`.

use super::write::{RawId, RawWrite};

impl RawWrite {
    /// Reads a line: one JSON object, or the arguments of `invalidate write` as a shell takes them.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub fn from_line(line: &str) -> Result<Self, String> {
        if line.trim_start().starts_with('{') {
            return Self::from_json(line).map_err(|why| format!("`{line}` {why}"));
        }
        let mut words = words(line)?.into_iter().peekable();
        for own in ["invalidate", "write"] {
            if words.peek().is_some_and(|word| word == own) {
                words.next();
            }
        }
        let (mut given, mut changed, mut ended) = (Vec::new(), None, false);
        while let Some(word) = words.next() {
            let list = match word.as_str() {
                "--" if !ended => {
                    ended = true;
                    continue;
                }
                "--changed" if !ended => {
                    words.next().ok_or("`--changed` needs the names of columns, with commas")?
                }
                option if option.starts_with("--changed=") && !ended => {
                    option["--changed=".len()..].to_owned()
                }
                option if option.starts_with("--") && !ended => {
                    return Err(format!("`{option}` says nothing of a write: only `--changed` does"));
                }
                _ => {
                    given.push(word);
                    continue;
                }
            };
            changed = Some(list.split(',').filter(|n| !n.is_empty()).map(str::to_owned).collect());
        }
        let mut given = given.into_iter();
        let (Some(entity), Some(id), Some(op)) = (given.next(), given.next(), given.next()) else {
            return Err(format!(
                "`{line}` is no write: it needs an entity, an id and an operation, as in `user 123 update`"
            ));
        };
        let mut write = Self { entity, id: RawId::parse(&id), op, changed, ..Self::default() };
        for value in given {
            write.assign(&value).map_err(|e| e.to_string())?;
        }
        Ok(write)
    }
}

/// The words of a line: quotes hold a word together, outside of single quotes a backslash takes the
/// next character as it is.
fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words: Vec<String> = Vec::new();
    let (mut open, mut quote) = (false, None);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        let literal = match (quote, c) {
            (Some(q), c) if c == q => {
                quote = None;
                continue;
            }
            (None, '\'' | '"') => {
                quote = Some(c);
                None
            }
            (None, c) if c.is_whitespace() => {
                open = false;
                continue;
            }
            (None | Some('"'), '\\') => {
                Some(chars.next().ok_or_else(|| format!("`{line}` ends in a backslash"))?)
            }
            (_, c) => Some(c),
        };
        if !open {
            words.push(String::new());
            open = true;
        }
        if let (Some(word), Some(c)) = (words.last_mut(), literal) {
            word.push(c);
        }
    }
    match quote {
        Some(q) => Err(format!("`{line}` has a {q} without its second")),
        None => Ok(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_is_read_as_a_shell_reads_it() {
        let write = RawWrite::from_line(
            r#"order 9 update  user="a b" old.user='it''s' w:='[1, "2"]' x=a\ b --changed user,,w context.t="#,
        );
        let write = write.unwrap();
        assert_eq!((write.entity.as_str(), &write.id), ("order", &RawId::Text("9".to_owned())));
        assert_eq!(json!(write.new), json!({"user": "a b", "w": [1, "2"], "x": "a b"}));
        assert_eq!(json!(write.old), json!({"user": "its"}));
        assert_eq!(json!(write.context), json!({"t": ""}));
        assert_eq!(write.changed, Some(vec!["user".to_owned(), "w".to_owned()]));
        let ended = RawWrite::from_line("invalidate write -- user -1 update plan=--changed").unwrap();
        assert_eq!((ended.id, ended.changed), (RawId::Text("-1".to_owned()), None));
        assert_eq!(RawWrite::from_line("write user '*' delete").unwrap().id, RawId::Many);
        let json = RawWrite::from_line(r#"{"entity": "user", "id": 1, "op": "update"}"#).unwrap();
        assert_eq!(json.id, RawId::Int(1));
    }

    #[test]
    fn what_is_no_write_says_why() {
        let error = |line: &str| RawWrite::from_line(line).unwrap_err();
        assert!(error("user 123").contains("an entity, an id and an operation"));
        assert!(error("").contains("an entity"));
        assert!(error("user 1 update plan").contains("NAME=TEXT"));
        assert!(error("user 1 update 'x").contains("without its second"));
        assert!(error("user 1 update --strict").contains("`--strict`"));
        assert!(error("user 1 update --changed").contains("needs the names"));
        assert!(error("user 1 update \\").contains("backslash"));
        assert!(error("{\"entity\": 5}").contains("is no write"));
    }
}
