//! The concrete syntax with its comments, arranged as it is written out: clauses in their canonical
//! order, each with the comments that belong to it.

use super::gap::{Comment, Gap};
use crate::syntax::parser::{Node, Rule as R};

/// The clauses of all blocks, in their canonical order.
pub const CLAUSES: [R; 16] = [
    R::c_fields,
    R::c_operations,
    R::c_ref,
    R::c_key,
    R::c_tag,
    R::c_list,
    R::c_on,
    R::c_when,
    R::c_kind,
    R::c_priority,
    R::c_strategy,
    R::c_depth,
    R::c_delay,
    R::c_via,
    R::c_follow,
    R::c_drop,
];

/// A token and what stands before it.
#[derive(Debug)]
pub struct Leaf<'i> {
    pub rule: R,
    pub text: &'i str,
    pub gap: Gap<'i>,
}

#[derive(Debug)]
pub enum Tree<'i> {
    Leaf(Leaf<'i>),
    Branch(R, Vec<Tree<'i>>),
    Block(Block<'i>),
}

/// Braces and what stands between them.
#[derive(Debug)]
pub struct Block<'i> {
    pub open: Leaf<'i>,
    /// The comment behind the opening brace.
    pub note: Option<&'i str>,
    pub entries: Vec<Entry<'i>>,
    /// Comments between the last entry and the closing brace.
    pub tail: Vec<Comment<'i>>,
    pub close: Leaf<'i>,
    /// Whether it was written over several lines.
    pub is_tall: bool,
}

/// An item, clause or declaration: what is attached to it, and then itself.
#[derive(Debug)]
pub struct Entry<'i> {
    /// Comments before everything else of it.
    pub lead: Vec<Comment<'i>>,
    /// Whether there is an empty line directly before its first token.
    pub blank: bool,
    /// Doc comments, allowances, and the thing itself, unless there is nothing to document.
    pub units: Vec<Unit<'i>>,
}

/// A part of an entry that has a line of its own.
#[derive(Debug)]
pub struct Unit<'i> {
    pub lead: Vec<Comment<'i>>,
    pub blank: bool,
    pub tree: Tree<'i>,
    /// The comment behind it.
    pub note: Option<&'i str>,
}

/// A whole file.
#[derive(Debug)]
pub struct Page<'i> {
    pub entries: Vec<Entry<'i>>,
    pub tail: Vec<Comment<'i>>,
    /// Tokens other than commas, and comments, as they were met in the text.
    pub tokens: usize,
    pub comments: usize,
}

impl<'i> Page<'i> {
    /// Arranges the nodes of a file's items. `text` is what they were parsed from.
    pub fn of(nodes: &[Node<'i>], text: &'i str) -> Self {
        let mut reader = Reader { text, at: 0, comma: None, tokens: 0, comments: 0 };
        let mut entries = Entries::default();
        for node in nodes {
            match reader.tree(node) {
                Tree::Branch(R::item, parts) => parts.into_iter().for_each(|part| entries.push(part)),
                other => entries.push(other),
            }
        }
        let mut gap = reader.gap(text.len());
        let (entries, note) = entries.finish(&mut gap);
        debug_assert!(note.is_none(), "nothing stands before a file for a comment to stand behind");
        let Reader { tokens, comments, .. } = reader;
        Self { entries, tail: gap.comments, tokens, comments }
    }
}

/// Walks nodes in the order of the text, and reads the gaps between their tokens.
struct Reader<'i> {
    text: &'i str,
    /// The end of the last token.
    at: usize,
    /// The gap before a comma that was left out.
    comma: Option<Gap<'i>>,
    tokens: usize,
    comments: usize,
}

impl<'i> Reader<'i> {
    /// The gap up to a token, or up to the end.
    fn gap(&mut self, end: usize) -> Gap<'i> {
        let between = self.text.get(self.at..end).unwrap_or_default();
        let gap = Gap::read(between, self.at == 0);
        self.comments += gap.comments.len();
        match self.comma.take() {
            Some(mut joined) => {
                joined.join(gap);
                joined
            }
            None => gap,
        }
    }

    fn leaf(&mut self, node: &Node<'i>) -> Leaf<'i> {
        let range = node.span().range();
        let gap = self.gap(range.start);
        self.at = range.end;
        self.tokens += 1;
        Leaf { rule: node.rule(), text: node.text(), gap }
    }

    /// Leaves a comma out: where one belongs follows from the rest. What stands before it goes to
    /// the next token.
    fn comma(&mut self, node: &Node<'i>) {
        let range = node.span().range();
        self.comma = Some(self.gap(range.start));
        self.at = range.end;
    }

    /// A node with everything in it.
    fn tree(&mut self, node: &Node<'i>) -> Tree<'i> {
        let symbol = node.rule();
        let mut children = node.children().peekable();
        if matches!(symbol, R::string | R::template) || children.peek().is_none() {
            return Tree::Leaf(self.leaf(node));
        }
        let mut parts = Vec::new();
        while let Some(child) = children.next() {
            match child.rule() {
                R::comma => self.comma(&child),
                R::lbrace => {
                    let open = self.leaf(&child);
                    let from = self.at;
                    parts.push(Tree::Block(self.block(symbol, open, from, &mut children)));
                }
                _ => parts.push(self.tree(&child)),
            }
        }
        Tree::Branch(symbol, parts)
    }

    /// What stands between braces, up to and with the closing one.
    fn block(
        &mut self,
        owner: R,
        open: Leaf<'i>,
        from: usize,
        children: &mut impl Iterator<Item = Node<'i>>,
    ) -> Block<'i> {
        let mut entries = Entries::default();
        let mut close = Leaf { rule: R::rbrace, text: "}", gap: Gap::default() };
        for child in children {
            match child.rule() {
                R::rbrace => close = self.leaf(&child),
                R::comma => self.comma(&child),
                _ => match self.tree(&child) {
                    Tree::Branch(R::decl, parts) => entries.declaration(parts),
                    other => entries.push(other),
                },
            }
        }
        let between = self.text.get(from..self.at).unwrap_or_default();
        let (mut entries, note) = entries.finish(&mut close.gap);
        if matches!(owner, R::defaults | R::entity | R::relation | R::rule) {
            entries.sort_by_key(Entry::rank);
        }
        let tail = std::mem::take(&mut close.gap.comments);
        Block { open, note, entries, tail, close, is_tall: between.contains(['\n', '\r']) }
    }
}

/// Entries as they are met, one after another.
#[derive(Default)]
struct Entries<'i> {
    /// The comment behind whatever stands before the first entry.
    note: Option<&'i str>,
    done: Vec<Entry<'i>>,
    /// What is attached to the next entry.
    attached: Vec<Unit<'i>>,
}

impl<'i> Entries<'i> {
    fn push(&mut self, mut tree: Tree<'i>) {
        let mut gap = std::mem::take(&mut tree.first_mut().gap);
        self.note(&mut gap);
        let is_attached = tree.is_attached();
        self.attached.push(Unit { lead: gap.comments, blank: gap.blank, tree, note: None });
        if !is_attached {
            self.close();
        }
    }

    /// A declaration, which holds what is attached to it.
    fn declaration(&mut self, parts: Vec<Tree<'i>>) {
        let mut rest = Vec::new();
        for part in parts {
            if rest.is_empty() && part.is_attached() {
                self.push(part);
            } else {
                rest.push(part);
            }
        }
        self.push(Tree::Branch(R::decl, rest));
    }

    /// Gives the comment behind the last token to what that token belongs to.
    fn note(&mut self, gap: &mut Gap<'i>) {
        if let Some(note) = gap.take_trailing() {
            let last = self.attached.last_mut().or_else(|| self.done.last_mut()?.units.last_mut());
            match last {
                Some(unit) => unit.note = Some(note),
                None => self.note = Some(note),
            }
        }
    }

    fn close(&mut self) {
        let mut units = std::mem::take(&mut self.attached);
        let Some(first) = units.first_mut() else { return };
        let (lead, blank) = (std::mem::take(&mut first.lead), std::mem::take(&mut first.blank));
        units.sort_by_key(Unit::rank);
        self.done.push(Entry { lead, blank, units });
    }

    /// All entries, and the comment before them; `gap` is what follows the last.
    fn finish(mut self, gap: &mut Gap<'i>) -> (Vec<Entry<'i>>, Option<&'i str>) {
        self.note(gap);
        self.close();
        (self.done, self.note)
    }
}

impl<'i> Tree<'i> {
    /// Of a block, the rule of its brace.
    pub fn rule(&self) -> R {
        match self {
            Self::Leaf(leaf) => leaf.rule,
            Self::Branch(rule, _) => *rule,
            Self::Block(block) => block.open.rule,
        }
    }

    pub fn first(&self) -> &Leaf<'i> {
        match self {
            Self::Leaf(leaf) => leaf,
            Self::Branch(_, parts) => parts.first().expect(HAS_PARTS).first(),
            Self::Block(block) => &block.open,
        }
    }

    fn first_mut(&mut self) -> &mut Leaf<'i> {
        match self {
            Self::Leaf(leaf) => leaf,
            Self::Branch(_, parts) => parts.first_mut().expect(HAS_PARTS).first_mut(),
            Self::Block(block) => &mut block.open,
        }
    }

    fn is_attached(&self) -> bool {
        matches!(self.rule(), R::doc | R::allow)
    }
}

/// Why a branch has a first part.
const HAS_PARTS: &str = "a branch is made of a node's children, of which there is one at least";

impl Entry<'_> {
    /// The place of a clause in its block; what is no clause stays last.
    fn rank(&self) -> usize {
        let rule = self.units.last().map(|unit| unit.tree.rule());
        CLAUSES.iter().position(|clause| Some(*clause) == rule).unwrap_or(CLAUSES.len())
    }
}

impl Unit<'_> {
    /// Doc comments first, then allowances, then what they are attached to.
    fn rank(&self) -> usize {
        match self.tree.rule() {
            R::doc => 0,
            R::allow => 1,
            _ => 2,
        }
    }
}
