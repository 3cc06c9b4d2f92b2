//! The embedded cache: several processes at once, crashes, growth, and folders that are no good.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use invalidate::cache::{AnyCache, Cache, CacheErrorKind, CacheOptions, Reach, quiet};

use crate::caches::{drop_tag, key, left, open, pattern, put, run, tag};

const CHILD: &str = "INVALIDATE_TEST_CHILD";

/// Starts this test program again as another process that does one of the jobs below.
fn child(job: &str, folder: &Path) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "embedded::the_other_process", "--nocapture", "--test-threads=1"])
        .env(CHILD, format!("{job} embedded:{}", folder.display()))
        .stdout(Stdio::piped())
        .spawn()
        .expect("another process")
}

/// The lines `ack N` that a child has printed so far, until it ends or `enough` says so.
fn acknowledged(child: &mut Child, enough: impl Fn(usize) -> bool) -> Vec<u64> {
    let mut acknowledged = Vec::new();
    let stdout = child.stdout.take().expect("a pipe");
    for line in BufReader::new(stdout).lines() {
        let Ok(line) = line else { break };
        // The test harness writes its own words before the first line.
        let Some((_, number)) = line.split_once("ack ") else { continue };
        acknowledged.extend(number.trim().parse::<u64>());
        if enough(acknowledged.len()) {
            break;
        }
    }
    acknowledged
}

/// Does nothing in an ordinary test run.
#[test]
fn the_other_process() {
    let Ok(job) = std::env::var(CHILD) else { return };
    let (job, url) = job.split_once(' ').expect("a job and a URL");
    let (job, number) = job.split_once('=').unwrap_or((job, "0"));
    let number: u64 = number.parse().expect("a number");
    run(async {
        match job {
            "write" => {
                let cache = open(url);
                for n in 0..100 {
                    put(&cache, &format!("{number}:{n}"), &["shared", &format!("own:{number}")], &[]).await;
                    cache.record(&[("puts", 1)]).await.expect("counted");
                    println!("ack {n}");
                }
            }
            "write_forever" => {
                let cache = open(url);
                for n in 0.. {
                    put(&cache, &format!("k:{n}"), &["t"], &[]).await;
                    println!("ack {n}");
                }
            }
            "drop" => {
                let options = CacheOptions { page_size: 2, ..CacheOptions::default() };
                let cache = AnyCache::open(url, options).expect(url);
                let note = |progress: invalidate::cache::Progress| println!("ack {}", progress.removed);
                cache.drop_tag(&tag("big"), Reach::Transitive, &note).await.expect("dropped");
            }
            other => panic!("no job {other}"),
        }
    });
}

#[test]
fn several_processes_write_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut children: Vec<Child> = (0..3).map(|n| child(&format!("write={n}"), folder.path())).collect();
    let cache = open(&format!("embedded:{}", folder.path().display()));
    run(async {
        for child in &mut children {
            assert_eq!(acknowledged(child, |_| false).len(), 100);
            assert!(child.wait().expect("the child ends").success());
        }
        assert_eq!(cache.count_tag(&tag("shared")).await, Ok(300));
        assert_eq!(cache.statistics().await.expect("counters").get("puts"), Some(&300));
        assert_eq!(drop_tag(&cache, "own:1").await.keys, 100);
        assert_eq!(drop_tag(&cache, "shared").await.keys, 200);
    });
}

#[test]
fn a_killed_writer_loses_nothing_that_it_was_told_is_stored() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("embedded:{}", folder.path().display());
    for round in 1..=3 {
        let mut writer = child("write_forever", folder.path());
        let stored = acknowledged(&mut writer, |count| count == 40 * round);
        writer.kill().expect("killed");
        writer.wait().expect("it is dead");
        run(async {
            let cache = open(&url);
            for n in &stored {
                assert!(cache.get(&key(&format!("k:{n}"))).await.expect("readable").is_some(), "k:{n}");
            }
            // Every entry is in its index, the last, unacknowledged one included.
            drop_tag(&cache, "t").await;
            assert_eq!(cache.count_matching(&pattern("*")).await, Ok(0));
        });
    }
}

#[test]
fn a_killed_drop_is_finished_by_the_next_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("embedded:{}", folder.path().display());
    run(async {
        {
            let cache = open(&url);
            for n in 0..200 {
                put(&cache, &format!("k:{n}"), &["big"], &[]).await;
                put(&cache, &format!("on:{n}"), &[], &[&format!("k:{n}")]).await;
            }
        }
        let mut dropper = child("drop", folder.path());
        acknowledged(&mut dropper, |count| count == 2);
        dropper.kill().expect("killed");
        dropper.wait().expect("it is dead");
        let cache = open(&url);
        let told = cache.describe_tag(&tag("big"), 0).await.expect("told");
        assert_eq!((told.live, told.journals), (0, 1), "its members were taken away, and not all removed");
        let counted = cache.count_tag(&tag("big")).await.expect("counted");
        assert!(counted > 0);
        let dropped = drop_tag(&cache, "big").await;
        assert!(dropped.journals >= 1 && dropped.entries() > 0, "{dropped:?}");
        assert_eq!(cache.count_matching(&pattern("*")).await, Ok(0), "dependents included");
    });
}

#[test]
fn the_map_grows_under_all_processes() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("embedded:{}", folder.path().display());
    let small = CacheOptions { map_size: 1 << 20, ..CacheOptions::default() };
    let cache = AnyCache::open(&url, small).expect("opened");
    run(async {
        let value = vec![7; 100_000];
        for n in 0..60 {
            let key = key(&format!("k:{n}"));
            let tags = [tag("t")];
            let entry = invalidate::cache::Entry {
                key: &key,
                value: &value,
                tags: &tags,
                ttl: None,
                depends_on: &[],
            };
            cache.put(&entry).await.expect("the map grows");
        }
        // Another process makes it larger still while this one has it open.
        let mut writer = child("write=9", folder.path());
        assert_eq!(acknowledged(&mut writer, |_| false).len(), 100);
        assert!(writer.wait().expect("the child ends").success());
        assert_eq!(left(&cache, &["9:99", "k:0"]).await, ["9:99", "k:0"]);
        assert_eq!(drop_tag(&cache, "t").await.keys, 60);
    });
}

#[test]
fn what_has_expired_is_cleared_away_by_later_writes() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("embedded:{}", folder.path().display());
    let cache = open(&url);
    run(async {
        for n in 0..40 {
            let (key, tags) = (key(&format!("k:{n}")), [tag("t")]);
            let ttl = Some(Duration::from_millis(1));
            let entry =
                invalidate::cache::Entry { key: &key, value: b"v", tags: &tags, ttl, depends_on: &[] };
            cache.put(&entry).await.expect("stored");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        for n in 0..10 {
            put(&cache, &format!("live:{n}"), &[], &[]).await;
        }
        let tags = cache.list_tags(None, None, 10).await.expect("listed");
        assert_eq!(tags.items, [], "the index has lost its expired members too");
    });
}

#[test]
fn two_handles_in_one_process_share_a_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("embedded:{}", folder.path().display());
    run(async {
        let (one, two) = (open(&url), open(&format!("{url}/.")));
        put(&one, "k", &["t"], &[]).await;
        assert_eq!(left(&two, &["k"]).await, ["k"]);
        drop(one);
        assert_eq!(drop_tag(&two, "t").await.keys, 1);
        drop(two);
        assert_eq!(left(&open(&url), &["k"]).await, [""; 0]);
    });
}

#[test]
fn the_folder_keeps_itself_out_of_version_control() {
    let folder = tempfile::tempdir().expect("a folder");
    let nested = folder.path().join("a/b");
    let cache = open(&format!("embedded:{}", nested.display()));
    let note = std::fs::read_to_string(nested.join(".gitignore")).expect("a note");
    assert!(note.contains("\n*\n"));
    drop(cache);
}

#[test]
fn a_folder_that_cannot_be_used_is_told_plainly() {
    let folder = tempfile::tempdir().expect("a folder");
    let refusal = |path: &Path| {
        AnyCache::open(&format!("embedded:{}", path.display()), CacheOptions::default()).unwrap_err()
    };
    let file = folder.path().join("file");
    std::fs::write(&file, "text").expect("written");
    for path in [file.clone(), file.join("below")] {
        let error = refusal(&path);
        assert_eq!(error.kind(), CacheErrorKind::Invalid, "{error:?}");
        assert!(error.message().contains("file") && error.hint().is_some(), "{error:?}");
    }
    let garbage = folder.path().join("garbage");
    std::fs::create_dir(&garbage).expect("made");
    std::fs::write(garbage.join("data.mdb"), vec![0xab; 20_000]).expect("written");
    let error = refusal(&garbage);
    assert_eq!(error.kind(), CacheErrorKind::Corrupt, "{error:?}");
    assert!(error.hint().is_some_and(|hint| hint.contains("delete")), "{error:?}");
    let error = refusal(Path::new("/proc/nowhere"));
    assert!(matches!(error.kind(), CacheErrorKind::Unreachable | CacheErrorKind::Permission), "{error:?}");
    assert_eq!(
        AnyCache::open("embedded:a\0b", CacheOptions::default()).unwrap_err().kind(),
        CacheErrorKind::BadUrl
    );
}

/// A damaged file may cost its contents; it may not crash the process.
#[test]
fn a_file_that_lost_its_end_is_an_error_and_not_a_crash() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("embedded:{}", folder.path().display());
    run(async {
        {
            let cache = open(&url);
            for n in 0..300 {
                put(&cache, &format!("k:{n}"), &["t"], &[]).await;
            }
        }
        let file =
            std::fs::OpenOptions::new().write(true).open(folder.path().join("data.mdb")).expect("opened");
        file.set_len(3 * 4096).expect("cut");
        drop(file);
        match AnyCache::open(&url, CacheOptions::default()) {
            Err(error) => assert_eq!(error.kind(), CacheErrorKind::Corrupt, "{error:?}"),
            Ok(cache) => {
                let error = cache.count_tag(&tag("t")).await.unwrap_err();
                assert_eq!(error.kind(), CacheErrorKind::Corrupt, "{error:?}");
            }
        }
    });
}

/// What a fresh process pays: open, read ten, write ten, all durable.
#[test]
fn ten_drops_in_a_fresh_environment_take_one_commit() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("embedded:{}", folder.path().display());
    run(async {
        drop(open(&url));
        let mut times = BTreeSet::new();
        for _ in 0..20 {
            let start = Instant::now();
            let cache = open(&url);
            let requests: Vec<_> = (0..10)
                .map(|n| invalidate::cache::DropRequest::new(tag(&format!("t:{n}")), Reach::Transitive))
                .collect();
            let outcomes = cache.drop_many(&requests, invalidate::cache::quiet()).await;
            times.insert(start.elapsed());
            assert!(outcomes.iter().all(Result::is_ok));
        }
        let times: Vec<Duration> = times.into_iter().collect();
        println!("open and ten drops: best {:?}, median {:?}", times[0], times[times.len() / 2]);
    });
}

/// A drop that ends between two transactions, as one does whose process is killed, has left word for a
/// worker; one that comes to its end leaves none.
#[test]
fn a_large_drop_that_breaks_off_is_finished_by_the_queue() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = CacheOptions { page_size: 8, ..CacheOptions::default() };
    let url = format!("embedded:{}", folder.path().display());
    let cache = AnyCache::open(&url, options).expect("a cache");
    run(async {
        for n in 0..200 {
            put(&cache, &format!("k:{n}"), &["t"], &[]).await;
        }
        put(&cache, "other", &["u"], &[]).await;
        let big = tag("t");
        // It is polled once, and then no more.
        let dropping = cache.drop_tag(&big, Reach::Transitive, quiet());
        assert!(dropping.now_or_never().is_none(), "it takes several steps");
        let told = cache.describe_tag(&big, 0).await.expect("told");
        assert!(told.live < 200 && cache.pending().await.expect("told").leased == 1, "{told:?}");
        let _ = invalidate::engine::flush(&cache, quiet()).await.expect("carried out");
        let everything = cache.list_entries(None, None, 1000).await.expect("listed");
        let names: Vec<&str> = everything.items.iter().map(|item| item.key.as_str()).collect();
        assert_eq!(names, ["other"]);
        for n in 0..200 {
            put(&cache, &format!("k:{n}"), &["t"], &[]).await;
        }
        assert_eq!(drop_tag(&cache, "t").await.keys, 200);
        let pending = cache.pending().await.expect("told");
        assert_eq!((pending.leased, pending.waiting.total()), (0, 0));
    });
}
