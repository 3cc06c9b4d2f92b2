//! Entities and relations.

use super::cursor::Cursor;
use super::template::template;
use super::{Findings, Once, attrs, decls, ident, int, names, report_dangling};
use crate::span::Spanned;
use crate::syntax::ast::{Attrs, Entity, Ident, KeyClause, Kind, Ref, Relation};
use crate::syntax::parser::{Node, Rule as R};

const ENTITY_CLAUSES: &[R] =
    &[R::c_fields, R::c_operations, R::c_ref, R::c_key, R::c_tag, R::c_list, R::dangling];

pub fn entity(node: &Node<'_>, findings: &mut Findings) -> Entity {
    let mut cursor = Cursor::of(node);
    let name = ident(&cursor.skip(R::kw_entity).need(R::name));
    let mut entity = Entity {
        name,
        fields: Vec::new(),
        operations: Vec::new(),
        refs: Vec::new(),
        keys: Vec::new(),
        tags: Vec::new(),
        lists: Vec::new(),
    };
    cursor.take(R::lbrace);
    let mut once = Once::default();
    loop {
        let attrs = attrs(&mut cursor, findings);
        let Some(clause) = cursor.take_any(ENTITY_CLAUSES) else { break };
        let mut inner = Cursor::of(&clause);
        match clause.rule() {
            R::c_fields => {
                if once.first("fields", &clause, findings) {
                    entity.fields = decls(&clause, R::kw_fields, findings);
                }
            }
            R::c_operations => {
                if once.first("operations", &clause, findings) {
                    entity.operations = operations(&mut inner);
                }
            }
            R::c_ref => entity.refs.push(reference(&mut inner, attrs)),
            R::c_key => {
                let name = ident(&inner.skip(R::kw_key).need(R::name));
                let template = inner.take(R::template).map(|t| template(&t, findings));
                entity.keys.push(KeyClause { attrs, name, template, span: clause.span() });
            }
            R::c_tag => {
                entity.tags.push(template(&inner.skip(R::kw_tag).need(R::template), findings));
            }
            R::c_list => {
                entity.lists.push(template(&inner.skip(R::kw_list).need(R::template), findings));
            }
            _ => report_dangling(&clause, findings),
        }
    }
    entity
}

fn operations(cursor: &mut Cursor<'_>) -> Vec<Ident> {
    cursor.skip(R::kw_operations).skip(R::lbrace);
    let mut out = Vec::new();
    while let Some(node) = cursor.take_any(&[R::name, R::comma]) {
        if node.rule() == R::name {
            out.push(ident(&node));
        }
    }
    out
}

fn reference(cursor: &mut Cursor<'_>, attrs: Attrs) -> Ref {
    let name = ident(&cursor.skip(R::kw_ref).need(R::name));
    let mut list = false;
    let target = cursor.take(R::colon).map(|_| {
        list = cursor.take(R::lbrack).is_some();
        ident(&cursor.need(R::name))
    });
    Ref { attrs, name, target, list }
}

pub fn relation(node: &Node<'_>, findings: &mut Findings) -> Relation {
    let mut cursor = Cursor::of(node);
    let name = ident(&cursor.skip(R::kw_relation).need(R::name));
    let source = ident(&cursor.skip(R::colon).need(R::name));
    let both_ways = cursor.next_node().rule() == R::both;
    let targets = names(&mut cursor);
    let mut relation = Relation { name, source, targets, both_ways, kind: None, depth: None, via: None };
    cursor.take(R::lbrace);
    let mut once = Once::default();
    loop {
        attrs(&mut cursor, findings);
        let Some(clause) = cursor.take_any(&[R::c_kind, R::c_depth, R::c_via, R::dangling]) else { break };
        let mut inner = Cursor::of(&clause);
        match clause.rule() {
            R::c_kind if once.first("kind", &clause, findings) => {
                let word = inner.skip(R::kw_kind).next_node();
                relation.kind = Some(Spanned::new(kind(word.rule()), word.span()));
            }
            R::c_depth if once.first("depth", &clause, findings) => {
                relation.depth = Some(int(&inner.skip(R::kw_depth).need(R::int), findings));
            }
            R::c_via if once.first("via", &clause, findings) => {
                relation.via = Some(ident(&inner.skip(R::kw_via).need(R::name)));
            }
            R::dangling => report_dangling(&clause, findings),
            _ => {}
        }
    }
    relation
}

fn kind(word: R) -> Kind {
    match word {
        R::kw_one_to_one => Kind::OneToOne,
        R::kw_one_to_many => Kind::OneToMany,
        R::kw_many_to_one => Kind::ManyToOne,
        R::kw_many_to_many => Kind::ManyToMany,
        _ => Kind::ParentChild,
    }
}
