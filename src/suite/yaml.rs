//! YAML with the place of everything in it.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::Mistake;

/// How deep lists and maps may lie in each other.
const MAX_DEPTH: usize = 32;

/// Line and column, counted from 1; the column counts characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

#[derive(Clone, Debug)]
pub struct Node {
    pub data: Data,
    pub start: Place,
    /// The line of its last character.
    pub last_line: usize,
    /// Whether it is a list or mapping without brackets or braces.
    pub is_block: bool,
}

#[derive(Clone, Debug)]
pub enum Data {
    /// `plain` where no quotes say that it is text.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(&self.data, Data::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null"))
    }

    /// What is there, for an error.
    pub fn what(&self) -> &'static str {
        match &self.data {
            Data::Scalar { .. } if self.is_null() => "nothing",
            Data::Scalar { .. } => "a text",
            Data::List(_) => "a list",
            Data::Map(_) => "a mapping",
        }
    }

    /// As JSON: numbers, `true`, `false` and `null` only where they stand without quotes.
    pub fn json(&self) -> serde_json::Value {
        use serde_json::Value;
        match &self.data {
            Data::Scalar { .. } if self.is_null() => Value::Null,
            Data::Scalar { text, plain: true } => match text.as_str() {
                "true" => true.into(),
                "false" => false.into(),
                text => match serde_json::from_str(text) {
                    Ok(Value::Number(number)) => Value::Number(number),
                    _ => text.into(),
                },
            },
            Data::Scalar { text, .. } => text.as_str().into(),
            Data::List(items) => items.iter().map(Self::json).collect(),
            Data::Map(entries) => {
                let entry = |(key, value): &(Node, Node)| Some((key.text()?.to_owned(), value.json()));
                Value::Object(entries.iter().filter_map(entry).collect())
            }
        }
    }
}

/// Reads one document. `None` for an empty one.
pub fn read(text: &str) -> Result<Option<Node>, Mistake> {
    let mut reader = Reader { parser: Parser::new_from_str(text), depth: 0 };
    let mut root = None;
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamEnd => return Ok(root),
            Event::Nothing | Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd => {}
            _ if root.is_some() => return Err(Mistake::at(place(&span), "a second document begins here")),
            event => root = Some(reader.node(event, span)?),
        }
    }
}

struct Reader<'t> {
    parser: Parser<'t, saphyr_parser::StrInput<'t>>,
    depth: usize,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), Mistake> {
        match self.parser.next() {
            Some(Ok(found)) => Ok(found),
            Some(Err(error)) => {
                let at = Place { line: error.marker().line(), column: error.marker().col() + 1 };
                Err(Mistake::at(at, format!("it is not YAML: {}", error.info())))
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, event: Event<'t>, span: Span) -> Result<Node, Mistake> {
        let start = place(&span);
        // Brackets and braces are where a flow ends; a block ends where the next thing begins.
        let closes = |span: &Span| span.end.index() > span.start.index();
        let (data, end, is_block) = match event {
            Event::Scalar(text, style, ..) => (
                Data::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain },
                span.end,
                false,
            ),
            Event::SequenceStart(..) => {
                self.deeper(start)?;
                let mut items = Vec::new();
                let end = loop {
                    match self.next()? {
                        (Event::SequenceEnd, span) => break span,
                        (event, span) => items.push(self.node(event, span)?),
                    }
                };
                self.depth -= 1;
                (Data::List(items), end.end, !closes(&end))
            }
            Event::MappingStart(..) => {
                self.deeper(start)?;
                let mut entries: Vec<(Node, Node)> = Vec::new();
                let end = loop {
                    let key = match self.next()? {
                        (Event::MappingEnd, span) => break span,
                        (event, span) => self.node(event, span)?,
                    };
                    let Some(name) = key.text() else {
                        return Err(Mistake::at(key.start, "a key is no text"));
                    };
                    if entries.iter().any(|(known, _)| known.text() == Some(name)) {
                        return Err(Mistake::at(key.start, format!("`{name}` stands here twice")));
                    }
                    let (event, span) = self.next()?;
                    let value = self.node(event, span)?;
                    entries.push((key, value));
                };
                self.depth -= 1;
                (Data::Map(entries), end.end, !closes(&end))
            }
            Event::Alias(_) => {
                return Err(
                    Mistake::at(start, "aliases are not read").help("a `table` gives one case many rows")
                );
            }
            _ => return Err(Mistake::at(start, "a value is missing")),
        };
        let last_line = match &data {
            Data::List(items) if is_block => items.last().map_or(start.line, |n| n.last_line),
            Data::Map(entries) if is_block => entries.last().map_or(start.line, |(_, n)| n.last_line),
            Data::Scalar { text, plain: true } if text.is_empty() => start.line,
            // The end of a block of text is the start of the next line.
            Data::Scalar { .. } if end.col() == 0 => end.line().saturating_sub(1),
            _ => end.line(),
        };
        let last_line = last_line.max(start.line);
        Ok(Node { data, start, last_line, is_block })
    }

    fn deeper(&mut self, start: Place) -> Result<(), Mistake> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Mistake::at(start, "lists and mappings lie too deep in each other"));
        }
        Ok(())
    }
}

fn place(span: &Span) -> Place {
    Place { line: span.start.line(), column: span.start.col() + 1 }
}
