//! The batch queue of every cache.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use invalidate::RuleSet;
use invalidate::cache::{
    AnyCache, Cache, CacheErrorKind, CacheOptions, Claim, DropRequest, DropTarget, LeaseToken, MAX_DELAY,
    Pending, Reach, Settle, Work, WorkerId,
};
use invalidate::engine::Engine;
use invalidate::model::Pattern;
use invalidate::plan::Program;
use proptest::prelude::*;

use crate::caches::{every_cache, every_cache_with, key, left, open, pattern, put, run, tag};
use crate::cases::cases;
use crate::redis::RedisServer;

const NOW: Duration = Duration::ZERO;
/// Later than any test lasts until it looks.
const LATER: Duration = MAX_DELAY;
const LONG: Duration = Duration::from_secs(60);
const ALL: Claim<'static> = Claim::Due { by: i64::MAX };

fn on(name: &str) -> Work {
    Work::drop(tag(name))
}

fn members(items: &[Work]) -> Vec<String> {
    let mut members: Vec<String> = items.iter().map(Work::member).collect();
    members.sort();
    members
}

async fn claim(cache: &AnyCache, which: Claim<'_>) -> (LeaseToken, Vec<String>) {
    let token = LeaseToken::fresh();
    let claimed = cache.claim(which, token, 1000, LONG).await.expect("claimed");
    (token, members(&claimed.items))
}

async fn pending(cache: &AnyCache) -> Pending {
    cache.pending().await.expect("told")
}

#[test]
fn equal_work_is_one_item_due_at_the_earlier_time() {
    for fresh in every_cache() {
        let cache = &fresh.cache;
        run(async {
            let empty = cache.enqueue(&[]).await.expect("accepted");
            assert_eq!((empty.new, empty.coalesced), (0, 0), "{}", fresh.name);
            let items = [(on("a"), LATER), (on("a"), LATER), (on("b"), LATER)];
            let said = cache.enqueue(&items).await.expect("accepted");
            assert_eq!(
                (said.new, said.coalesced, said.waiting, said.workers),
                (2, 1, 2, 0),
                "{}",
                fresh.name
            );
            assert_eq!(claim(cache, Claim::DUE).await.1, [""; 0], "{}", fresh.name);
            let waits = cache.claim(Claim::DUE, LeaseToken::fresh(), 10, LONG).await.expect("told").next_due;
            assert!(waits.is_some_and(|time| !time.is_zero() && time <= LATER), "{}: {waits:?}", fresh.name);

            let said = cache.enqueue(&[(on("a"), NOW)]).await.expect("accepted");
            assert_eq!((said.new, said.coalesced, said.waiting), (0, 1, 2), "{}", fresh.name);
            assert_eq!(claim(cache, Claim::DUE).await.1, ["t:a"], "earlier: {}", fresh.name);
            cache.enqueue(&[(on("c"), NOW)]).await.expect("accepted");
            cache.enqueue(&[(on("c"), LATER)]).await.expect("accepted");
            assert_eq!(claim(cache, Claim::DUE).await.1, ["t:c"], "never later: {}", fresh.name);
        });
    }
}

#[test]
fn every_kind_of_work_comes_out_as_it_went_in() {
    let long = "k".repeat(16 * 1024);
    let targets = [
        DropTarget::Tag(tag("user:1")),
        DropTarget::Key(key("{odd}\n\u{7f}")),
        DropTarget::Key(key(&long)),
        DropTarget::Match(pattern("search:*")),
        DropTarget::Match(pattern("shop:/^a+$/")),
        DropTarget::TagsMatching(pattern("user:*")),
        DropTarget::TagsMatching(Pattern::segments("user:*").expect("a pattern")),
    ];
    let mut works: Vec<Work> = targets
        .iter()
        .flat_map(|target| {
            [Reach::Transitive, Reach::Direct]
                .map(|reach| Work::Drop(DropRequest::new(target.clone(), reach)))
        })
        .collect();
    works.push(Work::Collect(tag("user:1")));
    for fresh in every_cache() {
        let cache = &fresh.cache;
        run(async {
            let items: Vec<(Work, Duration)> = works.iter().map(|work| (work.clone(), NOW)).collect();
            assert_eq!(cache.enqueue(&items).await.expect("accepted").new, works.len() as u64);
            let told = pending(cache).await;
            let kinds = told.waiting;
            assert_eq!(
                (kinds.tags, kinds.keys, kinds.matches, kinds.tag_matches, kinds.collects, kinds.unknown),
                (2, 4, 4, 4, 1, 0),
                "{}",
                fresh.name
            );
            assert!(told.oldest_due_ms.is_some_and(|due| due <= 0), "{}: {told:?}", fresh.name);
            let (_, taken) = claim(cache, Claim::DUE).await;
            assert_eq!(taken, members(&works), "{}", fresh.name);
            let told = pending(cache).await;
            assert_eq!(
                (told.waiting.total(), told.leased, told.oldest_due_ms),
                (0, 15, None),
                "{}",
                fresh.name
            );
        });
    }
}

#[test]
fn only_the_holder_of_a_lease_settles_it() {
    for fresh in every_cache() {
        let cache = &fresh.cache;
        run(async {
            let x = [on("x")];
            cache.enqueue(&[(on("x"), NOW)]).await.expect("accepted");
            let (first, taken) = claim(cache, Claim::DUE).await;
            assert_eq!(taken, ["t:x"], "{}", fresh.name);
            assert_eq!(claim(cache, ALL).await.1, [""; 0], "it is claimed: {}", fresh.name);

            // Enqueued again while it is carried out: it waits beside its lease.
            assert_eq!(cache.enqueue(&[(on("x"), NOW)]).await.expect("accepted").new, 1, "{}", fresh.name);
            let (second, taken) = claim(cache, Claim::DUE).await;
            assert_eq!(taken, ["t:x"], "{}", fresh.name);
            assert_eq!(cache.settle(first, &x, Settle::Done).await, Ok(0), "{}", fresh.name);
            assert_eq!(cache.settle(first, &x, Settle::Again(NOW)).await, Ok(0), "{}", fresh.name);
            assert_eq!(pending(cache).await.leased, 1, "{}", fresh.name);
            assert_eq!(cache.settle(second, &x, Settle::Done).await, Ok(1), "{}", fresh.name);
            assert_eq!(cache.settle(second, &x, Settle::Done).await, Ok(0), "{}", fresh.name);
            assert_eq!(pending(cache).await, Pending::default(), "{}", fresh.name);

            // The same, settled before it is claimed again.
            cache.enqueue(&[(on("x"), NOW)]).await.expect("accepted");
            let (first, _) = claim(cache, Claim::DUE).await;
            cache.enqueue(&[(on("x"), NOW)]).await.expect("accepted");
            assert_eq!(cache.settle(first, &x, Settle::Done).await, Ok(1), "{}", fresh.name);
            assert_eq!(claim(cache, Claim::DUE).await.1, ["t:x"], "carried out again: {}", fresh.name);
        });
    }
}

#[test]
fn items_go_back_on_request_and_when_their_lease_ends() {
    for fresh in every_cache() {
        let cache = &fresh.cache;
        run(async {
            let x = [on("x")];
            cache.enqueue(&[(on("x"), NOW)]).await.expect("accepted");
            let token = LeaseToken::fresh();
            let short = Duration::from_millis(30);
            cache.claim(Claim::DUE, token, 10, short).await.expect("claimed");
            tokio::time::sleep(short * 2).await;
            let (second, taken) = claim(cache, Claim::DUE).await;
            assert_eq!(taken, ["t:x"], "its holder may be dead: {}", fresh.name);
            assert_eq!(cache.settle(token, &x, Settle::Done).await, Ok(0), "{}", fresh.name);

            assert_eq!(cache.settle(second, &x, Settle::Again(LATER)).await, Ok(1), "{}", fresh.name);
            assert_eq!(claim(cache, Claim::DUE).await.1, [""; 0], "{}", fresh.name);
            let due = pending(cache).await.oldest_due_ms.expect("it waits");
            assert!((1..=5000).contains(&due), "{}: {due}", fresh.name);

            let token = LeaseToken::fresh();
            let brief = Duration::from_secs(1);
            cache.claim(ALL, token, 10, brief).await.expect("claimed");
            assert_eq!(cache.settle(token, &x, Settle::Longer(LONG)).await, Ok(1), "{}", fresh.name);
            tokio::time::sleep(brief + Duration::from_millis(200)).await;
            assert_eq!(claim(cache, ALL).await.1, [""; 0], "the lease was renewed: {}", fresh.name);
            assert_eq!(cache.recall().await, Ok(1), "{}", fresh.name);
            assert_eq!(cache.recall().await, Ok(0), "{}", fresh.name);
            assert_eq!(cache.settle(token, &x, Settle::Done).await, Ok(0), "{}", fresh.name);
            assert_eq!(claim(cache, Claim::DUE).await.1, ["t:x"], "{}", fresh.name);
        });
    }
}

#[test]
fn named_items_are_claimed_from_whoever_has_them() {
    for fresh in every_cache() {
        let cache = &fresh.cache;
        run(async {
            cache.enqueue(&[(on("x"), NOW), (on("y"), LATER), (on("z"), LATER)]).await.expect("accepted");
            let (first, _) = claim(cache, Claim::DUE).await;
            let wanted = [on("x"), on("y"), on("done already")];
            let (second, taken) = claim(cache, Claim::These(&wanted)).await;
            assert_eq!(taken, ["t:x", "t:y"], "{}", fresh.name);
            assert_eq!(cache.settle(first, &wanted, Settle::Done).await, Ok(0), "{}", fresh.name);
            assert_eq!(cache.settle(second, &wanted, Settle::Done).await, Ok(2), "{}", fresh.name);
            assert_eq!(claim(cache, Claim::These(&[])).await.1, [""; 0], "{}", fresh.name);
            assert_eq!(claim(cache, ALL).await.1, ["t:z"], "{}", fresh.name);
        });
    }
}

#[test]
fn a_full_queue_says_so_and_takes_what_waits_already() {
    let options = CacheOptions { queue_limit: 3, ..CacheOptions::default() };
    for fresh in every_cache_with(&options) {
        let cache = &fresh.cache;
        run(async {
            let three = ["a", "b", "c"].map(|name| (on(name), LATER));
            cache.enqueue(&three).await.expect("accepted");
            let error = cache.enqueue(&[(on("a"), NOW), (on("d"), NOW)]).await.unwrap_err();
            assert_eq!(error.kind(), CacheErrorKind::QueueFull, "{}", fresh.name);
            assert!(error.message().contains("3 items"), "{}: {error}", fresh.name);
            assert!(error.hint().is_some_and(|hint| hint.contains("invalidate flush")), "{}", fresh.name);
            assert_eq!(claim(cache, Claim::DUE).await.1, [""; 0], "nothing was changed: {}", fresh.name);
            cache.enqueue(&[(on("a"), NOW)]).await.expect("it waits already");
            let (token, taken) = claim(cache, Claim::DUE).await;
            assert_eq!(taken, ["t:a"], "{}", fresh.name);
            cache.settle(token, &[on("a")], Settle::Done).await.expect("settled");
            cache.enqueue(&[(on("d"), NOW)]).await.expect("there is room again");

            let error = cache.enqueue(&[(on("x"), MAX_DELAY + Duration::from_millis(1))]).await.unwrap_err();
            assert_eq!(error.kind(), CacheErrorKind::Invalid, "{}", fresh.name);
        });
    }
    let none = CacheOptions { queue_limit: 0, ..CacheOptions::default() };
    assert_eq!(AnyCache::open("memory:", none).unwrap_err().kind(), CacheErrorKind::Invalid);
}

#[test]
fn writers_see_whether_a_worker_is_alive() {
    for fresh in every_cache() {
        let cache = &fresh.cache;
        run(async {
            let (ann, bob) = (WorkerId::fresh(), WorkerId::fresh());
            assert_eq!(cache.announce(ann, LONG).await, Ok(1), "{}", fresh.name);
            assert_eq!(cache.announce(ann, LONG).await, Ok(1), "{}", fresh.name);
            assert_eq!(cache.announce(bob, Duration::from_millis(30)).await, Ok(2), "{}", fresh.name);
            tokio::time::sleep(Duration::from_millis(60)).await;
            assert_eq!(
                cache.enqueue(&[(on("a"), LATER)]).await.expect("accepted").workers,
                1,
                "{}",
                fresh.name
            );
            assert_eq!(pending(cache).await.workers, 1, "{}", fresh.name);
            assert_eq!(cache.announce(ann, NOW).await, Ok(0), "it leaves: {}", fresh.name);
            assert_eq!(
                cache.enqueue(&[(on("a"), LATER)]).await.expect("accepted").workers,
                0,
                "{}",
                fresh.name
            );
        });
    }
}

#[test]
fn what_nobody_sees_to_is_told() {
    for fresh in every_cache() {
        let cache = &fresh.cache;
        run(async {
            cache.enqueue(&[(on("forgotten"), NOW)]).await.expect("accepted");
            tokio::time::sleep(Duration::from_millis(1100)).await;
            let said = cache.enqueue(&[(on("new"), NOW)]).await.expect("accepted");
            assert_eq!(said.overdue, 1, "{}", fresh.name);
            assert!(pending(cache).await.oldest_due_ms.is_some_and(|due| due <= -1000), "{}", fresh.name);
        });
    }
}

#[test]
fn many_items_are_taken_in_parts_the_oldest_first() {
    for fresh in every_cache() {
        let cache = &fresh.cache;
        run(async {
            let late: Vec<(Work, Duration)> = (0..2300).map(|n| (on(&format!("late:{n}")), LATER)).collect();
            let soon: Vec<(Work, Duration)> = (0..200).map(|n| (on(&format!("soon:{n}")), NOW)).collect();
            assert_eq!(cache.enqueue(&late).await.expect("accepted").new, 2300, "{}", fresh.name);
            assert_eq!(cache.enqueue(&soon).await.expect("accepted").waiting, 2500, "{}", fresh.name);
            let token = LeaseToken::fresh();
            let first = cache.claim(ALL, token, 300, LONG).await.expect("claimed").items;
            assert_eq!(first.iter().filter(|work| work.member().starts_with("t:soon")).count(), 200);
            let mut all: BTreeSet<String> = members(&first).into_iter().collect();
            loop {
                let part = cache.claim(ALL, token, 5000, LONG).await.expect("claimed").items;
                assert!(part.len() <= 1000, "{}", fresh.name);
                if part.is_empty() {
                    break;
                }
                all.extend(members(&part));
            }
            assert_eq!((all.len(), pending(cache).await.leased), (2500, 2500), "{}", fresh.name);
            assert_eq!(cache.recall().await, Ok(2500), "{}", fresh.name);
            assert_eq!(pending(cache).await.waiting.tags, 2500, "{}", fresh.name);
        });
    }
}

#[derive(Clone, Debug)]
enum Step {
    Enqueue(Vec<(usize, bool)>),
    ClaimDue,
    ClaimAll,
    ClaimThese(Vec<usize>),
    /// The claim whose token is used, counted from the last; the items; what becomes of them.
    Settle(usize, Vec<usize>, usize),
    Recall,
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn step() -> impl Strategy<Value = Step> {
    let names = || prop::collection::vec(0..NAMES.len(), 1..4);
    prop_oneof![
        4 => prop::collection::vec((0..NAMES.len(), any::<bool>()), 1..4).prop_map(Step::Enqueue),
        2 => Just(Step::ClaimDue),
        1 => Just(Step::ClaimAll),
        2 => names().prop_map(Step::ClaimThese),
        4 => (0..3usize, names(), 0..3usize).prop_map(|(token, names, how)| Step::Settle(token, names, how)),
        1 => Just(Step::Recall),
    ]
}

/// What waits, and whether it is due now; who holds what.
#[derive(Default)]
struct Model {
    waiting: BTreeMap<usize, bool>,
    leases: BTreeMap<usize, LeaseToken>,
    tokens: Vec<LeaseToken>,
}

impl Model {
    fn add(&mut self, name: usize, is_due: bool) {
        let waits = self.waiting.entry(name).or_insert(is_due);
        *waits |= is_due;
    }

    fn take(&mut self, token: LeaseToken, taken: BTreeSet<usize>) -> Vec<String> {
        self.tokens.push(token);
        for name in &taken {
            self.waiting.remove(name);
            self.leases.insert(*name, token);
        }
        taken.into_iter().map(|name| on(NAMES[name]).member()).collect()
    }
}

fn works(names: &[usize]) -> Vec<Work> {
    let names: BTreeSet<usize> = names.iter().copied().collect();
    names.into_iter().map(|name| on(NAMES[name])).collect()
}

async fn carry_out(cache: &AnyCache, model: &mut Model, step: &Step) {
    match step {
        Step::Enqueue(items) => {
            let request: Vec<(Work, Duration)> =
                items.iter().map(|(name, now)| (on(NAMES[*name]), if *now { NOW } else { LATER })).collect();
            let before = model.waiting.len();
            items.iter().for_each(|(name, now)| model.add(*name, *now));
            let said = cache.enqueue(&request).await.expect("accepted");
            assert_eq!(said.new, (model.waiting.len() - before) as u64);
            assert_eq!(said.new + said.coalesced, items.len() as u64);
        }
        Step::ClaimDue | Step::ClaimAll => {
            let all = matches!(step, Step::ClaimAll);
            let (token, taken) = claim(cache, if all { ALL } else { Claim::DUE }).await;
            let due = model.waiting.iter().filter(|(_, due)| all || **due).map(|(name, _)| *name).collect();
            assert_eq!(taken, model.take(token, due), "{step:?}");
        }
        Step::ClaimThese(names) => {
            let (token, taken) = claim(cache, Claim::These(&works(names))).await;
            let there = |name: &usize| model.waiting.contains_key(name) || model.leases.contains_key(name);
            let there = names.iter().copied().filter(there).collect();
            assert_eq!(taken, model.take(token, there), "{step:?}");
        }
        Step::Settle(token, names, how) => {
            let Some(token) = model.tokens.iter().rev().nth(*token).copied() else { return };
            let held: BTreeSet<usize> =
                names.iter().copied().filter(|name| model.leases.get(name) == Some(&token)).collect();
            let how = [Settle::Done, Settle::Again(LATER), Settle::Longer(LONG)][*how];
            for name in &held {
                match how {
                    Settle::Longer(_) => {}
                    Settle::Done => drop(model.leases.remove(name)),
                    Settle::Again(_) => {
                        model.leases.remove(name);
                        model.add(*name, false);
                    }
                }
            }
            assert_eq!(cache.settle(token, &works(names), how).await, Ok(held.len() as u64), "{step:?}");
        }
        Step::Recall => {
            let ended: Vec<usize> = std::mem::take(&mut model.leases).into_keys().collect();
            assert_eq!(cache.recall().await, Ok(ended.len() as u64));
            ended.into_iter().for_each(|name| model.add(name, true));
        }
    }
    let told = pending(cache).await;
    assert_eq!((told.waiting.tags, told.waiting.total()), (model.waiting.len() as u64, told.waiting.tags));
    assert_eq!(told.leased, model.leases.len() as u64, "{step:?}");
}

#[test]
fn every_queue_does_what_the_model_does() {
    let caches = every_cache();
    proptest!(cases(60), |(steps in prop::collection::vec(step(), 1..25))| {
        for fresh in &caches {
            run(async {
                fresh.cache.recall().await.expect("recalled");
                let (token, _) = claim(&fresh.cache, ALL).await;
                let all = works(&[0, 1, 2, 3]);
                fresh.cache.settle(token, &all, Settle::Done).await.expect("settled");
                let mut model = Model::default();
                for step in &steps {
                    carry_out(&fresh.cache, &mut model, step).await;
                }
            });
        }
    });
}

#[test]
fn the_queue_lies_where_the_layout_says() {
    let server = RedisServer::start();
    let mut raw = server.raw();
    run(async {
        let cache = open(&server.url());
        let items = [(on("user:1"), NOW), (Work::drop(key("home")), LATER)];
        cache.enqueue(&items).await.expect("accepted");
        let seconds: f64 = raw.run(&["TIME"]).split(' ').next().and_then(|s| s.parse().ok()).expect("a time");
        let due: f64 = raw.run(&["ZSCORE", "inv:q:{0}", "k:home"]).parse().expect("a score");
        assert!((due / 1000.0 - 5.0 - seconds).abs() < 3.0, "the score is the due time in ms: {due}");
        let (token, _) = claim(&cache, Claim::DUE).await;
        assert_eq!(raw.run(&["ZRANGE", "inv:q:{0}", "0", "-1"]), "k:home");
        assert_eq!(raw.run(&["ZRANGE", "inv:q:{0}:lease", "0", "-1"]), "t:user:1");
        assert_eq!(raw.run(&["HGET", "inv:q:{0}:tok", "t:user:1"]), token.to_string());
        cache.settle(token, &[on("user:1")], Settle::Done).await.expect("settled");
        assert_eq!(raw.run(&["EXISTS", "inv:q:{0}:lease", "inv:q:{0}:tok"]), "0");
        cache.announce(WorkerId::fresh(), LONG).await.expect("announced");
        assert_eq!(raw.run(&["ZCARD", "inv:q:{0}:alive"]), "1");

        // An application may put work into the queue by itself.
        raw.run(&["ZADD", "inv:q:{0}", "LT", "1000", "t:by hand"]);
        raw.run(&["ZADD", "inv:q:{0}", "1000", "future:work", "1000", "t:{", "1000", "x"]);
        assert_eq!(pending(&cache).await.waiting.unknown, 2);
        let claimed = cache.claim(Claim::DUE, LeaseToken::fresh(), 10, LONG).await.expect("claimed");
        assert_eq!((members(&claimed.items), claimed.unknown), (vec!["t:by hand".to_owned()], 3));
        assert_eq!(raw.run(&["ZCARD", "inv:q:{0}:lease"]), "4", "what is not known is not lost");
    });
}

#[test]
fn a_server_without_memory_still_hands_out_what_is_queued() {
    let server = RedisServer::start();
    let mut raw = server.raw();
    run(async {
        let cache = open(&server.url());
        put(&cache, "a", &["t"], &[]).await;
        cache.enqueue(&[(on("t"), NOW), (on("u"), NOW)]).await.expect("accepted");
        raw.run(&["CONFIG", "SET", "maxmemory", "1"]);
        let error = cache.enqueue(&[(on("v"), NOW)]).await.unwrap_err();
        assert_eq!(error.kind(), CacheErrorKind::OutOfMemory);
        let (token, taken) = claim(&cache, Claim::DUE).await;
        assert_eq!(taken, ["t:t", "t:u"]);
        cache.drop_tag(&tag("t"), Reach::Transitive, invalidate::cache::quiet()).await.expect("dropped");
        assert_eq!(cache.settle(token, &[on("t")], Settle::Done).await, Ok(1));
        assert_eq!(cache.settle(token, &[on("u")], Settle::Again(LATER)).await, Ok(1));
        assert_eq!(cache.recall().await, Ok(0));
        assert_eq!(left(&cache, &["a"]).await, [""; 0]);
    });
}

#[test]
fn batched_steps_ride_with_the_immediate_ones() {
    const RULES: &str = r#"
        entity user { operations { login, seen } key profile }
        rule now { on user.update, user.login }
        rule soon { on user.login, user.seen drop tag "seen:{id}", key "badge:{id}" strategy batched }
    "#;
    let server = RedisServer::start();
    run(async {
        let engine =
            Engine::new(Program::new(RuleSet::parse(RULES).rules.expect("rules")), open(&server.url()));
        let plan = |op: &str| {
            let write = serde_json::json!({"entity": "user", "id": 1, "op": op});
            engine.plan(serde_json::from_value(write).expect("a write")).expect("a plan")
        };
        let mut raw = server.raw();
        let mut reads = || -> u64 {
            let info = raw.run(&["INFO", "stats"]);
            let line = info.lines().find_map(|line| line.strip_prefix("total_reads_processed:"));
            line.and_then(|count| count.trim().parse().ok()).expect("a count")
        };
        // A server is told the scripts once.
        assert_eq!(engine.submit(plan("login"), invalidate::cache::quiet()).await.failures().count(), 0);
        let mut cost = Vec::new();
        for op in ["update", "login", "seen"] {
            let plan = plan(op);
            let before = reads();
            let report = engine.submit(plan, invalidate::cache::quiet()).await;
            // One of the reads is our own question.
            cost.push(reads() - before - 1);
            assert_eq!(report.failures().count(), 0);
        }
        let [immediate, both, batched] = cost[..] else { panic!("{cost:?}") };
        assert_eq!((batched, both), (1, immediate), "{cost:?}");
    });
}
