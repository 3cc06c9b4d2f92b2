//! Walking the children of a node whose shape the grammar guarantees.

use std::iter::Peekable;

use crate::syntax::parser::{Node, Nodes, Rule};

pub struct Cursor<'i> {
    nodes: Peekable<Nodes<'i>>,
}

impl<'i> Cursor<'i> {
    /// At the first child of a node.
    pub fn of(node: &Node<'i>) -> Self {
        Self { nodes: node.children().peekable() }
    }

    /// The next node, which the grammar says is there.
    pub fn next_node(&mut self) -> Node<'i> {
        // pest only hands out trees that its grammar derives, which the types cannot say.
        self.nodes.next().expect("the grammar has a further node here")
    }

    /// The next node, which stays the next.
    pub fn peek(&mut self) -> Option<&Node<'i>> {
        self.nodes.peek()
    }

    /// The next node, which the grammar says is of this rule.
    pub fn need(&mut self, wanted: Rule) -> Node<'i> {
        let node = self.next_node();
        debug_assert_eq!(node.rule(), wanted);
        node
    }

    /// Passes over a keyword or mark.
    pub fn skip(&mut self, wanted: Rule) -> &mut Self {
        self.need(wanted);
        self
    }

    /// The next node, if it is of this rule.
    pub fn take(&mut self, wanted: Rule) -> Option<Node<'i>> {
        self.take_any(&[wanted])
    }

    /// The next node, if it is of one of these rules.
    pub fn take_any(&mut self, rules: &[Rule]) -> Option<Node<'i>> {
        self.nodes.next_if(|node| rules.contains(&node.rule()))
    }
}
