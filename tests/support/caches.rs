//! A fresh, empty cache of each kind, and short ways to fill it.

use std::future::Future;
use std::time::Duration;

use invalidate::cache::{AnyCache, Cache, CacheOptions, Dropped, Entry, Reach, quiet};
use invalidate::model::{Key, Pattern, Tag};

use super::cluster::{Lent, lend};
use super::redis::RedisServer;

/// A cache with what keeps it alive.
pub struct Fresh {
    pub name: &'static str,
    pub cache: AnyCache,
    pub url: String,
    _server: Option<RedisServer>,
    _cluster: Option<Lent>,
    _folder: Option<tempfile::TempDir>,
}

/// One of each kind.
pub fn every_cache() -> Vec<Fresh> {
    every_cache_with(&CacheOptions::default())
}

pub fn every_cache_with(options: &CacheOptions) -> Vec<Fresh> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = RedisServer::start();
    let embedded = format!("embedded:{}", folder.path().display());
    let redis = server.url();
    let cluster = lend();
    [
        ("memory", "memory:".to_owned(), None, None, None),
        ("embedded", embedded, None, None, Some(folder)),
        ("redis", redis, Some(server), None, None),
        ("cluster", cluster.url(), None, Some(cluster), None),
    ]
    .into_iter()
    .map(|(name, url, server, cluster, folder)| Fresh {
        name,
        cache: AnyCache::open(&url, options.clone()).expect(name),
        url,
        _server: server,
        _cluster: cluster,
        _folder: folder,
    })
    .collect()
}

/// Runs a test on one thread, as the command line does.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(test)
}

pub fn key(text: &str) -> Key {
    Key::new(text).expect("a key")
}

pub fn tag(text: &str) -> Tag {
    Tag::new(text).expect("a tag")
}

pub fn pattern(text: &str) -> Pattern {
    Pattern::parse(text).expect("a pattern")
}

pub fn open(url: &str) -> AnyCache {
    AnyCache::open(url, CacheOptions::default()).expect(url)
}

/// Stores an entry for ten minutes.
pub async fn put(cache: &AnyCache, name: &str, tags: &[&str], depends_on: &[&str]) {
    let tags: Vec<Tag> = tags.iter().map(|text| tag(text)).collect();
    let depends_on: Vec<Key> = depends_on.iter().map(|text| key(text)).collect();
    let entry = Entry {
        key: &key(name),
        value: name.as_bytes(),
        tags: &tags,
        ttl: Some(Duration::from_secs(600)),
        depends_on: &depends_on,
    };
    cache.put(&entry).await.expect("stored");
}

pub async fn drop_tag(cache: &AnyCache, name: &str) -> Dropped {
    cache.drop_tag(&tag(name), Reach::Transitive, quiet()).await.expect("dropped")
}

pub async fn drop_key(cache: &AnyCache, name: &str) -> Dropped {
    cache.drop_keys(&[key(name)], Reach::Transitive).await.expect("dropped")
}

/// Which of these keys are still there.
pub async fn left<'k>(cache: &AnyCache, names: &[&'k str]) -> Vec<&'k str> {
    let mut left = Vec::new();
    for name in names {
        if cache.get(&key(name)).await.expect("readable").is_some() {
            left.push(*name);
        }
    }
    left
}

pub async fn dependents(cache: &AnyCache, name: &str, reach: Reach) -> Vec<(String, u32)> {
    let found = cache.dependents(&key(name), reach).await.expect("readable");
    found.into_iter().map(|dependent| (dependent.key.to_string(), dependent.distance)).collect()
}
