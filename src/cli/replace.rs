//! A file's new content in place of its old one, at once: whoever reads it, and whenever the program is
//! stopped, finds either the one or the other.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use crate::cli::error::CommandError;

/// Names that are tried for the new file beside the old one.
const ATTEMPTS: u32 = 100;

/// Replaces the text of a file, which is left alone when it does not hold `old` any more. A link
/// stays one, to the file that it names; permissions are kept.
pub fn replace_text(path: &Path, old: &str, new: &str) -> Result<(), CommandError> {
    let shown = path.display();
    let failed = |error| cannot_write(path, &error).help("the file is as it was");
    let target = path.canonicalize().map_err(failed)?;
    let permissions = fs::metadata(&target).map_err(failed)?.permissions();
    if permissions.readonly() {
        return Err(CommandError::usage(format!("cannot write `{shown}`: it is read-only")));
    }
    let (file, beside) = Beside::create(&target).map_err(failed)?;
    // First, so that nobody reads it meanwhile who may not.
    fs::set_permissions(&beside.path, permissions)
        .and_then(|()| write(file, new.as_bytes()))
        .map_err(failed)?;
    if fs::read(&target).map_err(failed)? != old.as_bytes() {
        return Err(CommandError::usage(format!("`{shown}` was changed meanwhile, and is left alone"))
            .help("run the command again"));
    }
    beside.rename(&target).map_err(failed)
}

/// Writes a file, over what is there. What is no regular file, such as a pipe, is written into.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    over(path, bytes).map_err(|error| cannot_write(path, &error))
}

fn over(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let target = match path.canonicalize() {
        Err(error) if error.kind() == ErrorKind::NotFound => path.to_path_buf(),
        other => other?,
    };
    let old = fs::metadata(&target).ok();
    if old.as_ref().is_some_and(|old| !old.is_file()) {
        return OpenOptions::new().write(true).open(&target)?.write_all(bytes);
    }
    let (file, beside) = Beside::create(&target)?;
    if let Some(old) = old {
        fs::set_permissions(&beside.path, old.permissions())?;
    }
    write(file, bytes)?;
    beside.rename(&target)
}

fn cannot_write(path: &Path, error: &io::Error) -> CommandError {
    CommandError::usage(format!("cannot write `{}`: {error}", path.display()))
}

/// On the disk before it gets its name: a full disk or a crash must not leave an empty file there.
fn write(mut file: File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.sync_all()
}

/// A file on its way into the place of another; removed when it does not get there.
struct Beside {
    path: PathBuf,
    is_renamed: bool,
}

impl Beside {
    fn create(target: &Path) -> io::Result<(File, Self)> {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let mut attempt = 0;
        loop {
            // Hidden, and no `.inv` at its end: what a killed process leaves is no rule file.
            let path = target.with_file_name(format!(".{name}.{}-{attempt}.tmp", std::process::id()));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((file, Self { path, is_renamed: false })),
                Err(error) if error.kind() == ErrorKind::AlreadyExists && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    fn rename(mut self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)?;
        self.is_renamed = true;
        Ok(())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if !self.is_renamed {
            // Nothing more can be done about a file that cannot be removed.
            let _ = fs::remove_file(&self.path);
        }
    }
}
