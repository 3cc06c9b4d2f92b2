//! The LMDB environment of a folder: opened once in a process, grown when it is full.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;

use heed::types::Bytes;
use heed::{CommitOrAbort, Database, Env, EnvOpenOptions, RoTxn, RwTxn, WithoutTls};

use super::failure::{Failure, io_error};
use crate::cache::StoreHealth;
use crate::cache::error::{CacheError, CacheErrorKind};

pub(super) type Table = Database<'static, Bytes, Bytes>;

/// Map sizes are multiples of this, which every page size divides.
const MAP_UNIT: usize = 1 << 20;

/// How long the lock of the writers may be held by others before it counts as lost: transactions take
/// milliseconds.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);

/// Lies in the folder, keeps it out of version control and tells what it is.
const NOTE: &str = "\
# The embedded cache of `invalidate`. Nothing in here needs to be kept: when no process uses it,
# the whole folder may be deleted, and the cache fills anew.
*
";

/// LMDB forbids opening a folder twice in one process, so that all who name it share it.
static OPEN: Mutex<BTreeMap<PathBuf, Weak<Environment>>> = Mutex::new(BTreeMap::new());

pub(super) struct Environment {
    env: Env<WithoutTls>,
    table: Table,
    /// Transactions hold it shared; resizing the map, which LMDB allows only between transactions,
    /// holds it alone.
    resizing: RwLock<()>,
    /// Set when a resize failed: LMDB has given up the old map by then, so that the next transaction
    /// would read unmapped memory.
    unmapped: AtomicBool,
    folder: PathBuf,
}

impl Environment {
    /// Opens the cache in a folder, made on demand.
    pub fn open(folder: &Path, map_size: usize) -> Result<Arc<Self>, CacheError> {
        if folder.as_os_str().as_encoded_bytes().contains(&0) {
            return Err(CacheError::new(
                CacheErrorKind::BadUrl,
                "the folder of the embedded cache holds a NUL",
            ));
        }
        let report = |error: io::Error| io_error(folder, &error);
        if !folder.is_dir() {
            fs::create_dir_all(folder).map_err(report)?;
        }
        let canonical = folder.canonicalize().map_err(report)?;
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, environment| environment.strong_count() > 0);
        if let Some(environment) = open.get(&canonical).and_then(Weak::upgrade) {
            return Ok(environment);
        }
        if !canonical.join("data.mdb").exists() {
            fs::write(canonical.join(".gitignore"), NOTE).map_err(report)?;
        }
        let environment = Arc::new(Self::open_canonical(&canonical, folder, map_size)?);
        open.insert(canonical, Arc::downgrade(&environment));
        Ok(environment)
    }

    fn open_canonical(canonical: &Path, folder: &Path, map_size: usize) -> Result<Self, CacheError> {
        let fail = |error: heed::Error| Failure::from(error).into_error(folder);
        // The last user of the folder may be closing it in another thread at this moment.
        if let Some(closing) = heed::env_closing_event(canonical) {
            closing.wait_timeout(Duration::from_secs(5));
        }
        let mut options = EnvOpenOptions::new().read_txn_without_tls();
        options.map_size(round_up(map_size)).max_dbs(0).max_readers(510);
        // SAFETY: the files are changed only through LMDB, whose lock file guards them, and `OPEN`
        // keeps this process from opening them twice.
        let env = unsafe { options.open(canonical) }.map_err(fail)?;
        // Killed readers would keep the pages they saw from ever being used again.
        env.clear_stale_readers().map_err(fail)?;
        extend_truncated(&env, canonical).map_err(fail)?;
        let table = open_table(&env).map_err(fail)?;
        Ok(Self {
            env,
            table,
            resizing: RwLock::new(()),
            unmapped: AtomicBool::new(false),
            folder: folder.to_owned(),
        })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Sizes in bytes: of the file, and of the map that it may fill before it grows.
    pub fn facts(&self) -> Vec<(String, String)> {
        let mut facts = vec![("map_size".to_owned(), self.env.info().map_size.to_string())];
        facts.extend(self.env.real_disk_size().map(|size| ("file_size".to_owned(), size.to_string())));
        facts.sort();
        facts
    }

    /// The state of the files and of their lock.
    pub fn health(self: &Arc<Self>) -> Result<StoreHealth, CacheError> {
        let info = self.env.info();
        let page = u64::from(self.env.unnamed_database_stat().page_size);
        Ok(StoreHealth {
            map_size: info.map_size as u64,
            used: (info.last_page_number as u64 + 1).saturating_mul(page),
            readers: info.number_of_readers,
            max_readers: info.maximum_number_of_readers,
            is_writable: self.is_writable(),
        })
    }

    /// Whether the lock of the writers can be had: a process that was stopped inside a transaction holds
    /// it for as long as it is stopped. The look is a thread of its own, since nothing could end it.
    fn is_writable(self: &Arc<Self>) -> bool {
        let (sender, receiver) = std::sync::mpsc::channel();
        let environment = self.clone();
        let look = move || {
            let _shared = environment.resizing.read().unwrap_or_else(PoisonError::into_inner);
            let had = environment.env.write_txn().is_ok();
            // Nobody waits for the answer any more.
            let _ = sender.send(had);
        };
        let started = std::thread::Builder::new().name("lock".to_owned()).spawn(look);
        started.is_ok() && receiver.recv_timeout(LOCK_PATIENCE).unwrap_or(false)
    }

    /// Runs a read transaction.
    pub fn read<R>(
        &self,
        mut work: impl FnMut(Table, &RoTxn<'_>) -> Result<R, Failure>,
    ) -> Result<R, CacheError> {
        self.attempt(|| {
            let txn = self.env.read_txn()?;
            work(self.table, &txn)
        })
    }

    /// Runs a write transaction and commits it durably. The work is run again from the start when
    /// the map had to grow, so it must not change anything but the transaction.
    pub fn write<R>(
        &self,
        mut work: impl FnMut(Table, &mut RwTxn<'_>) -> Result<R, Failure>,
    ) -> Result<R, CacheError> {
        self.attempt(|| {
            let mut txn = self.env.write_txn()?;
            let result = work(self.table, &mut txn)?;
            txn.commit()?;
            Ok(result)
        })
    }

    fn attempt<R>(&self, mut run: impl FnMut() -> Result<R, Failure>) -> Result<R, CacheError> {
        loop {
            let seen_size;
            let result = {
                let _shared = self.resizing.read().unwrap_or_else(PoisonError::into_inner);
                if self.unmapped.load(Ordering::Acquire) {
                    return Err(self.lost_map());
                }
                seen_size = self.env.info().map_size;
                run()
            };
            match result {
                Ok(result) => return Ok(result),
                Err(failure) if failure.is_map_full() => {
                    let doubled = seen_size.checked_mul(2).filter(|size| *size <= isize::MAX as usize);
                    match doubled {
                        Some(doubled) => self.resize(seen_size, round_up(doubled))?,
                        None => return Err(failure.into_error(&self.folder)),
                    }
                }
                // Zero asks LMDB to take over the size that the file has by now.
                Err(failure) if failure.is_map_resized() => self.resize(seen_size, 0)?,
                Err(failure) => return Err(failure.into_error(&self.folder)),
            }
        }
    }

    fn resize(&self, seen: usize, size: usize) -> Result<(), CacheError> {
        let _alone = self.resizing.write().unwrap_or_else(PoisonError::into_inner);
        if self.unmapped.load(Ordering::Acquire) {
            return Err(self.lost_map());
        }
        if self.env.info().map_size != seen {
            return Ok(()); // Another thread was faster.
        }
        // SAFETY: transactions hold the lock shared, so none is active.
        unsafe { self.env.resize(size) }.map_err(|error| {
            self.unmapped.store(true, Ordering::Release);
            Failure::from(error).into_error(&self.folder)
        })
    }

    fn lost_map(&self) -> CacheError {
        CacheError::new(
            CacheErrorKind::OutOfMemory,
            format!("the embedded cache in `{}` found no address space to grow", self.folder.display()),
        )
        .with_hint("raise the address space limit of the process (`ulimit -v`) and start it again")
    }
}

fn round_up(size: usize) -> usize {
    size.max(MAP_UNIT).checked_next_multiple_of(MAP_UNIT).unwrap_or(isize::MAX as usize / MAP_UNIT * MAP_UNIT)
}

fn open_table(env: &Env<WithoutTls>) -> heed::Result<Table> {
    let txn = env.read_txn()?;
    let opened = env.open_databases_and_commit(txn, |opener, txn| -> heed::Result<_> {
        Ok(CommitOrAbort::<_, ()>::Commit(opener.open_database::<Bytes, Bytes>(txn, None)?))
    })?;
    // The unnamed table is part of every environment.
    opened.commit().flatten().ok_or(heed::Error::Mdb(heed::MdbError::Invalid))
}

/// Gives a file that lost its end its length back. Its rows are lost either way; but reading a
/// mapped page behind the end of a file kills the process, where an empty page is an error.
fn extend_truncated(env: &Env<WithoutTls>, folder: &Path) -> heed::Result<()> {
    let file = folder.join("data.mdb");
    let missing = || -> heed::Result<Option<u64>> {
        let pages = env.info().last_page_number as u64 + 1;
        let length = pages.saturating_mul(u64::from(env.unnamed_database_stat().page_size));
        Ok((fs::metadata(&file)?.len() < length).then_some(length))
    };
    if missing()?.is_some() {
        // With the writers' lock held the file cannot grow between the look and the change.
        let _lock = env.write_txn()?;
        if let Some(length) = missing()? {
            fs::OpenOptions::new().write(true).open(&file)?.set_len(length)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_held_is_noticed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let environment = Environment::open(folder.path(), MAP_UNIT).expect("opened");
        assert!(environment.health().expect("told").is_writable);
        let (held, is_held) = std::sync::mpsc::channel();
        let (release, is_released) = std::sync::mpsc::channel::<()>();
        let holder = environment.clone();
        let thread = std::thread::spawn(move || {
            let _txn = holder.env.write_txn().expect("the lock");
            held.send(()).expect("awaited");
            let _ = is_released.recv();
        });
        is_held.recv().expect("held");
        assert!(!environment.health().expect("told").is_writable);
        drop(release);
        thread.join().expect("ended");
        assert!(environment.health().expect("told").is_writable);
    }
}
