//! `invalidate`: the compiler and the engine of a small language that says what every database
//! write makes stale in the cache.
//!
//! An application reads its rules once, gives them to an [`engine::Engine`] with a cache, and says what it
//! has written when the database has committed:
//!
//! ```
//! use invalidate::RuleSet;
//! use invalidate::cache::{AnyCache, Cache, CacheOptions};
//! use invalidate::engine::Engine;
//! use invalidate::model::{Key, RawWrite, Tag};
//! use invalidate::plan::Program;
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("rules.inv");
//! # std::fs::write(&path, "entity user { key profile }  rule user_data { on user }")?;
//!
//! // `path` is that of the rules. Their findings say what is wrong with them, and where.
//! let checked = RuleSet::load(&path);
//! let rules = checked.rules.ok_or("the rules have errors: `invalidate lint` prints them")?;
//! // `redis://localhost` in earnest.
//! let engine = Engine::new(Program::new(rules), AnyCache::open("memory:", CacheOptions::default())?);
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//!
//! // A reader fills the cache under a fence: what a write makes stale meanwhile is not stored.
//! let (profile, user) = (Key::new("user:123:profile")?, [Tag::new("user:123")?]);
//! let load = || async { Ok::<_, std::io::Error>(b"from the database".to_vec()) };
//! engine.cache().fill(&profile, &user, &[], None, load).await?;
//!
//! // A writer says what it has written, after the commit.
//! let write: RawWrite = serde_json::from_str(r#"{"entity": "user", "id": "123", "op": "update"}"#)?;
//! let report = engine.write(write).await?;
//! assert_eq!(report.dropped().keys, 1);
//! assert_eq!(engine.cache().get(&profile).await?, None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `examples/repository.rs` does it over a real database, with a [transaction](engine::Transaction).
//!
//! # The way of a write
//!
//! | stage | module | takes | gives |
//! |---|---|---|---|
//! | parse | [`syntax`] | text | `ast::File` and findings |
//! | check | [`check`] | files | [`RuleSet`] and findings |
//! | lint | [`lint`] | a checked rule set | findings |
//! | compile | [`plan`] | [`RuleSet`] | [`plan::Program`] |
//! | plan | [`plan`] | a [`check::Write`] | [`plan::Plan`] |
//! | explain | [`trace`], [`why`] | a write, a name | [`why::Answer`] |
//! | apply | [`engine`] | a plan and a [`cache::Cache`] | [`engine::Report`] |
//!
//! Each stage by itself, without a cache:
//!
//! ```
//! use invalidate::{RuleSet, check::Undeclared, model::RawWrite, plan::{Program, Unfilled}};
//!
//! let checked = RuleSet::parse("entity user { key profile }  rule user_data { on user }");
//! let program = Program::new(checked.rules.expect("the rules are clean"));
//! let write: RawWrite = serde_json::from_str(r#"{"entity": "user", "id": "123", "op": "update"}"#)?;
//! let write = program.rules().write(write, Undeclared::Refuse)?;
//! let plan = program.plan(&write, Unfilled::Report);
//! let targets: Vec<&str> = plan.steps.iter().map(|step| step.target.as_str()).collect();
//! assert_eq!(targets, ["user:123:profile", "user:123"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What else there is
//!
//! | for | module |
//! |---|---|
//! | entries, tags, drops and the queue, on Redis, Valkey, a file or in memory | [`cache`] |
//! | names, keys, tags, values and writes | [`model`] |
//! | rules that an editor holds, checked again after each change | [`check::Workspace`] |
//! | the rules as a graph, and its drawings | [`graph`], [`draw`] |
//! | tests of rules, and their coverage | [`suite`] |
//! | two rule sets, and recorded writes, compared | [`compare`], [`replay`] |
//! | all of it behind HTTP | [`server`] |
//!
//! Nothing here prints, reads the environment or ends the process. What waits for a cache needs a tokio
//! runtime with its timers and its I/O enabled.

pub mod cache;
pub mod check;
pub mod compare;
pub mod decide;
pub mod diagnostic;
pub mod draw;
pub mod engine;
pub mod graph;
pub mod lint;
pub mod model;
pub mod plan;
pub mod replay;
pub mod scenario;
pub mod server;
pub mod source;
pub mod span;
pub mod suite;
pub mod syntax;
pub mod trace;
pub mod why;

pub use check::RuleSet;
