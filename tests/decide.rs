//! Conditions decided, against the planner: every witness is planned, and random conditions are tried
//! with every write that could tell.

#[path = "support/cases.rs"]
mod cases;

use std::collections::BTreeSet;

use cases::cases;
use invalidate::check::condition::{Condition, Image, Operand, Test};
use invalidate::check::ruleset::{EntityId, Operations, Trigger};
use invalidate::check::{RuleSet, Undeclared};
use invalidate::decide::{Proof, Subject, Undecided, Verdict, Witness};
use invalidate::model::{RawId, RawWrite};
use invalidate::plan::{Plan, Program, Unfilled};
use proptest::prelude::{
    Just, ProptestConfig, Strategy, TestCaseError, any, prop_assert, prop_assert_eq, prop_assert_ne,
    prop_oneof, proptest,
};
use serde_json::{Value as Json, json};

const DECLARATIONS: &str = r#"
context { bulk: bool = false  region: string  level: int }
entity team { fields { name: string  size: int } }
entity user {
  fields {
    active: bool  paid: bool  n: int  m: int  x: float  since: time
    plan: string  email: string  roles: [string]
  }
  operations { login }
  ref team
  ref boss: user
  ref teams: [team]
}
"#;

/// Rules with one condition of `user`.
fn rules(on: &str, when: &str) -> RuleSet {
    let text = format!("{DECLARATIONS}\nrule r {{ on {on}  when {when}  drop tag \"hit\" }}");
    let checked = RuleSet::parse(&text);
    assert!(!checked.has_errors(), "{when}\n{:?}", checked.findings);
    checked.rules.unwrap()
}

fn condition(rules: &RuleSet) -> (EntityId, &Operations, &Condition) {
    let Trigger::Writes(triggers) = &rules.rules()[0].trigger else { panic!("a rule on writes") };
    (triggers[0].entity, &triggers[0].operations, triggers[0].condition.as_ref().unwrap())
}

/// What the planner makes of a write: `None` where the condition is unknown.
fn planned(program: &Program, raw: RawWrite) -> Option<bool> {
    let write =
        program.rules().write(raw.clone(), Undeclared::Refuse).unwrap_or_else(|e| panic!("{e}: {raw:?}"));
    let plan: Plan = program.plan(&write, Unfilled::Report);
    plan.assumed.is_empty().then_some(!plan.steps.is_empty())
}

/// Reads the arguments of a command line, as a shell and the program do.
fn typed(line: &str) -> RawWrite {
    let mut words: Vec<String> = Vec::new();
    let (mut word, mut quoted) = (None::<String>, false);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' if !quoted => word.get_or_insert_default().extend(chars.next()),
            ' ' if !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words.retain(|w| w != "--");
    let [invalidate, write, entity, id, op, values @ ..] = words.as_slice() else { panic!("{line}") };
    assert_eq!([invalidate.as_str(), write], ["invalidate", "write"]);
    let mut raw = RawWrite { entity: entity.clone(), op: op.clone(), ..RawWrite::default() };
    raw.id = RawId::parse(id);
    for value in values {
        raw.assign(value).unwrap();
    }
    raw
}

/// The verdict in one line; a witness is planned both as it is and as it is typed.
fn shown(rules: &RuleSet, verdict: &Verdict, want: bool) -> String {
    match verdict {
        Verdict::Yes(witness) => {
            let Witness::Write(raw) = &**witness else { panic!("a write") };
            let program = Program::new(rules.clone());
            assert_eq!(planned(&program, raw.clone()), Some(want), "{witness}");
            assert_eq!(planned(&program, typed(&witness.to_string())), Some(want), "{witness}");
            witness.to_string().replace("invalidate write ", "").replace("user ", "")
        }
        Verdict::No => "no".to_owned(),
        Verdict::Undecided(why) => format!("undecided: {why}"),
    }
}

/// Whether `when` can be true, and whether it can be false.
fn decided(on: &str, when: &str) -> [String; 2] {
    let rules = rules(on, when);
    let (entity, operations, condition) = condition(&rules);
    let subject = Subject::writes(&rules, entity, operations);
    [true, false].map(|want| shown(&rules, &subject.satisfiable(condition, want), want))
}

#[test]
fn conditions_and_their_smallest_writes() {
    let cases: &[(&str, &str, &str, &str)] = &[
        // Booleans, null, literals.
        ("user", "active", "1 update active:=true", "1 update active:=false"),
        ("user", "active or not active", "1 update active:=true", "no"),
        ("user", "active and not active", "no", "1 update active:=false"),
        ("user", "active == false or active", "1 update active:=false", "1 update active:=null"),
        ("user", "plan == \"pro\"", "1 update plan=pro", "1 update plan=a"),
        ("user", "plan == \"pro\" and plan == \"free\"", "no", "1 update plan=free"),
        ("user", "plan != \"pro\" or plan != \"free\"", "1 update plan=free", "no"),
        (
            "user",
            "plan in [\"a\", \"b\"] and plan not in [\"b\", \"c\"]",
            "1 update plan=a",
            "1 update plan=c",
        ),
        ("user", "plan in [\"a\"] and plan != \"a\"", "no", "1 update plan=b"),
        ("user", "plan == null and plan == \"\"", "no", "1 update plan="),
        ("user", "plan == \"it's $5\"", "1 update 'plan=it'\\''s $5'", "1 update plan=a"),
        ("user", "1 == 2", "no", "1 update"),
        ("user", "n == m and m == 3 and n != 3", "no", "1 update m:=0"),
        // Ranges.
        ("user", "n > 3 and n < 4", "no", "1 update n:=3"),
        ("user", "n > 3 and n < 5", "1 update n:=4", "1 update n:=3"),
        ("user", "x > 3 and x < 4", "1 update x:=3.5", "1 update x:=3.0"),
        ("user", "n > 9", "1 update n:=10", "1 update n:=9"),
        ("user", "n > 2.5 and n < 2.75", "no", "1 update n:=0"),
        ("user", "n > 9223372036854775807", "no", "1 update n:=9223372036854775807"),
        ("user", "n >= -9223372036854775808 or n == null", "1 update n:=-9223372036854775808", "no"),
        ("user", "n < 5 or n >= 5", "1 update n:=0", "1 update n:=null"),
        ("user", "n > m and m > 3 and n < 5", "no", "1 update m:=3"),
        ("user", "n > m and m > 3 and n < 6", "1 update m:=4 n:=5", "1 update m:=3"),
        ("user", "n > m and n < 5 and m > 4.5", "no", "1 update n:=5"),
        ("user", "x > n and x < m and n == 1 and m == 2", "1 update m:=2 n:=1 x:=1.5", "1 update n:=2"),
        ("user", "n > x and n < x", "no", "1 update n:=0 x:=0.0"),
        (
            "user",
            "since > \"2026-01-01T00:00:00Z\" and since < \"2026-01-01T00:00:00.000001Z\"",
            "no",
            "1 update since=2026-01-01T00:00:00Z",
        ),
        (
            "user",
            "since > \"2026-01-01T00:00:00Z\"",
            "1 update since=2026-01-02T00:00:00Z",
            "1 update since=2026-01-01T00:00:00Z",
        ),
        ("user", "plan > \"a\" and plan < \"b\"", "1 update plan=aa", "1 update plan=a"),
        ("user", "plan < \"\"", "no", "1 update plan="),
        (
            "user",
            "plan > \"a\" and plan < old.plan and old.plan < \"c\" and plan > \"b\"",
            "1 update plan=ba old.plan=bb",
            "1 update plan=a",
        ),
        // Operations and images.
        ("user.create", "op == update", "no", "1 create"),
        ("user", "op == login and changed(plan)", "1 login plan=a old.plan=b", "1 update"),
        ("user", "op in [create, update, delete, login]", "1 update", "no"),
        (
            "user.update",
            "changed(plan) and old.plan == \"free\" and plan == \"pro\"",
            "1 update plan=pro old.plan=free",
            "1 update old.plan=pro",
        ),
        ("user.update", "changed(plan) and plan == old.plan", "no", "1 update plan=a old.plan=a"),
        ("user.create, user.delete", "not changed(plan)", "no", "1 create"),
        ("user.create", "plan != old.plan", "no", "1 create plan=a"),
        ("user", "not changed(n) and old.n > 3", "1 update n:=4 old.n:=4", "1 create"),
        (
            "user.update",
            "changed(roles) and roles != null and old.roles != null",
            "1 update 'roles:=[\"a\"]' 'old.roles:=[\"a\",\"a\"]'",
            "1 update roles:=null",
        ),
        // Ids and refs.
        ("user", "id == 7", "7 update", "1 update"),
        ("user", "id == \"\" or id == null or id == \"*\"", "no", "1 update"),
        ("user", "team == \"\"", "no", "1 update team=1"),
        ("user", "team == null and team.name == \"a\"", "no", "1 update team=1"),
        ("user", "team == null and team.name == null", "1 update team:=null", "1 update team=1"),
        (
            "user",
            "team != null and team.name == null",
            "1 update team=1 team.name:=null",
            "1 update team:=null",
        ),
        ("user", "team.name == \"a\"", "1 update team.name=a", "1 update team.name=b"),
        ("user", "teams == null and teams.size != null", "no", "1 update 'teams:=[\"1\"]'"),
        ("user", "boss == id and boss != \"1\"", "2 update boss=2", "1 update boss=1"),
        ("user", "old.boss == \"-5\" and id == old.boss", "-- -5 update old.boss=-5", "1 update old.boss=1"),
        // Context.
        ("user", "context.bulk", "1 update context.bulk:=true", "1 update"),
        ("user", "plan == \"pro\" and not context.bulk", "1 update plan=pro", "1 update plan=a"),
        (
            "user",
            "context.region == null and context.level > 3",
            "1 update context.level:=4 context.region:=null",
            "1 update context.region=a",
        ),
        // Regexes.
        ("user", "email matches /@corp\\.com$/", "1 update email=@corp.com", "1 update email=a"),
        ("user", "email matches /@corp\\.com$/ and email not matches /@corp/", "no", "1 update email=a"),
        ("user", "email matches /^a/ and email matches /b$/", "1 update email=ab", "1 update email=c"),
        ("user", "email matches /^a/ and email matches /^b/", "no", "1 update email=c"),
        ("user", "email matches /^[ab]$/ and email not in [\"a\", \"b\"]", "no", "1 update email=c"),
        (
            "user.update",
            "email matches /^[ab]$/ and old.email matches /^[ab]$/ and changed(email) and email != \"a\" and old.email != \"a\"",
            "no",
            "1 update email=c",
        ),
        ("user", "email matches /x*/", "1 update email=a", "1 update email:=null"),
        ("user", "email not matches /x*/ and email != null", "no", "1 update email=a"),
        ("user", "email matches /é/ and email < \"f\"", "1 update email=aé", "1 update email=f"),
        ("user", "email matches /^\\x00$/", "1 update 'email:=\"\\u0000\"'", "1 update email=a"),
        ("user", "id matches /^[0-9]+$/", "1 update", "a update"),
        // What several parts have in common.
        ("user", "(n == 1 or m == 2) and (n == 3 or m == 4)", "1 update m:=4 n:=1", "1 update m:=4 n:=3"),
        ("user", "active and paid and n == 1 and n == 2 and plan == \"a\"", "no", "1 update active:=false"),
    ];
    let mut wrong = Vec::new();
    for (on, when, can, cannot) in cases {
        let found = decided(on, when);
        if found != [*can, *cannot] {
            wrong.push(format!("{when}\n  true:  {}\n  false: {}", found[0], found[1]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn implications_have_counterexamples() {
    let text = format!(
        "{DECLARATIONS}
        rule a {{ on user  when plan == \"pro\" and n > 3  drop tag \"hit\" }}
        rule b {{ on user  when n >= 4 and plan in [\"pro\"]  drop tag \"hit\" }}
        rule c {{ on user  when n > 2 and plan == \"pro\"  drop tag \"hit\" }}"
    );
    let rules = RuleSet::parse(&text).rules.unwrap();
    let conditions: Vec<&Condition> = rules
        .rules()
        .iter()
        .map(|rule| match &rule.trigger {
            Trigger::Writes(triggers) => triggers[0].condition.as_ref().unwrap(),
            Trigger::Tags(_) => panic!("a rule on writes"),
        })
        .collect();
    let [a, b, c] = conditions[..] else { panic!("three rules") };
    let subject = Subject::writes(&rules, rules.entity_named("user").unwrap(), &Operations::All);
    let shown = |proof: Proof| match proof {
        Proof::Holds => "holds".to_owned(),
        Proof::Fails(witness) => witness.to_string(),
        Proof::Undecided(why) => why.to_string(),
    };
    assert_eq!(shown(subject.equivalent(a, b)), "holds");
    assert_eq!(shown(subject.implies(a, c)), "holds");
    assert_eq!(shown(subject.implies(c, a)), "invalidate write user 1 update n:=3 plan=pro");
    assert_eq!(shown(subject.equivalent(a, c)), "invalidate write user 1 update n:=3 plan=pro");
    assert_eq!(shown(subject.implies(&Condition::ALWAYS, a)), "invalidate write user 1 update plan=a");
    assert_eq!(shown(subject.implies(a, &Condition::ALWAYS)), "holds");
    assert_eq!(subject.satisfiable(&Condition::ALWAYS, false), Verdict::No);
    assert!(matches!(subject.together(&[(a, true), (b, true), (c, true)]), Verdict::Yes(_)));
    assert_eq!(subject.together(&[(a, true), (b, true), (c, false)]), Verdict::No);
}

#[test]
fn past_a_stated_size_there_is_no_verdict() {
    // Nine pigeons and eight holes.
    let names: Vec<String> = (0..9).map(|i| format!("n{i}")).collect();
    let fields: Vec<String> = names.iter().map(|n| format!("{n}: int")).collect();
    let unequal: Vec<String> = (0..9)
        .flat_map(|a| (0..a).map(move |b| (a, b)))
        .map(|(a, b)| format!("{} != {}", names[a], names[b]))
        .collect();
    let bounds: Vec<String> = names.iter().map(|n| format!("{n} > 0 and {n} < 9")).collect();
    let text = format!(
        "entity user {{ fields {{ {} }} }} rule r {{ on user  when {} and {}  drop tag \"hit\" }}",
        fields.join(" "),
        unequal.join(" and "),
        bounds.join(" and ")
    );
    let rules = RuleSet::parse(&text).rules.unwrap();
    let (entity, operations, only) = condition(&rules);
    let verdict = Subject::writes(&rules, entity, operations).satisfiable(only, true);
    assert_eq!(verdict, Verdict::Undecided(Undecided::TooManyCases(200_000)));

    let many: Vec<String> = (0..501).map(|i| format!("n{i}")).collect();
    let text = format!(
        "entity user {{ fields {{ {} }} }} rule r {{ on user.create  when {}  drop tag \"hit\" }}",
        many.iter().map(|n| format!("{n}: bool")).collect::<Vec<_>>().join(" "),
        many.join(" and ")
    );
    let rules = RuleSet::parse(&text).rules.unwrap();
    let (entity, operations, only) = condition(&rules);
    let verdict = Subject::writes(&rules, entity, operations).satisfiable(only, true);
    assert_eq!(verdict, Verdict::Undecided(Undecided::TooManyValues(500)));

    let large = |test: &str| decided("user", test);
    let wide = r"/^[ab]*a.{14}b$/";
    let [can, cannot] = large(&format!("email matches {wide} and email matches /^é$/"));
    assert!(can.starts_with("undecided: the regex `/^[ab]*a.{14}b$/`"), "{can}");
    assert_eq!(cannot, "1 update email=a");
    // Whether or not it matches, this is false.
    assert_eq!(large(&format!("email matches {wide} and active and not active"))[0], "no");
    assert_eq!(large(&format!("email matches {wide} and not (email matches {wide})"))[0], "no");
    // Found all the same, and not to be refuted.
    let both = "email matches /^a/ and plan matches /^b/";
    assert_eq!(large(&format!("{both} and email < plan"))[0], "1 update email=a plan=b");
    assert!(large(&format!("{both} and email > plan"))[0].starts_with("undecided: a value that is matched"));
    let circle = "n < x and x < m and m < n";
    assert_eq!(large(circle)[0], "no");
    assert!(
        large(&format!("{circle} and n > 9007199254740993"))[0].starts_with("undecided: it compares an int")
    );
}

#[test]
fn a_condition_is_carried_to_other_rules() {
    let old = rules("user", "context.level > 3 and plan == \"pro\"");
    let (entity, operations, was) = condition(&old);
    let from = Subject::writes(&old, entity, operations);
    let carried = |text: &str| {
        let new = RuleSet::parse(text).rules.unwrap();
        let (entity, operations, is) = condition(&new);
        let subject = Subject::writes(&new, entity, operations);
        subject.carry(was, &from).map(|was| match subject.equivalent(&was, is) {
            Proof::Holds => "the same".to_owned(),
            Proof::Fails(witness) => witness.to_string(),
            Proof::Undecided(why) => why.to_string(),
        })
    };
    let new = |level: &str, plan: &str, bound: &str| {
        format!(
            "context {{ level: {level} }} entity user {{ fields {{ plan: {plan} }} }}
             rule r {{ on user  when plan == \"pro\" and context.level {bound}  drop tag \"hit\" }}"
        )
    };
    assert_eq!(carried(&new("int", "string", ">= 4")).unwrap(), "the same");
    assert_eq!(
        carried(&new("int", "string", ">= 5")).unwrap(),
        "invalidate write user 1 update plan=pro context.level:=4"
    );
    assert_eq!(carried(&new("float", "string", ">= 4")), None);
    assert_eq!(carried(&new("int = 1", "string", ">= 4")), None);
    let other = "entity user { fields { name: string } } rule r { on user  when name == \"a\" }";
    assert_eq!(carried(other), None);
}

const CHAINED: &str = r#"
context { bulk: bool = false }
entity item { fields { a: string  b: string } operations { touch } }
rule items { on item  drop tag "t:{a}:{b}", tag "{a}" }
"#;

#[test]
fn a_chained_rule_gets_the_tag_that_fires_it() {
    let shown = |on: &str, when: &str| -> [String; 2] {
        let text = format!("{CHAINED} rule r {{ on tag \"{on}\"  when {when}  drop key \"hit\" }}");
        let rules = RuleSet::parse(&text).rules.unwrap();
        let Trigger::Tags(trigger) = &rules.rules()[1].trigger else { panic!("a rule on tags") };
        let subject = Subject::tags(&rules, trigger);
        let program = Program::new(rules.clone());
        [true, false].map(|want| {
            let witness = match subject.satisfiable(trigger.condition.as_ref().unwrap(), want) {
                Verdict::Yes(witness) => witness,
                Verdict::No => return "no".to_owned(),
                Verdict::Undecided(why) => return format!("undecided: {why}"),
            };
            let Witness::Tag(tag) = &*witness else { panic!("a tag") };
            let mut raw = RawWrite {
                entity: "item".into(),
                op: tag.op.clone().unwrap_or("create".into()),
                ..RawWrite::default()
            };
            raw.context = tag.context.clone();
            for (name, value) in &tag.holes {
                let value: Json = value.clone().unwrap_or("any".into()).into();
                raw.new.insert(if name == "y" { "b" } else { "a" }.to_owned(), value.clone());
                raw.old.insert(if name == "y" { "b" } else { "a" }.to_owned(), value);
            }
            raw.new.entry("b").or_insert(Json::from("any"));
            raw.old.entry("b").or_insert(Json::from("any"));
            let write = program.rules().write(raw, Undeclared::Refuse).unwrap();
            let plan = program.plan(&write, Unfilled::Report);
            assert_eq!(plan.steps.iter().any(|s| s.target == "hit"), want, "{witness}");
            witness.to_string()
        })
    };
    for (on, when, can, cannot) in [
        ("t:{x}:{y}", "x == \"news\"", "tag 't:news:{y}'", "tag 't:a:{y}'"),
        ("t:{x}:{y}", "x == y and x != \"a: b\"", "tag t:a:a", "tag t:a%3A%20b:{y}"),
        ("t:{x}:{y}", "x == \"\"", "tag 't::{y}'", "tag 't:a:{y}'"),
        ("{x}", "x == \"\"", "no", "tag 1"),
        ("t:{x}:{y}", "x == null", "no", "tag 't:a:{y}'"),
        (
            "t:{x}:{y}",
            "op == touch and context.bulk",
            "tag 't:{x}:{y}' op=touch context.bulk:=true",
            "tag 't:{x}:{y}' op=update",
        ),
        ("t:{x}:{y}", "x < \"b\" and x > \"b\"", "no", "tag 't:b:{y}'"),
    ] {
        let found = shown(on, when);
        let cannot = cannot.replace("t:a%3A%20b:{y}", "'t:a%3A%20b:{y}'");
        assert_eq!(found, [can, &cannot], "{when}");
    }
}

/// Comparisons of text, either by order or with regexes: for these two ways it is known which texts
/// are enough to tell all conditions apart.
fn texts(ordered: bool) -> Vec<&'static str> {
    if ordered {
        // Two of each gap.
        vec!["", "A", "a", "aa", "ab", "b", "ba", "bb"]
    } else {
        // Two for each set of `^a`, `b$`, `z` that can match, besides the literals.
        vec![
            "a", "b", "", "c", "aa", "aac", "bb", "cb", "z", "zz", "ab", "aab", "az", "azz", "zb", "zzb",
            "azb", "azzb",
        ]
    }
}

fn atoms(ordered: bool) -> impl Strategy<Value = String> {
    let names = prop_oneof![Just("n"), Just("old.n"), Just("m")];
    let operators = prop_oneof![Just("=="), Just("!="), Just("<"), Just("<="), Just(">"), Just(">=")];
    let text = prop_oneof![Just("plan"), Just("old.plan")];
    let text_test = if ordered {
        (text, operators.clone(), prop_oneof![Just("\"a\""), Just("\"b\""), Just("plan")])
            .prop_map(|(a, op, b)| format!("{a} {op} {b}"))
            .boxed()
    } else {
        let tests = [
            "matches /^a/",
            "matches /b$/",
            "not matches /z/",
            "== \"a\"",
            "!= \"b\"",
            "== old.plan",
            "in [\"a\", \"b\"]",
            "!= null",
        ];
        (text, proptest::sample::select(tests.to_vec())).prop_map(|(a, test)| format!("{a} {test}")).boxed()
    };
    let others = [
        "active",
        "paid",
        "active == paid",
        "active != null",
        "changed(active)",
        "changed(plan)",
        "changed(n, plan)",
        "changed(team)",
        "op == update",
        "op in [create, login]",
        "op != delete",
        "context.bulk",
        "context.level > 1",
        "context.level == n",
        "context.bulk == active",
        "team == null",
        "team.name == \"a\"",
        "team.name != null",
        "old.team == null",
        "old.team.name == null",
        "team == \"1\"",
        "n in [0, m]",
        "n == null",
    ];
    prop_oneof![
        3 => (names.clone(), operators.clone(), 0..3).prop_map(|(n, op, k)| format!("{n} {op} {k}")),
        1 => (names.clone(), operators, names).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        3 => text_test,
        4 => proptest::sample::select(others.to_vec()).prop_map(str::to_owned),
    ]
}

fn conditions() -> impl Strategy<Value = (bool, String)> {
    let tree = |ordered: bool| {
        atoms(ordered).prop_recursive(3, 6, 3, |inner| {
            let list = proptest::collection::vec(inner.clone(), 2..4);
            prop_oneof![
                3 => (list, any::<bool>()).prop_map(|(list, and)| {
                    format!("({})", list.join(if and { " and " } else { " or " }))
                }),
                1 => inner.prop_map(|one| format!("not ({one})")),
            ]
        })
    };
    any::<bool>().prop_flat_map(move |ordered| tree(ordered).prop_map(move |text| (ordered, text)))
}

/// Every complete write that could tell, or `None` where those are too many to try.
fn all_writes(rules: &RuleSet, condition: &Condition, ordered: bool) -> Option<Vec<RawWrite>> {
    let mut rows: BTreeSet<(bool, String)> = BTreeSet::new();
    let mut contexts: BTreeSet<String> = BTreeSet::new();
    for atom in condition.atoms() {
        let mut operand = |operand: &Operand| match operand {
            Operand::Row { image, path } => {
                rows.insert((*image == Image::Old, path.write_name()));
            }
            Operand::Context(id) => {
                contexts.insert(rules.context()[id.index()].name.clone());
            }
            Operand::Literal(_) | Operand::Operation | Operand::Trigger(_) => {}
        };
        match &atom.test {
            Test::Compare { left, right, .. } => [left, right].into_iter().for_each(&mut operand),
            Test::In { value, list, .. } => std::iter::once(value).chain(list).for_each(&mut operand),
            Test::Matches { value, .. } | Test::Truth(value) => operand(value),
            Test::Changed(paths) => {
                rows.extend(paths.iter().flat_map(|p| [(false, p.write_name()), (true, p.write_name())]));
            }
        }
    }
    let ints = i64::try_from(rows.iter().filter(|(_, n)| n.len() == 1).count() + contexts.len()).unwrap();
    let domain = |name: &str| -> Vec<Json> {
        let mut out: Vec<Json> = match name {
            "active" | "paid" | "bulk" => vec![json!(true), json!(false)],
            "n" | "m" | "level" => (-ints..=2 + ints).map(Json::from).collect(),
            "team" => vec![json!("1"), json!("2"), json!("3")],
            "team.name" => vec![json!("a"), json!("b")],
            _ => texts(ordered).into_iter().map(Json::from).collect(),
        };
        out.push(Json::Null);
        out
    };
    let mut out = Vec::new();
    for op in ["create", "update", "delete", "login"] {
        let one_image = matches!(op, "create" | "delete");
        let names: BTreeSet<(bool, String)> =
            rows.iter().map(|(old, name)| (*old && !one_image, name.clone())).collect();
        let mut writes = vec![RawWrite {
            entity: "user".into(),
            id: RawId::parse("1"),
            op: op.into(),
            ..RawWrite::default()
        }];
        let places = names.iter().map(|(old, name)| (usize::from(*old), name));
        for (place, name) in places.chain(contexts.iter().map(|name| (2, name))) {
            let values = domain(name);
            if writes.len() * values.len() > 1500 {
                return None;
            }
            writes = writes
                .iter()
                .flat_map(|write| {
                    values.iter().map(move |value| {
                        let mut write = write.clone();
                        [&mut write.new, &mut write.old, &mut write.context][place]
                            .insert(name.clone(), value.clone());
                        write
                    })
                })
                .collect();
        }
        out.extend(writes);
    }
    Some(out)
}

proptest! {
    #![proptest_config(ProptestConfig { max_global_rejects: 100_000, ..cases(200) })]

    #[test]
    fn verdicts_are_those_of_all_writes((ordered, when) in conditions()) {
        let rules = rules("user", &when);
        let (entity, operations, condition) = condition(&rules);
        let Some(writes) = all_writes(&rules, condition, ordered) else {
            return Err(TestCaseError::reject("too many writes"));
        };
        let program = Program::new(rules.clone());
        let truths: BTreeSet<bool> =
            writes.into_iter().map(|raw| planned(&program, raw).expect("complete writes leave nothing open")).collect();
        let subject = Subject::writes(&rules, entity, operations);
        for want in [true, false] {
            match subject.satisfiable(condition, want) {
                Verdict::Yes(witness) => {
                    prop_assert!(truths.contains(&want), "{} makes it {}", witness, want);
                    let Witness::Write(raw) = &*witness else { panic!("a write") };
                    prop_assert_eq!(planned(&program, raw.clone()), Some(want), "{}", witness);
                    prop_assert_eq!(planned(&program, typed(&witness.to_string())), Some(want), "{}", witness);
                    // It hangs on each of its values.
                    for place in 0..3 {
                        let names: Vec<String> = [&raw.new, &raw.old, &raw.context][place].keys().cloned().collect();
                        for name in names {
                            let mut less = raw.clone();
                            [&mut less.new, &mut less.old, &mut less.context][place].remove(&name);
                            prop_assert_ne!(planned(&program, less), Some(want), "{} without {}", witness, name);
                        }
                    }
                }
                Verdict::No => prop_assert!(!truths.contains(&want), "there is a write that makes it {}", want),
                Verdict::Undecided(why) => prop_assert!(false, "undecided: {}", why),
            }
        }
    }
}
