//! Where every construct of the language may break, and what stands between its tokens.

use super::doc::Doc;
use super::gap::Comment;
use super::tree::{Block, CLAUSES, Entry, Leaf, Page, Tree};
use crate::syntax::parser::Rule as R;

/// Blanks by which content is indented.
const INDENT: usize = 2;

/// Blanks by which the head of an item is indented where it takes several lines, so that it does
/// not look like content.
const HEAD: usize = 4;

/// A whole file, but for the line end behind its last line.
pub fn page<'i>(page: &Page<'i>) -> Doc<'i> {
    let mut out = Out::default();
    out.entries(&page.entries, Style::Item);
    for comment in &page.tail {
        let is_first = out.docs.is_empty();
        out.comment(comment, (!is_first).then(Doc::hard), is_first);
    }
    Doc::nest(0, out.docs)
}

/// How the entries of a block are set.
#[derive(Clone, Copy)]
enum Style {
    /// Each on lines of its own.
    Item,
    /// Two blanks apart, where they share a line.
    Plain,
    /// Likewise; a clause's value begins so many columns after its keyword does.
    Aligned(usize),
    /// With commas between.
    Listed,
}

/// What is set so far.
#[derive(Default)]
struct Out<'i> {
    docs: Vec<Doc<'i>>,
    /// The last token; none where the next one begins something.
    last: Option<R>,
}

impl<'i> Out<'i> {
    /// Sets something of its own, inside a document that `wrap` makes of it.
    fn inside(&mut self, wrap: impl FnOnce(Vec<Doc<'i>>) -> Doc<'i>, set: impl FnOnce(&mut Self)) {
        let outer = std::mem::take(&mut self.docs);
        set(self);
        let inner = std::mem::replace(&mut self.docs, outer);
        self.docs.push(wrap(inner));
    }

    fn nested(&mut self, columns: usize, set: impl FnOnce(&mut Self)) {
        self.inside(|docs| Doc::nest(columns, docs), set);
    }

    fn grouped(&mut self, set: impl FnOnce(&mut Self)) {
        self.inside(Doc::group, set);
    }

    fn separate(&mut self, blank: bool, separator: Option<Doc<'i>>) {
        if blank {
            self.docs.push(Doc::blank());
        }
        self.docs.extend(separator);
    }

    /// A comment on a line of its own. No empty line stands before the first of anything.
    fn comment(&mut self, comment: &Comment<'i>, separator: Option<Doc<'i>>, is_first: bool) {
        self.separate(comment.blank && !is_first, separator);
        self.docs.push(Doc::whole_line(comment.text));
    }

    fn entries(&mut self, entries: &[Entry<'i>], style: Style) {
        for (at, entry) in entries.iter().enumerate() {
            let separator = match (style, at) {
                (Style::Item, 0) => None,
                (Style::Item, _) => Some(Doc::hard()),
                (Style::Listed, _) | (_, 0) => Some(Doc::line()),
                _ => Some(Doc::wide()),
            };
            let comma = matches!(style, Style::Listed) && at + 1 < entries.len();
            self.entry(entry, separator, at == 0, style, comma);
        }
    }

    fn entry(
        &mut self,
        entry: &Entry<'i>,
        mut separator: Option<Doc<'i>>,
        mut is_first: bool,
        style: Style,
        comma: bool,
    ) {
        for (at, unit) in entry.units.iter().enumerate() {
            let lead: &[Comment<'i>] = if at == 0 { &entry.lead } else { &[] };
            for comment in lead.iter().chain(&unit.lead) {
                self.comment(comment, separator.replace(Doc::hard()), is_first);
                is_first = false;
            }
            // Nothing but comments stands between what is attached and what it is attached to.
            let blank = if at == 0 { entry.blank } else { unit.blank && !unit.lead.is_empty() };
            self.separate(blank && !is_first, separator.take());
            is_first = false;
            self.last = None;
            self.unit(&unit.tree, style);
            if comma && at + 1 == entry.units.len() {
                self.docs.push(Doc::text(","));
            }
            self.docs.extend(unit.note.map(Doc::note));
            separator = Some(if matches!(style, Style::Item) { Doc::hard() } else { Doc::line() });
        }
    }

    fn unit(&mut self, tree: &Tree<'i>, style: Style) {
        match tree {
            Tree::Branch(R::decl, parts) => self.run(INDENT, R::decl, parts),
            Tree::Branch(rule, parts) if CLAUSES.contains(rule) => {
                let column = if let Style::Aligned(column) = style { Some(column) } else { None };
                self.clause(*rule, parts, column);
            }
            _ => self.tree(tree),
        }
    }

    /// A keyword and its value.
    fn clause(&mut self, symbol: R, parts: &[Tree<'i>], column: Option<usize>) {
        let [Tree::Leaf(keyword), value @ ..] = parts else { return };
        let [first, ..] = value else { return };
        if let Tree::Block(_) = first {
            return self.run(INDENT, symbol, parts);
        }
        self.token(keyword);
        let pad = column.map_or(1, |column| column.saturating_sub(keyword.text.len()));
        self.nested(column.unwrap_or(INDENT), |out| {
            out.lead_in(first, Doc::pad(pad));
            match symbol {
                R::c_on | R::c_follow => out.grouped(|out| out.list(value, |_| true)),
                R::c_drop => out.grouped(|out| out.list(value, begins_target)),
                R::c_when => out.grouped(|out| out.tree(first)),
                _ => out.trees(value),
            }
        });
    }

    /// Tokens after one another, and the block at their end.
    fn run(&mut self, columns: usize, owner: R, parts: &[Tree<'i>]) {
        for part in parts {
            match part {
                Tree::Block(block) => self.block(block, owner),
                _ => self.nested(columns, |out| out.tree(part)),
            }
        }
    }

    fn trees(&mut self, parts: &[Tree<'i>]) {
        parts.iter().for_each(|part| self.tree(part));
    }

    fn tree(&mut self, tree: &Tree<'i>) {
        let (symbol, parts) = match tree {
            Tree::Leaf(leaf) => return self.token(leaf),
            Tree::Block(block) => return self.block(block, R::lbrace),
            Tree::Branch(symbol, parts) => (*symbol, parts),
        };
        match symbol {
            R::language | R::namespace | R::import | R::context | R::defaults | R::entity | R::rule => {
                self.run(HEAD, symbol, parts);
            }
            R::relation => self.with_list(symbol, parts, |mark| matches!(mark, R::arrow | R::both)),
            R::vary => self.with_list(symbol, parts, |mark| mark == R::colon),
            R::allow => self.allow(parts),
            R::expr => self.expression(parts),
            R::operand | R::changed | R::comparison => {
                let opens = |part: &Tree<'i>| matches!(part.rule(), R::lpar | R::lbrack);
                let (before, brackets) = parts.split_at(parts.iter().position(opens).unwrap_or(parts.len()));
                self.trees(before);
                self.bracketed(brackets);
            }
            _ => self.trees(parts),
        }
    }

    /// The head of an item that ends in a list, and its block. The list begins behind a mark.
    fn with_list(&mut self, owner: R, parts: &[Tree<'i>], mark: impl Fn(R) -> bool) {
        let from = parts.iter().position(|part| mark(part.rule())).map_or(parts.len(), |at| at + 1);
        let (head, rest) = parts.split_at(from);
        let is_element = |part: &&Tree<'i>| matches!(part.rule(), R::name | R::string);
        let (list, rest) = rest.split_at(rest.iter().take_while(is_element).count());
        self.run(HEAD, owner, head);
        if let Some(first) = list.first() {
            self.nested(HEAD, |out| {
                out.lead_in(first, Doc::text(" "));
                out.grouped(|out| out.list(list, |_| true));
            });
        }
        self.run(HEAD, owner, rest);
    }

    fn allow(&mut self, parts: &[Tree<'i>]) {
        self.nested(HEAD, |out| {
            for part in parts {
                if part.rule() == R::string {
                    out.docs.push(Doc::text(","));
                }
                out.tree(part);
            }
        });
    }

    fn expression(&mut self, parts: &[Tree<'i>]) {
        for part in parts {
            if matches!(part.rule(), R::kw_and | R::kw_or) {
                self.lead_in(part, Doc::line());
            }
            self.tree(part);
        }
    }

    /// Elements with commas between; `begins` says what begins one.
    fn list(&mut self, parts: &[Tree<'i>], begins: impl Fn(&Tree<'i>) -> bool) {
        for (at, part) in parts.iter().enumerate() {
            if at > 0 && begins(part) {
                self.docs.push(Doc::text(","));
                self.lead_in(part, Doc::line());
            }
            self.tree(part);
        }
    }

    /// Parentheses or brackets around elements.
    fn bracketed(&mut self, parts: &[Tree<'i>]) {
        let [open, elements @ .., close] = parts else { return };
        self.grouped(|out| {
            out.tree(open);
            if let Some(first) = elements.first() {
                out.nested(INDENT, |out| {
                    out.lead_in(first, Doc::soft());
                    out.list(elements, |_| true);
                });
            }
            out.lead_in(close, Doc::soft());
            out.tree(close);
        });
    }

    fn block(&mut self, block: &Block<'i>, owner: R) {
        self.nested(HEAD, |out| out.token(&block.open));
        let style = match owner {
            R::c_operations => Style::Listed,
            R::rule | R::relation | R::defaults => Style::Aligned(column(&block.entries)),
            _ => Style::Plain,
        };
        let wrap = if block.is_tall { Doc::tall_group } else { Doc::group };
        if block.entries.is_empty() && block.tail.is_empty() && block.note.is_none() {
            self.docs.push(Doc::text(block.close.text));
        } else {
            self.inside(wrap, |out| {
                out.docs.extend(block.note.map(Doc::note));
                out.nested(INDENT, |out| {
                    out.entries(&block.entries, style);
                    for (at, comment) in block.tail.iter().enumerate() {
                        let is_first = at == 0 && block.entries.is_empty();
                        out.comment(comment, Some(Doc::hard()), is_first);
                    }
                });
                out.docs.extend([Doc::line(), Doc::text(block.close.text)]);
            });
        }
        self.last = Some(block.close.rule);
    }

    /// Sets what stands before a construct, in the group around it.
    fn lead_in(&mut self, tree: &Tree<'i>, separator: Doc<'i>) {
        self.gap(tree.first(), separator);
        self.last = None;
    }

    fn gap(&mut self, leaf: &Leaf<'i>, separator: Doc<'i>) {
        if leaf.gap.comments.is_empty() {
            self.docs.push(separator);
            return;
        }
        for comment in &leaf.gap.comments {
            if comment.trailing {
                self.docs.push(Doc::note(comment.text));
            } else {
                self.comment(comment, Some(Doc::hard()), true);
            }
        }
        self.docs.push(Doc::hard());
    }

    fn token(&mut self, leaf: &Leaf<'i>) {
        if let Some(last) = self.last {
            self.gap(leaf, Doc::text(if is_spaced(last, leaf.rule) { " " } else { "" }));
        }
        self.last = Some(leaf.rule);
        if leaf.rule != R::doc {
            self.docs.push(Doc::text(leaf.text));
            return;
        }
        // One blank after the slashes is no part of the text.
        let text = leaf.text.strip_prefix("///").unwrap_or_default();
        let text = text.strip_prefix(' ').unwrap_or(text).trim_end();
        self.docs.push(Doc::whole_line(if text.is_empty() { "///" } else { "/// " }));
        self.docs.push(Doc::whole_line(text));
    }
}

/// Where the values of aligned clauses begin: a blank behind the longest keyword.
fn column(entries: &[Entry<'_>]) -> usize {
    let keyword = |entry: &Entry<'_>| match entry.units.last().map(|unit| &unit.tree) {
        Some(tree) if CLAUSES.contains(&tree.rule()) => tree.first().text.len(),
        _ => 0,
    };
    entries.iter().map(keyword).max().unwrap_or(0) + 1
}

fn begins_target(part: &Tree<'_>) -> bool {
    matches!(part.rule(), R::kw_self | R::kw_tag | R::kw_key | R::kw_match)
}

/// Whether a blank stands between two tokens on one line.
fn is_spaced(left: R, right: R) -> bool {
    let clings = matches!(right, R::colon | R::dot | R::rbrack | R::rpar)
        || matches!(left, R::lbrack | R::lpar | R::dot | R::at)
        || matches!((left, right), (R::kw_changed | R::kw_allow, R::lpar));
    !clings
}
