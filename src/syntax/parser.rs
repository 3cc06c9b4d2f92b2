//! The only file that names pest's types: grammar rules, nodes, and the wording of syntax errors.

use std::ops::Range;

use pest::Parser as _;
use pest::error::{Error, ErrorVariant, InputLocation};
use pest::iterators::{Pair, Pairs};

use rustc_hash::FxHashSet;

use super::before::{Before, before};
use super::way_out::{ITEMS, event, way_out};
use crate::diagnostic::{Code, Diagnostic};
use crate::span::{FileId, Span};

/// Syntax errors reported of one file at most.
const MAX_ERRORS: usize = 1_000;

/// The number of the first error that is not reported.
const TOO_MANY: usize = MAX_ERRORS + 1;

#[derive(pest_derive::Parser)]
#[grammar = "../grammar/invalidate.pest"]
struct Grammar;

/// A node of the concrete syntax, with its file.
#[derive(Clone, Debug)]
pub struct Node<'i> {
    pair: Pair<'i, Rule>,
    place: Place,
}

/// Where a piece of a text stands.
#[derive(Clone, Copy, Debug)]
struct Place {
    file: FileId,
    /// Of the piece in its file, in bytes.
    start: usize,
}

impl<'i> Node<'i> {
    pub fn rule(&self) -> Rule {
        self.pair.as_rule()
    }

    pub fn text(&self) -> &'i str {
        self.pair.as_str()
    }

    pub fn span(&self) -> Span {
        let span = self.pair.as_span();
        let Place { file, start } = self.place;
        Span::new(file, start + span.start()..start + span.end())
    }

    pub fn children(&self) -> Nodes<'i> {
        Nodes { pairs: self.pair.clone().into_inner(), place: self.place }
    }
}

/// Sibling nodes, in order.
#[derive(Clone, Debug)]
pub struct Nodes<'i> {
    pairs: Pairs<'i, Rule>,
    place: Place,
}

impl<'i> Iterator for Nodes<'i> {
    type Item = Node<'i>;

    fn next(&mut self) -> Option<Node<'i>> {
        self.pairs.next().map(|pair| Node { pair, place: self.place })
    }
}

/// The items of a file, one after another. What is no item is reported and left out.
pub struct Items<'i> {
    file: FileId,
    text: &'i str,
    /// Where the next piece starts; `None` behind the last.
    at: Option<usize>,
    /// Nodes of the piece at hand.
    nodes: Option<Nodes<'i>>,
    errors: usize,
    pub diagnostics: Vec<Diagnostic>,
    /// The entities that were lost with what is no item.
    pub lost: Vec<String>,
    lost_names: FxHashSet<&'i str>,
}

impl<'i> Items<'i> {
    pub fn of(file: FileId, text: &'i str) -> Self {
        let mut items = Self {
            file,
            text,
            at: Some(0),
            nodes: None,
            errors: 0,
            diagnostics: Vec::new(),
            lost: Vec::new(),
            lost_names: FxHashSet::default(),
        };
        items.parse(Rule::head);
        items
    }

    /// Goes on to the next piece. Returns whether there was one.
    fn parse(&mut self, sort: Rule) -> bool {
        let Some(start) = self.at.take() else { return false };
        match Grammar::parse(sort, &self.text[start..]) {
            Ok(mut pairs) => {
                if let Some(pair) = pairs.next() {
                    let length = pair.as_span().end();
                    let is_last = start + length == self.text.len();
                    // A piece is never empty, but for the end of the file.
                    self.at = (!is_last && (length > 0 || sort == Rule::head)).then_some(start + length);
                    self.nodes = Some(Node { pair, place: Place { file: self.file, start } }.children());
                }
            }
            Err(error) => self.diagnostics.push(describe(self.file, self.text, start, &error)),
        }
        true
    }

    fn junk(&mut self, node: &Node<'i>) {
        self.errors += 1;
        match self.errors {
            ..=MAX_ERRORS => self.diagnostics.push(explain_junk(self.file, self.text, node)),
            TOO_MANY => self.diagnostics.push(too_many(node)),
            _ => {}
        }
        if let Some(name) = lost_entity(node.text()).filter(|name| self.lost_names.insert(name)) {
            self.lost.push(name.to_owned());
        }
    }
}

impl<'i> Iterator for Items<'i> {
    type Item = Node<'i>;

    fn next(&mut self) -> Option<Node<'i>> {
        loop {
            while let Some(node) = self.nodes.as_mut().and_then(Iterator::next) {
                match node.rule() {
                    Rule::junk => self.junk(&node),
                    Rule::EOI => {}
                    _ => return Some(node),
                }
            }
            if !self.parse(Rule::piece) {
                return None;
            }
        }
    }
}

fn too_many(junk: &Node<'_>) -> Diagnostic {
    let span = junk.span();
    let message = format!("more than {MAX_ERRORS} syntax errors: those from here on are not reported");
    Diagnostic::at(Code::Syntax, Span { end: span.start, ..span }, message, "")
        .help("is it a rule file at all?")
}

/// The name of an entity whose item has an error: others may well refer to it.
fn lost_entity(piece: &str) -> Option<&str> {
    let mut words = piece.split_whitespace().skip_while(|word| *word != "entity").skip(1);
    let word = words.next()?;
    let name = &word[..word.find(|c| !is_word(c)).unwrap_or(word.len())];
    (!name.is_empty()).then_some(name)
}

/// Parses a piece that is no item once more, for its error.
fn explain_junk(file: FileId, text: &str, junk: &Node<'_>) -> Diagnostic {
    let start = junk.span().start as usize;
    let piece = junk.text();
    match Grammar::parse(Rule::item, piece) {
        Err(error) => describe(file, text, start, &error),
        // Cannot be: what parses as an item is not junk. Still a finding, never a silent skip.
        Ok(_) => Diagnostic::at(Code::Syntax, junk.span(), "this is no item", ""),
    }
}

/// The wording of a syntax error: what stands there, what could stand there, and the way out.
fn describe(file: FileId, text: &str, offset: usize, error: &Error<Rule>) -> Diagnostic {
    let at = offset
        + match error.location {
            InputLocation::Pos(at) => at,
            InputLocation::Span((at, _)) => at,
        };
    let rest = &text[at..];
    let found: &str = match rest.chars().next() {
        None => "",
        Some(c) if is_word(c) => &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())],
        Some('/') if rest.starts_with("///") => "///",
        Some(c) => &rest[..c.len_utf8()],
    };
    let span = Span::new(file, at..at + found.len());
    let shown = match found {
        "" => "the end of the file".to_owned(),
        "\n" | "\r" => "the end of the line".to_owned(),
        "///" => "doc comment".to_owned(),
        c if c.chars().all(char::is_control) => format!("`{}`", c.escape_default()),
        _ => format!("`{}`", shorten(found)),
    };
    let expected = match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => expected(positives),
        ErrorVariant::CustomError { message } => vec![message.as_str()],
    };
    let message = format!("unexpected {shown}");
    let error = Diagnostic::at(Code::Syntax, span, message, expected_list(&expected));
    let finding = way_out(error, span, found, rest, &expected);
    let is_word = |text: &str| text.starts_with(is_word);
    let last = before(text, offset..at).last.filter(|last| is_word(&text[last.clone()]) && is_word(found));
    let finding = match last {
        Some(last) if finding.help.is_empty() => {
            let word = &text[last.clone()];
            event(finding, (Span::new(file, last), word), (span, found), &expected)
        }
        _ => finding,
    };
    // Neither a misspelt word nor an item is better understood by what stands in front of it.
    if ITEMS.contains(&found) || finding.help.first().is_some_and(|help| help.starts_with("did you mean")) {
        return finding;
    }
    match earlier(file, text, offset..at, found, &expected) {
        None => finding,
        Some(Earlier { span, label, help }) => {
            let help = help.filter(|_| finding.help.is_empty());
            finding.also(span, label).maybe_help(help)
        }
    }
}

/// A place in front of an error, on another line, where the mistake can be as well.
struct Earlier {
    span: Span,
    label: &'static str,
    help: Option<String>,
}

/// What the error goes on from, where that is on another line. `item` is the text of the item as far as
/// it could be read.
fn earlier(file: FileId, text: &str, item: Range<usize>, found: &str, expected: &[&str]) -> Option<Earlier> {
    let is_apart = |from: usize, to: usize| text[from..to].contains(['\n', '\r']);
    if item.is_empty() {
        // No item begins like this; a clause does, of one that has ended already.
        let end = text[..item.start].trim_end().len();
        let is_cut_off = CLAUSES.contains(&found) && text[..end].ends_with('}');
        return is_cut_off.then(|| Earlier {
            span: Span::new(file, end - 1..end),
            label: "this ends the item before it",
            help: Some(format!("`{found}` begins a clause: is a `}}` too many in front of it?")),
        });
    }
    let Before { last, second_last } = before(text, item.clone());
    let last = last?;
    if is_apart(last.end, item.end) {
        return Some(Earlier { span: Span::new(file, last), label: "behind this", help: None });
    }
    // A clause that continues what stands in front of it was taken for a name.
    let word = &text[last.clone()];
    let second_last = second_last.filter(|place| is_apart(place.end, last.start))?;
    CLAUSES.contains(&word).then(|| Earlier {
        span: Span::new(file, second_last),
        label: "behind this",
        help: Some(match expected {
            ["`:`"] => format!("`{word}` is read as a name here: is a `}}` missing in front of it?"),
            _ => format!("`{word}` is read as a name here: what stands in front of it asks for one"),
        }),
    })
}

/// Words that begin a clause.
const CLAUSES: [&str; 16] = [
    "fields",
    "operations",
    "ref",
    "key",
    "tag",
    "list",
    "kind",
    "depth",
    "via",
    "on",
    "when",
    "priority",
    "strategy",
    "delay",
    "follow",
    "drop",
];

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn shorten(word: &str) -> String {
    match word.char_indices().nth(40) {
        Some((at, _)) => format!("{}…", &word[..at]),
        None => word.to_owned(),
    }
}

/// The names of what could stand there: no repetitions, attributes only where nothing else could.
fn expected(rules: &[Rule]) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::new();
    for symbol_of in rules {
        let name = symbol(*symbol_of);
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    if names.iter().any(|n| !is_attribute(n)) {
        names.retain(|n| !is_attribute(n));
    }
    names
}

fn is_attribute(name: &str) -> bool {
    matches!(name, "a doc comment" | "`@`" | "`@allow`")
}

fn expected_list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("expected {one}"),
        [init @ .., last] => format!("expected {} or {last}", init.join(", ")),
    }
}

/// What a user calls a grammar rule. Exhaustive, so that a new rule forces the decision.
fn symbol(which: Rule) -> &'static str {
    match which {
        Rule::head | Rule::piece => "a rule file",
        Rule::language | Rule::kw_language => "`language`",
        Rule::item | Rule::item_kind | Rule::item_head => "an item",
        Rule::dangling
        | Rule::expr_kw
        | Rule::ident_char
        | Rule::re_esc
        | Rule::re_class
        | Rule::re_open
        | Rule::junk
        | Rule::trailing
        | Rule::attr_line
        | Rule::WHITESPACE
        | Rule::COMMENT => "",
        Rule::attr | Rule::doc => "a doc comment",
        Rule::allow => "`@allow`",
        Rule::namespace | Rule::kw_namespace => "`namespace`",
        Rule::import | Rule::kw_import => "`import`",
        Rule::context | Rule::kw_context => "`context`",
        Rule::decl => "a declaration",
        Rule::ty | Rule::ty_name => "a type",
        Rule::defaults | Rule::kw_defaults => "`defaults`",
        Rule::setting => "a setting",
        Rule::vary | Rule::kw_vary => "`vary`",
        Rule::entity | Rule::kw_entity => "`entity`",
        Rule::e_clause | Rule::r_clause | Rule::u_clause => "a clause",
        Rule::c_fields | Rule::kw_fields => "`fields`",
        Rule::c_operations | Rule::kw_operations => "`operations`",
        Rule::c_ref | Rule::kw_ref => "`ref`",
        Rule::c_key | Rule::kw_key => "`key`",
        Rule::c_tag | Rule::kw_tag => "`tag`",
        Rule::c_list | Rule::kw_list => "`list`",
        Rule::relation | Rule::kw_relation => "`relation`",
        Rule::c_kind | Rule::kw_kind => "`kind`",
        Rule::c_depth | Rule::kw_depth => "`depth`",
        Rule::c_via | Rule::kw_via => "`via`",
        Rule::rule | Rule::kw_rule => "`rule`",
        Rule::c_on | Rule::kw_on => "`on`",
        Rule::event => "an event",
        Rule::c_when | Rule::kw_when => "`when`",
        Rule::c_priority | Rule::kw_priority => "`priority`",
        Rule::c_strategy | Rule::kw_strategy => "`strategy`",
        Rule::c_delay | Rule::kw_delay => "`delay`",
        Rule::c_follow | Rule::kw_follow => "`follow`",
        Rule::c_drop | Rule::kw_drop => "`drop`",
        Rule::target => "a target",
        Rule::expr | Rule::operand => "a condition",
        Rule::changed | Rule::kw_changed => "`changed`",
        Rule::comparison => "a comparison",
        Rule::cmp => "a comparison operator",
        Rule::value | Rule::literal => "a value",
        Rule::path | Rule::name | Rule::ident_start => "a name",
        Rule::slug => "a lint name",
        Rule::int => "a whole number",
        Rule::float => "a number",
        Rule::duration => "a duration, such as `100ms` or `2s`",
        Rule::string => "a string",
        Rule::s_text | Rule::t_text => "text",
        Rule::template => "a template",
        Rule::hole => "a hole",
        Rule::regex => "a regex",
        Rule::quote => r#"`"`"#,
        Rule::hole_open | Rule::lbrace => "`{`",
        Rule::hole_close | Rule::rbrace => "`}`",
        Rule::lbrack => "`[`",
        Rule::rbrack => "`]`",
        Rule::lpar => "`(`",
        Rule::rpar => "`)`",
        Rule::colon => "`:`",
        Rule::comma => "`,`",
        Rule::dot => "`.`",
        Rule::at => "`@`",
        Rule::both => "`<->`",
        Rule::arrow => "`->`",
        Rule::eq1 => "`=`",
        Rule::op_eq => "`==`",
        Rule::op_ne => "`!=`",
        Rule::op_le => "`<=`",
        Rule::op_ge => "`>=`",
        Rule::op_lt => "`<`",
        Rule::op_gt => "`>`",
        Rule::kw_self => "`self`",
        Rule::kw_match => "`match`",
        Rule::kw_and => "`and`",
        Rule::kw_or => "`or`",
        Rule::kw_not => "`not`",
        Rule::kw_in => "`in`",
        Rule::kw_matches => "`matches`",
        Rule::kw_true => "`true`",
        Rule::kw_false => "`false`",
        Rule::kw_null => "`null`",
        Rule::kw_immediate => "`immediate`",
        Rule::kw_batched => "`batched`",
        Rule::kw_lazy => "`lazy`",
        Rule::kw_cascade => "`cascade`",
        Rule::kw_string => "`string`",
        Rule::kw_int => "`int`",
        Rule::kw_float => "`float`",
        Rule::kw_bool => "`bool`",
        Rule::kw_time => "`time`",
        Rule::kw_one_to_many => "`one_to_many`",
        Rule::kw_many_to_one => "`many_to_one`",
        Rule::kw_many_to_many => "`many_to_many`",
        Rule::kw_one_to_one => "`one_to_one`",
        Rule::kw_parent_child => "`parent_child`",
        Rule::kw_allow => "`allow`",
        Rule::EOI => "the end of the file",
    }
}
