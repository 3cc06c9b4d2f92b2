//! Values as the command line gives them: `NAME=TEXT` and `NAME:=JSON`.

use std::fmt;

use serde_json::{Map, Value as Json};

use super::write::RawWrite;

/// Why an argument is no assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssignError {
    /// There is no `=`.
    NoEquals(String),
    /// Nothing stands in front of `=`.
    NoName(String),
    /// What stands behind `:=` is not JSON.
    BadJson { name: String, why: String },
}

impl fmt::Display for AssignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEquals(text) => {
                write!(f, "`{text}` is no value: write NAME=TEXT or NAME:=JSON")
            }
            Self::NoName(text) => write!(f, "`{text}` has no name in front of `=`"),
            Self::BadJson { name, why } => {
                write!(f, "what `{name}:=` gives is not JSON: {why}; for plain text write `{name}=…`")
            }
        }
    }
}

impl std::error::Error for AssignError {}

impl RawWrite {
    /// Takes one argument: `NAME=TEXT`, `old.NAME=TEXT`, `context.NAME=TEXT`, or the same with
    /// `:=JSON`. A name given several times collects a list.
    ///
    /// # Errors
    /// [`AssignError`] for what is no assignment. Names and types are checked later.
    pub fn assign(&mut self, argument: &str) -> Result<(), AssignError> {
        let (name, text) =
            argument.split_once('=').ok_or_else(|| AssignError::NoEquals(argument.to_owned()))?;
        let (name, value) = match name.strip_suffix(':') {
            Some(name) => {
                let value = serde_json::from_str(text)
                    .map_err(|e| AssignError::BadJson { name: name.to_owned(), why: e.to_string() })?;
                (name, value)
            }
            None => (name, Json::String(text.to_owned())),
        };
        let (map, name): (&mut Map<String, Json>, &str) = match name.split_once('.') {
            Some(("old", rest)) => (&mut self.old, rest),
            Some(("new", rest)) => (&mut self.new, rest),
            Some(("context", rest)) => (&mut self.context, rest),
            _ => (&mut self.new, name),
        };
        if name.is_empty() {
            return Err(AssignError::NoName(argument.to_owned()));
        }
        match map.get_mut(name) {
            None => {
                map.insert(name.to_owned(), value);
            }
            Some(Json::Array(list)) => list.push(value),
            Some(single) => *single = Json::Array(vec![single.take(), value]),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn assignments_go_to_their_image() {
        let mut write = RawWrite::default();
        for argument in
            ["plan=pro", "old.plan=free", "context.tenant=a=b", "tags=x", "tags=y", "seats:=5", "e="]
        {
            write.assign(argument).unwrap();
        }
        assert_eq!(json!(write.new), json!({"plan": "pro", "tags": ["x", "y"], "seats": 5, "e": ""}));
        assert_eq!(json!(write.old), json!({"plan": "free"}));
        assert_eq!(json!(write.context), json!({"tenant": "a=b"}));
        assert!(matches!(write.assign("plan"), Err(AssignError::NoEquals(_))));
        assert!(matches!(write.assign("=x"), Err(AssignError::NoName(_))));
        assert!(matches!(write.assign("plan:={"), Err(AssignError::BadJson { .. })));
    }
}
