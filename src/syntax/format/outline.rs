//! What may not change when a file is formatted: its tokens and comments, in their canonical order.

use super::gap::Comment;
use super::tree::{Block, Entry, Leaf, Page, Tree};
use crate::syntax::parser::Rule as R;

/// A token, or a comment with where it stands: behind the token before it, or above the next.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'i> {
    Token(&'i str),
    /// A doc comment, without blanks around its text.
    Doc(&'i str),
    Behind(&'i str),
    Above(&'i str),
}

/// All pieces of a page. `None` when it holds others than were met in the text.
pub fn outline<'i>(page: &Page<'i>) -> Option<Vec<Piece<'i>>> {
    let mut pieces = Vec::with_capacity(page.tokens + page.comments);
    page.entries.iter().for_each(|entry| add_entry(&mut pieces, entry));
    add_comments(&mut pieces, &page.tail);
    let is_comment = |piece: &&Piece<'_>| matches!(piece, Piece::Behind(_) | Piece::Above(_));
    let comments = pieces.iter().filter(is_comment).count();
    (comments == page.comments && pieces.len() == page.tokens + page.comments).then_some(pieces)
}

fn add_comments<'i>(pieces: &mut Vec<Piece<'i>>, comments: &[Comment<'i>]) {
    pieces.extend(comments.iter().map(|comment| match comment.trailing {
        true => Piece::Behind(comment.text),
        false => Piece::Above(comment.text),
    }));
}

fn add_leaf<'i>(pieces: &mut Vec<Piece<'i>>, leaf: &Leaf<'i>) {
    add_comments(pieces, &leaf.gap.comments);
    pieces.push(match (leaf.rule, leaf.text.strip_prefix("///")) {
        (R::doc, Some(text)) => Piece::Doc(text.strip_prefix(' ').unwrap_or(text).trim_end()),
        _ => Piece::Token(leaf.text),
    });
}

fn add_entry<'i>(pieces: &mut Vec<Piece<'i>>, entry: &Entry<'i>) {
    add_comments(pieces, &entry.lead);
    for unit in &entry.units {
        add_comments(pieces, &unit.lead);
        add_tree(pieces, &unit.tree);
        pieces.extend(unit.note.map(Piece::Behind));
    }
}

fn add_tree<'i>(pieces: &mut Vec<Piece<'i>>, tree: &Tree<'i>) {
    match tree {
        Tree::Leaf(leaf) => add_leaf(pieces, leaf),
        Tree::Branch(_, parts) => parts.iter().for_each(|part| add_tree(pieces, part)),
        Tree::Block(block) => add_block(pieces, block),
    }
}

fn add_block<'i>(pieces: &mut Vec<Piece<'i>>, block: &Block<'i>) {
    add_leaf(pieces, &block.open);
    pieces.extend(block.note.map(Piece::Behind));
    block.entries.iter().for_each(|entry| add_entry(pieces, entry));
    add_comments(pieces, &block.tail);
    add_leaf(pieces, &block.close);
}
