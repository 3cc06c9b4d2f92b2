//! What can go wrong inside a transaction, and how users are told.

use std::io;
use std::path::Path;

use heed::MdbError;

use crate::cache::error::{CacheError, CacheErrorKind};

pub(super) enum Failure {
    Lmdb(heed::Error),
    /// A row does not have the form that the layout gives it.
    Corrupt(&'static str),
}

impl From<heed::Error> for Failure {
    fn from(error: heed::Error) -> Self {
        Self::Lmdb(error)
    }
}

impl Failure {
    /// Whether the memory map is too small for what the transaction wants to write.
    pub fn is_map_full(&self) -> bool {
        matches!(self, Self::Lmdb(heed::Error::Mdb(MdbError::MapFull)))
    }

    /// Whether another process has made the map larger than this one knows.
    pub fn is_map_resized(&self) -> bool {
        matches!(self, Self::Lmdb(heed::Error::Mdb(MdbError::MapResized)))
    }

    pub fn into_error(self, folder: &Path) -> CacheError {
        match self {
            Self::Corrupt(what) => corrupt(folder, what),
            Self::Lmdb(heed::Error::Io(error)) => io_error(folder, &error),
            Self::Lmdb(heed::Error::Mdb(error)) => lmdb_error(folder, error),
            Self::Lmdb(error) => CacheError::new(
                CacheErrorKind::Other,
                format!("the embedded cache in `{}` failed: {error}", folder.display()),
            ),
        }
    }
}

pub(super) fn corrupt(folder: &Path, what: &str) -> CacheError {
    CacheError::new(
        CacheErrorKind::Corrupt,
        format!("the embedded cache in `{}` cannot be read: {what}", folder.display()),
    )
    .with_hint("stop everything that uses it and delete the folder; the cache then fills anew")
}

fn lmdb_error(folder: &Path, error: MdbError) -> CacheError {
    let place = folder.display();
    match error {
        MdbError::Invalid
        | MdbError::VersionMismatch
        | MdbError::Corrupted
        | MdbError::PageNotFound
        | MdbError::Panic
        | MdbError::Incompatible => corrupt(folder, &error.to_string()),
        MdbError::MapFull => CacheError::new(
            CacheErrorKind::OutOfMemory,
            format!("the embedded cache in `{place}` has no address space left to grow"),
        )
        .with_hint("drop entries, give them shorter TTLs, or use a Redis"),
        MdbError::ReadersFull => CacheError::new(
            CacheErrorKind::Busy,
            format!("too many processes read the embedded cache in `{place}` at once"),
        )
        .with_hint("try again"),
        error => {
            CacheError::new(CacheErrorKind::Other, format!("the embedded cache in `{place}` failed: {error}"))
        }
    }
}

pub(super) fn io_error(folder: &Path, error: &io::Error) -> CacheError {
    use io::ErrorKind as Io;
    let place = folder.display();
    let (kind, message, hint) = match error.kind() {
        Io::PermissionDenied => (
            CacheErrorKind::Permission,
            format!("no permission to use the embedded cache in `{place}`"),
            "the folder and its files must be readable and writable by this user",
        ),
        Io::ReadOnlyFilesystem => (
            CacheErrorKind::ReadOnly,
            format!("the embedded cache in `{place}` is on a read-only file system"),
            "choose another folder with `embedded:FOLDER`",
        ),
        Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge => (
            CacheErrorKind::OutOfMemory,
            format!("the disk is full under the embedded cache in `{place}`"),
            "make room, or choose a folder on another disk with `embedded:FOLDER`",
        ),
        Io::OutOfMemory => (
            CacheErrorKind::OutOfMemory,
            format!("no memory for the map of the embedded cache in `{place}`"),
            "raise the address space limit of the process (`ulimit -v`)",
        ),
        Io::NotADirectory | Io::AlreadyExists => (
            CacheErrorKind::Invalid,
            format!("the embedded cache needs a folder, but `{place}` is not one"),
            "choose another folder with `embedded:FOLDER`",
        ),
        Io::NotFound => (
            CacheErrorKind::Unreachable,
            format!("the folder `{place}` of the embedded cache is gone"),
            "open the cache again; it is made anew",
        ),
        _ => (
            CacheErrorKind::Other,
            format!("the embedded cache in `{place}` failed: {error}"),
            "check the disk and the folder's permissions",
        ),
    };
    CacheError::new(kind, message).with_hint(hint)
}
