//! A syntax tree as text, without places: two files mean the same where these are equal.
//!
//! Every struct is taken apart whole, so that a new part of the tree forces a decision here.

use std::fmt::Write as _;

use crate::syntax::ast::*;

/// What a file says. The order of what may be given once in a block does not count.
pub fn meaning(file: &File) -> String {
    let File { id: _, items, allows, lost } = file;
    let mut out = String::new();
    for Item { attrs, kind, span: _ } in items {
        doc(&mut out, attrs);
        item(&mut out, kind);
        out.push('\n');
    }
    let mut allowed: Vec<(&str, &Option<String>)> =
        allows.iter().map(|Allow { slug, reason, span: _, scope: _ }| (slug.text.as_str(), reason)).collect();
    // Clauses move, and take their allowances along.
    allowed.sort_unstable();
    add(&mut out, format_args!("{allowed:?} {lost:?}"));
    out
}

fn add(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = out.write_fmt(arguments);
}

fn doc(out: &mut String, Attrs { doc }: &Attrs) {
    add(out, format_args!("{doc:?} "));
}

fn item(out: &mut String, kind: &ItemKind) {
    match kind {
        ItemKind::Namespace(name) => add(out, format_args!("namespace {}", name.text)),
        ItemKind::Import(path) => add(out, format_args!("import {:?}", path.node)),
        ItemKind::Context(context) => {
            out.push_str("context ");
            decls(out, context);
        }
        ItemKind::Defaults(settings) => {
            let mut all: Vec<String> = settings.iter().map(setting).collect();
            all.sort_unstable();
            add(out, format_args!("defaults {all:?}"));
        }
        ItemKind::Vary(Vary { name, values }) => {
            let values: Option<Vec<&str>> =
                values.as_ref().map(|all| all.iter().map(|value| value.node.as_str()).collect());
            add(out, format_args!("vary {} {values:?}", name.text));
        }
        ItemKind::Entity(of) => entity(out, of),
        ItemKind::Relation(of) => relation(out, of),
        ItemKind::Rule(of) => rule(out, of),
    }
}

fn setting(setting: &Setting) -> String {
    match setting {
        Setting::Priority(value) => format!("priority {}", value.node),
        Setting::Strategy(value) => format!("strategy {:?}", value.node),
        Setting::Depth(value) => format!("depth {}", value.node),
        Setting::Delay(value) => format!("delay {}", value.node),
    }
}

fn decls(out: &mut String, decls: &[Decl]) {
    for Decl { attrs, name, ty, default } in decls {
        doc(out, attrs);
        let default = default.as_ref().map(|default| &default.node);
        add(out, format_args!("{}: {ty} = {default:?}, ", name.text));
    }
}

fn names(out: &mut String, names: &[Ident]) {
    names.iter().for_each(|name| add(out, format_args!("{} ", name.text)));
}

fn entity(out: &mut String, entity: &Entity) {
    let Entity { name, fields, operations, refs, keys, tags, lists } = entity;
    add(out, format_args!("entity {} fields ", name.text));
    decls(out, fields);
    out.push_str("operations ");
    names(out, operations);
    for Ref { attrs, name, target, list } in refs {
        out.push_str("ref ");
        doc(out, attrs);
        let target = target.as_ref().map(|target| &target.text);
        add(out, format_args!("{} {target:?} {list} ", name.text));
    }
    for KeyClause { attrs, name, template: of, span: _ } in keys {
        out.push_str("key ");
        doc(out, attrs);
        add(out, format_args!("{} ", name.text));
        of.iter().for_each(|of| template(out, of));
    }
    for (word, templates) in [("tag ", tags), ("list ", lists)] {
        for of in templates {
            out.push_str(word);
            template(out, of);
        }
    }
}

fn template(out: &mut String, Template { parts, span: _ }: &Template) {
    for part in parts {
        match part {
            TemplatePart::Text(text) => add(out, format_args!("{:?}", text.node)),
            TemplatePart::Hole(of) => path(out, of),
        }
    }
    out.push(' ');
}

fn path(out: &mut String, Path { names, span: _ }: &Path) {
    names.iter().for_each(|name| add(out, format_args!(".{}", name.text)));
    out.push(' ');
}

fn relation(out: &mut String, relation: &Relation) {
    let Relation { name, source, targets, both_ways, kind, depth, via } = relation;
    add(out, format_args!("relation {} {} {both_ways} ", name.text, source.text));
    names(out, targets);
    let (kind, depth) = (kind.as_ref().map(|kind| kind.node), depth.as_ref().map(|depth| depth.node));
    add(out, format_args!("{kind:?} {depth:?} {:?}", via.as_ref().map(|via| &via.text)));
}

fn rule(out: &mut String, rule: &Rule) {
    let Rule { name, events, when, priority, strategy, delay, follow, drops, span: _ } = rule;
    add(out, format_args!("rule {} ", name.text));
    for event in events {
        match event {
            Event::Entity { entity, operation } => {
                let operation = operation.as_ref().map(|operation| &operation.text);
                add(out, format_args!("on {} {operation:?} ", entity.text));
            }
            Event::Tag { template: of, span: _ } => {
                out.push_str("on tag ");
                template(out, of);
            }
        }
    }
    if let Some(when) = when {
        out.push_str("when ");
        expr(out, when);
    }
    let (priority, strategy) = (priority.as_ref().map(|p| p.node), strategy.as_ref().map(|s| s.node));
    add(out, format_args!("{priority:?} {strategy:?} {:?} ", delay.as_ref().map(|delay| delay.node)));
    if let Some(follow) = follow {
        out.push_str("follow ");
        names(out, &follow.node);
    }
    for drop in drops {
        match drop {
            Drop::Itself(_) => out.push_str("self "),
            Drop::Regex(regex) => add(out, format_args!("regex {:?} ", regex.node)),
            Drop::Tag(of) | Drop::Key(of) | Drop::Match(of) => {
                out.push_str(match drop {
                    Drop::Tag(_) => "tag ",
                    Drop::Key(_) => "key ",
                    _ => "match ",
                });
                template(out, of);
            }
        }
    }
}

fn expr(out: &mut String, Expr { kind, span: _ }: &Expr) {
    out.push('(');
    match kind {
        ExprKind::And(all) | ExprKind::Or(all) => {
            out.push_str(if matches!(kind, ExprKind::And(_)) { "and " } else { "or " });
            all.iter().for_each(|one| expr(out, one));
        }
        ExprKind::Not(one) => {
            out.push_str("not ");
            expr(out, one);
        }
        ExprKind::Changed(of) => {
            out.push_str("changed ");
            names(out, of);
        }
        ExprKind::Compare { left, op, right } => {
            value(out, left);
            add(out, format_args!("{op:?} "));
            value(out, right);
        }
        ExprKind::In { value: of, list, negated } => {
            value(out, of);
            add(out, format_args!("in {negated} "));
            list.iter().for_each(|one| value(out, one));
        }
        ExprKind::Matches { value: of, regex, negated } => {
            value(out, of);
            add(out, format_args!("matches {negated} {:?}", regex.node));
        }
        ExprKind::Truth(of) => value(out, of),
    }
    out.push(')');
}

fn value(out: &mut String, value: &Value) {
    match value {
        Value::Literal(literal) => add(out, format_args!("{:?} ", literal.node)),
        Value::Path(of) => path(out, of),
    }
}
