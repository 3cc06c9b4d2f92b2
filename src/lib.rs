//! `invalidate`: the compiler and the engine of a small language that says what every database
//! write makes stale in the cache.
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
