//! `invalidate cache show` and `invalidate cache list`: looking at a cache by hand.

use std::time::Duration;

use clap::Args;
use invalidate::cache::{
    Cache, CacheError, Cursor, EntryKind, EntrySummary, KeyDescription, Page, TagDescription, TagSummary,
};
use invalidate::model::{Key, Pattern, Tag};
use serde::Serialize;

use super::{key, pattern, tag};
use crate::cli::args::Format;
use crate::cli::error::{CommandError, Exit};
use crate::cli::output::{self, count};
use crate::cli::runtime::block_on;
use crate::cli::session::Session;
use crate::cli::table::{render, table};
use invalidate::model::millis;

/// Members of a tag shown at most, unless `--limit` says otherwise.
const MEMBERS: usize = 20;

#[derive(Debug, Args)]
#[group(skip)]
pub struct ShowArgs {
    /// A key
    #[arg(value_parser = key, required_unless_present = "tag", conflicts_with = "tag")]
    key: Option<Key>,

    /// A tag instead of a key
    #[arg(long, value_name = "TAG", value_parser = tag)]
    tag: Option<Tag>,

    /// With --tag: how many of its entries are listed
    #[arg(long, value_name = "N", default_value_t = MEMBERS)]
    limit: usize,

    /// How it is printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
}

#[derive(Debug, Args)]
pub struct ListArgs {
    /// Tags instead of entries
    #[arg(long)]
    tags: bool,

    /// Only names that match a glob as Redis has it, or /REGEX/
    #[arg(long = "match", value_name = "PATTERN", value_parser = pattern)]
    pattern: Option<Pattern>,

    /// How many are listed
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,

    /// How they are printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
}

pub fn show(session: &Session, args: &ShowArgs) -> Result<Exit, CommandError> {
    let cache = session.cache()?;
    block_on(async {
        match (&args.key, &args.tag) {
            (Some(key), _) => match cache.describe_key(key).await? {
                Some(description) => show_key(key, &description, args.format),
                None => {
                    session.note(&format!("there is no entry `{key}`"));
                    Ok(Exit::Findings)
                }
            },
            (None, Some(tag)) => show_tag(tag, &cache.describe_tag(tag, args.limit).await?, args.format),
            (None, None) => Ok(Exit::Usage),
        }
    })
}

#[derive(Serialize)]
struct KeyDocument<'a> {
    schema: u32,
    key: &'a Key,
    kind: String,
    bytes: u64,
    ttl_ms: Option<u64>,
    tags: &'a [Tag],
    depends_on: &'a [Key],
    dependents: u64,
}

fn show_key(key: &Key, d: &KeyDescription, format: Format) -> Result<Exit, CommandError> {
    match format {
        Format::Json => output::json(&KeyDocument {
            schema: 1,
            key,
            kind: kind(&d.kind),
            bytes: d.bytes,
            ttl_ms: d.ttl.map(millis),
            tags: &d.tags,
            depends_on: &d.depends_on,
            dependents: d.dependents,
        })?,
        Format::Table => {
            let list = |names: Vec<&str>| {
                if names.is_empty() { "none".to_owned() } else { names.join("\n            ") }
            };
            output::data(&format!(
                "key         {key}\nkind        {}\nvalue       {}\nlives       {}\ntags        {}\nbuilt from  {}\ndependents  {}\n",
                kind(&d.kind),
                count(d.bytes, "byte", "bytes"),
                life(d.ttl),
                list(d.tags.iter().map(Tag::as_str).collect()),
                list(d.depends_on.iter().map(Key::as_str).collect()),
                d.dependents
            ))?;
        }
    }
    Ok(Exit::Clean)
}

#[derive(Serialize)]
struct TagDocument<'a> {
    schema: u32,
    tag: &'a Tag,
    generation: Option<u64>,
    live: u64,
    journals: u64,
    members: Vec<Member<'a>>,
}

#[derive(Serialize)]
struct Member<'a> {
    key: &'a Key,
    ttl_ms: Option<u64>,
}

fn show_tag(tag: &Tag, d: &TagDescription, format: Format) -> Result<Exit, CommandError> {
    match format {
        Format::Json => {
            let members =
                d.members.iter().map(|m| Member { key: &m.key, ttl_ms: m.ttl.map(millis) }).collect();
            output::json(&TagDocument {
                schema: 1,
                tag,
                generation: d.generation,
                live: d.live,
                journals: d.journals,
                members,
            })?;
        }
        Format::Table => {
            let mut out = format!("tag         {tag}\nlive keys   {}\n", d.live);
            if d.journals > 0 {
                out.push_str(&format!("unfinished  {}\n", count(d.journals, "drop", "drops")));
            }
            if !d.members.is_empty() {
                let mut rows = table(&["key", "lives"]);
                for member in &d.members {
                    rows.add_row([member.key.to_string(), life(member.ttl)]);
                }
                out.push_str(&format!("\n{}", render(&rows)));
            }
            let more = d.live.saturating_sub(d.members.len() as u64);
            if more > 0 {
                out.push_str(&format!("and {more} more\n"));
            }
            output::data(&out)?;
        }
    }
    Ok(if d.live == 0 && d.journals == 0 { Exit::Findings } else { Exit::Clean })
}

pub fn list(session: &Session, args: &ListArgs) -> Result<Exit, CommandError> {
    let Some(cache) = session.cache_to_look_at()? else {
        session.note(&format!("there is no cache at {} yet", session.cache_url()));
        return Ok(Exit::Clean);
    };
    block_on(async {
        if args.tags {
            let page = |cursor: Option<Cursor>| {
                let cache = &cache;
                async move { cache.list_tags(args.pattern.as_ref(), cursor.as_ref(), args.limit).await }
            };
            let (tags, more) = first(args.limit, page, |t: &TagSummary| t.tag.clone()).await?;
            print_tags(&tags, args.format)?;
            note_more(session, more);
        } else {
            let page = |cursor: Option<Cursor>| {
                let cache = &cache;
                async move { cache.list_entries(args.pattern.as_ref(), cursor.as_ref(), args.limit).await }
            };
            let (entries, more) = first(args.limit, page, |e: &EntrySummary| e.key.clone()).await?;
            print_entries(&entries, args.format)?;
            note_more(session, more);
        }
        Ok(Exit::Clean)
    })
}

fn note_more(session: &Session, more: bool) {
    if more {
        session.note("there are more; raise --limit to see them");
    }
}

/// The first items of a listing, sorted, and whether there are more.
async fn first<T, P, K: Ord>(
    limit: usize,
    page: impl Fn(Option<Cursor>) -> P,
    name: impl Fn(&T) -> K,
) -> Result<(Vec<T>, bool), CommandError>
where
    P: Future<Output = Result<Page<T>, CacheError>>,
{
    let mut out: Vec<T> = Vec::new();
    let mut cursor = None;
    let more = loop {
        let found = page(cursor).await?;
        out.extend(found.items);
        cursor = found.next;
        if cursor.is_none() || out.len() > limit {
            break cursor.is_some() || out.len() > limit;
        }
    };
    // A listing may name a thing twice while it changes.
    out.sort_by_key(|item| name(item));
    out.dedup_by_key(|item| name(item));
    out.truncate(limit);
    Ok((out, more))
}

#[derive(Serialize)]
struct EntriesDocument<'a> {
    schema: u32,
    entries: Vec<EntryLine<'a>>,
}

#[derive(Serialize)]
struct EntryLine<'a> {
    key: &'a Key,
    kind: String,
    ttl_ms: Option<u64>,
}

fn print_entries(entries: &[EntrySummary], format: Format) -> Result<(), CommandError> {
    match format {
        Format::Json => {
            let entries = entries
                .iter()
                .map(|e| EntryLine { key: &e.key, kind: kind(&e.kind), ttl_ms: e.ttl.map(millis) })
                .collect();
            output::json(&EntriesDocument { schema: 1, entries })
        }
        Format::Table => {
            let mut rows = table(&["key", "kind", "lives"]);
            for entry in entries {
                rows.add_row([entry.key.to_string(), kind(&entry.kind), life(entry.ttl)]);
            }
            output::data(&render(&rows))
        }
    }
}

#[derive(Serialize)]
struct TagsDocument<'a> {
    schema: u32,
    tags: Vec<TagLine<'a>>,
}

#[derive(Serialize)]
struct TagLine<'a> {
    tag: &'a Tag,
    members: u64,
}

fn print_tags(tags: &[TagSummary], format: Format) -> Result<(), CommandError> {
    match format {
        Format::Json => {
            let tags = tags.iter().map(|t| TagLine { tag: &t.tag, members: t.members }).collect();
            output::json(&TagsDocument { schema: 1, tags })
        }
        Format::Table => {
            let mut rows = table(&["tag", "#members"]);
            for tag in tags {
                rows.add_row([tag.tag.to_string(), tag.members.to_string()]);
            }
            output::data(&render(&rows))
        }
    }
}

fn kind(kind: &EntryKind) -> String {
    match kind {
        EntryKind::Plain => "plain".to_owned(),
        EntryKind::Fenced => "fenced".to_owned(),
        EntryKind::Foreign(word) => format!("foreign ({word})"),
    }
}

/// `for 29 s`, `until dropped`.
fn life(ttl: Option<Duration>) -> String {
    match ttl {
        None => "until dropped".to_owned(),
        Some(ttl) if ttl < Duration::from_secs(1) => format!("for {} ms", ttl.as_millis()),
        Some(ttl) if ttl < Duration::from_secs(120) => format!("for {} s", ttl.as_secs()),
        Some(ttl) if ttl < Duration::from_secs(7200) => format!("for {} min", ttl.as_secs() / 60),
        Some(ttl) if ttl < Duration::from_secs(172_800) => format!("for {} h", ttl.as_secs() / 3600),
        Some(ttl) => format!("for {} days", ttl.as_secs() / 86_400),
    }
}
