//! The rule files that come with the product: the default rules, and a shop that shows the language.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use invalidate::check::{RuleSet, Undeclared};
use invalidate::diagnostic::render;
use invalidate::lint::{Levels, lint};
use invalidate::model::{RawId, RawWrite};
use invalidate::plan::{Plan, Program, Unfilled};

/// What each default rule stands for: its name, priority, and timing.
const DEFAULT_RULES: [(&str, u16, &str); 6] = [
    ("data_change", 70, "immediate"),
    ("form_data", 50, "batched"),
    ("job_result", 60, "immediate"),
    ("session", 90, "immediate"),
    ("user_data", 100, "immediate"),
    ("widget_state", 30, "batched"),
];

/// For each default rule a write that fires it.
const DEFAULT_WRITES: &[(&str, &str)] = &[
    ("data_change", "record 9 update collection=notes old.collection=drafts"),
    ("form_data", "form 4 update user=123 old.user=123"),
    ("job_result", "job 7 update status=done old.status=running user=123 old.user=123"),
    ("session", "session 5 delete user=123"),
    ("user_data", "user 123 update"),
    ("widget_state", "widget 3 update record=9 old.record=9"),
];

/// For each rule of the shop a write that fires it.
const SHOP_WRITES: &[(&str, &str)] = &[
    ("accounts", "user 5 update email=b@x.com old.email=a@x.com"),
    ("banners", "banner 1 update"),
    ("big_payments", "order 9 pay customer=5 courier:=null total=250000 customer.plan=pro --changed status"),
    ("carts", "cart 3 add user=5"),
    ("categories", "category c2 update slug=toys old.slug=toy parent=c1 --changed slug"),
    ("couriers", "courier 4 update"),
    ("deal_pages", "price 5 update product=77 amount=900 old.amount=1000 currency=EUR --changed amount"),
    ("deals", "price 5 update product=77 amount=900 old.amount=1000 currency=EUR --changed amount"),
    ("freight", "product 77 update weight=31 old.weight=29 warehouses=w1 --changed weight"),
    ("gifts", "order 9 ship customer=5 gift_for=6 courier=4 --changed status"),
    ("imports", "product 77 update context.bulk=true --changed sku"),
    ("listings", "product 77 update category=c2 old.category=c1 labels=red warehouses=w1 --changed category"),
    ("logins", "user 5 login"),
    ("newsletter_readers", "preferences 2 update newsletter=true old.newsletter=false user=5"),
    ("newsletters", "price 5 update product=77 amount=900 old.amount=1000 currency=EUR --changed amount"),
    ("order_lines", "order_item 3 create order=9 product=77"),
    ("orders", "order 9 create customer=5 courier:=null placed=2026-01-31T12:00:00Z"),
    ("preferences_saved", "preferences 2 update user=5 newsletter=true old.newsletter=true"),
    ("prices", "price 5 create product=77 amount=900 currency=EUR"),
    ("products", "product 77 update sku=X-1 warehouses=w1 --changed sku"),
    (
        "promotions",
        "promotion 6 update active=true old.active=false products=77 codes=MAY percent=10 --changed active",
    ),
    ("refunds", "order 9 refund customer=5 courier=4 status=refunded old.status=paid --changed status"),
    ("reviews", "review 9 create product=77 author=5 stars=4 published=true"),
    ("saved_searches", "saved_search 3 create terms=chair terms=oak user=5"),
    (
        "search_pages",
        "product 77 update category=c1 labels=new old.labels=sale warehouses=w1 --changed labels",
    ),
    ("sessions", "session 4 delete user=5"),
    ("sign_ups", "user 8 create"),
    (
        "sold_out",
        "product 77 update active=false old.active=true category=c1 labels=red warehouses=w1 --changed active",
    ),
    ("staff_directory", "user 5 update email=ann@shop.example old.email=ann@x.com"),
    ("stock", "inventory 8 reserve product=77 warehouse=w1 quantity=3 old.quantity=4 --changed quantity"),
    ("storefront", "category c1 update parent:=null slug=toys --changed slug"),
    ("suspensions", "user 5 suspend context.actor=ann"),
    (
        "takeover",
        "promotion 6 update active=true old.active=false products=77 codes=MAY percent=50 --changed active",
    ),
    ("turnover", "order 9 pay customer=5 courier:=null placed=2026-01-31T12:00:00Z --changed status"),
    ("warehouses", "warehouse w1 update open=false old.open=true"),
    ("withdrawals", "product 77 delete category=c1 labels=red warehouses=w1 weight=2"),
    ("withdrawn_everywhere", "product 77 delete category=c1 labels=red warehouses=w1 weight=2"),
];

#[test]
fn all_files_are_free_of_findings() {
    program("rules/default.inv");
    program("rules/shop.inv");
}

/// A file that nothing imports and no test loads would rot.
#[test]
fn all_files_belong_to_one_of_the_two_rule_sets() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let mut found = BTreeSet::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path)
            } else if path.extension().is_some_and(|e| e == "inv") {
                found.insert(path);
            }
        }
    }
    let mut loaded = BTreeSet::new();
    for root in ["rules/default.inv", "rules/shop.inv"] {
        loaded.extend(texts(root).into_iter().map(|(path, _)| path));
    }
    assert_eq!(found, loaded);
}

#[test]
fn the_default_rules_are_the_six() {
    let program = program("rules/default.inv");
    let mut rules: Vec<_> =
        program.rules().rules().iter().map(|r| (r.name.as_str(), r.priority, r.timing.word())).collect();
    rules.sort_unstable();
    assert_eq!(rules, DEFAULT_RULES);
}

#[test]
fn every_default_rule_fires() {
    fires_every_rule(&program("rules/default.inv"), DEFAULT_WRITES);
}

#[test]
fn every_rule_of_the_shop_fires() {
    fires_every_rule(&program("rules/shop.inv"), SHOP_WRITES);
}

/// Each rule has a write, and that write names all that it has to.
fn fires_every_rule(program: &Program, writes: &[(&str, &str)]) {
    let mut rules: Vec<&str> = program.rules().rules().iter().map(|r| r.name.as_str()).collect();
    rules.sort_unstable();
    let table: Vec<&str> = writes.iter().map(|(rule, _)| *rule).collect();
    assert_eq!(table, rules, "the table names every rule once");
    for (rule, write) in writes {
        let plan = plan(program, write);
        let fired = plan.steps.iter().any(|s| s.rules.iter().any(|r| **r == **rule));
        assert!(fired, "`{write}` does not fire `{rule}`: {:?}", targets(&plan));
        assert!(plan.unresolved.is_empty(), "`{write}` leaves unresolved: {:?}", plan.unresolved);
    }
}

#[test]
fn the_default_rules_make_stale_what_a_team_would_expect() {
    let program = program("rules/default.inv");
    let user = [
        "key user:123:profile",
        "tag user:123",
        "tag user:123:form",
        "tag user:123:forms",
        "tag user:123:job",
        "tag user:123:jobs",
        "tag user:123:session",
        "tag user:123:sessions",
    ];
    assert_eq!(targets(&plan(&program, "user 123 update")), user);
    assert_eq!(targets(&plan(&program, "user 123 delete")), user);
    let moved = plan(&program, "user 123 update email=b@x old.email=a@x plan=pro old.plan=free");
    for key in ["sign_in:a@x", "sign_in:b@x", "user:123:limits:free", "user:123:limits:pro"] {
        assert!(moved.steps.iter().any(|s| s.target == key), "{key}");
    }
    assert_eq!(
        targets(&plan(&program, "record 9 update collection=notes old.collection=drafts")),
        [
            "key record:9:data",
            "tag collection:drafts:records",
            "tag collection:notes:records",
            "tag record:9",
            "tag record:9:widget",
            "tag record:9:widgets",
        ]
    );
    assert_eq!(
        targets(&plan(&program, "session 5 delete user=123")),
        ["key session:5:data", "tag session:5", "tag user:123:sessions"]
    );
    // A step of progress is no outcome.
    assert_eq!(targets(&plan(&program, "job 7 update user=123 status=running --changed ,")), [""; 0]);
}

#[test]
fn the_shop_makes_stale_what_a_shop_would_expect() {
    let program = program("rules/shop.inv");
    // A renamed account is renamed wherever it signs in; the directory of the staff does not care.
    assert_eq!(
        targets(&plan(&program, "user 5 update name=Ann email=ann@x.com --changed name")),
        [
            "key shop:sign_in:ann@x.com",
            "key shop:user:5:profile",
            "tag shop:user:5",
            "tag shop:user:5:cart",
            "tag shop:user:5:devices",
            "tag shop:user:5:preferences",
            "tag shop:user:5:sessions",
        ]
    );
    // A lower price: the page and the cards at once, then the deals, then what is made from those.
    let price =
        plan(&program, "price 5 update product=77 amount=9 old.amount=10 currency=EUR --changed amount");
    let timed: Vec<String> =
        price.steps.iter().map(|s| format!("{} {}", s.strategy.word(), s.target)).collect();
    assert_eq!(
        timed,
        [
            "immediate shop:price:77:EUR",
            "immediate shop:price:5",
            "immediate shop:card:77:de",
            "immediate shop:card:77:en",
            "immediate shop:product:77",
            "batched shop:deals:EUR",
            "batched shop:deals:EUR:page",
            "batched shop:newsletter:EUR",
            "lazy shop:newsletter:EUR:de",
            "lazy shop:newsletter:EUR:en",
        ]
    );
    // A product that changes its category leaves one listing and joins another.
    let moved =
        "product 77 update category=c2 old.category=c1 labels=red sku=X-1 warehouses:=[] --changed category";
    assert_eq!(
        targets(&plan(&program, moved)),
        [
            "key shop:card:77:de",
            "key shop:card:77:en",
            "tag shop:product:77",
            "tag shop:category:c1:listing",
            "tag shop:category:c2:listing",
            "tag shop:label:red:listing",
            "match shop:search:c1:*",
            "match shop:search:c2:*",
            "match shop:search:red:*",
        ]
    );
    // The nightly import costs one drop, whatever it writes.
    assert_eq!(
        targets(&plan(&program, "product 77 update category=c1 context.bulk=true --changed category")),
        ["tag shop:market:eu:catalog"]
    );
    // Stock far from running out is nobody's business.
    assert_eq!(
        targets(&plan(&program, "inventory 8 reserve product=77 warehouse=w1 quantity=500 old.quantity=501")),
        [""; 0]
    );
    // A heartbeat of a session neither.
    assert_eq!(targets(&plan(&program, "session 4 update user=5 --changed ,")), [""; 0]);
    // A suspension reaches the orders and what is in them.
    let suspended = plan(&program, "user 5 suspend context.actor=ann");
    for tag in ["shop:user:5:sessions", "shop:user:5:order", "shop:user:5:order_item", "shop:user:5:orders"] {
        assert!(suspended.steps.iter().any(|s| s.target == tag && s.priority == 200), "{tag}");
    }
}

/// The shop is where to look a word of the language up: none is missing.
#[test]
fn the_shop_uses_every_word_of_the_language() {
    let grammar = include_str!("../grammar/invalidate.pest");
    let keywords = grammar
        .lines()
        .filter(|l| l.starts_with("kw_") || l.starts_with("op_") || l.starts_with("arrow "))
        .chain(grammar.lines().filter(|l| l.starts_with("both ")))
        .filter_map(|l| l.split('"').nth(1));
    let mut words: BTreeSet<String> = BTreeSet::new();
    for (_, text) in texts("rules/shop.inv") {
        for line in text.lines() {
            let code = line.split("//").next().unwrap_or_default();
            words.extend(code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').map(str::to_owned));
            words.extend(code.split_whitespace().map(str::to_owned));
        }
    }
    let missing: Vec<&str> = keywords.filter(|k| !words.contains(*k)).collect();
    assert!(missing.is_empty(), "the shop does without {missing:?}");
}

/// A rule file, which must be free of findings.
fn program(path: &str) -> Program {
    let checked = RuleSet::load(Path::new(env!("CARGO_MANIFEST_DIR")).join(path));
    let findings = lint(&checked, &Levels::default());
    let findings: String =
        findings.iter().map(|d| render(d, &checked.sources, false, Some(110)) + "\n").collect();
    assert!(findings.is_empty(), "{path}:\n{findings}");
    Program::new(checked.rules.unwrap())
}

/// The files of a rule set with their texts.
fn texts(root: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(root);
    let mut out = Vec::new();
    let mut open = vec![root];
    while let Some(path) = open.pop() {
        let text = std::fs::read_to_string(&path).unwrap();
        let imports = text.lines().filter_map(|l| l.strip_prefix("import \"")?.strip_suffix('"'));
        open.extend(imports.map(|import| path.parent().unwrap().join(import)));
        out.push((path, text));
    }
    out
}

/// What a write makes stale, given in the words of the command line.
fn plan(program: &Program, line: &str) -> Plan {
    let mut words = line.split_whitespace();
    let mut next = || words.next().unwrap_or_default().to_owned();
    let mut raw = RawWrite { entity: next(), id: RawId::parse(&next()), op: next(), ..RawWrite::default() };
    while let Some(word) = words.next() {
        if word == "--changed" {
            let list = words.next().unwrap_or_default();
            raw.changed = Some(list.split(',').filter(|n| !n.is_empty()).map(str::to_owned).collect());
        } else {
            raw.assign(word).unwrap_or_else(|e| panic!("`{line}`: {e}"));
        }
    }
    let write = program.rules().write(raw, Undeclared::Refuse).unwrap_or_else(|e| panic!("`{line}`: {e}"));
    program.plan(&write, Unfilled::Report)
}

/// The steps of a plan without their attributes.
fn targets(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(|s| format!("{} {}", s.kind.word(), s.target)).collect()
}
