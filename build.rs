//! The name of the checker that is built, and how the program is linked where it is released for Linux.
//!
//! `write` runs behind every database write, so what it costs to start is what it costs. Two things
//! make up much of that, and neither is of use to it:
//! - A position-independent program has some sixty pages of pointers that the loader writes to before
//!   `main`; linked to a fixed place they are shared with every other run.
//! - Of `libgcc_s` it calls a few functions, and that library asks the processor what it is whenever
//!   it is loaded, which a virtual machine answers slowly. They are linked in where the C compiler
//!   has them as an archive.
//!
//! docs/performance.md has the figures.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    name_the_checker();
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|v| v == value);
    let linux = is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu");
    let native = std::env::var("HOST").ok() == std::env::var("TARGET").ok();
    if !(linux && native && is("PROFILE", "release")) {
        return;
    }
    println!("cargo:rustc-link-arg-bins=-no-pie");
    let Some(folder) = std::env::var_os("OUT_DIR").map(PathBuf::from) else { return };
    // A linker script that the linker finds before the shared library of this name.
    let Some((unwinder, rest)) = archive("libgcc_eh.a").zip(archive("libgcc.a")) else { return };
    let script = format!("GROUP ( {} {} )\n", unwinder.display(), rest.display());
    if std::fs::write(folder.join("libgcc_s.so"), script).is_ok() {
        println!("cargo:rustc-link-search=native={}", folder.display());
    }
}

/// Where the C compiler keeps an archive; it answers with the bare name for what it does not have.
fn archive(name: &str) -> Option<PathBuf> {
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let answer = Command::new(compiler).arg(format!("-print-file-name={name}")).output().ok()?;
    let path = PathBuf::from(String::from_utf8(answer.stdout).ok()?.trim());
    (path.is_absolute() && Path::is_file(&path)).then_some(path)
}

/// What rules mean depends on these; rules that another checker has stored are not taken.
const CHECKER: [&str; 6] =
    ["grammar", "src/check", "src/check.rs", "src/model", "src/syntax/build", "src/syntax/build.rs"];

/// Tells the program the hash of the sources of its checker.
fn name_the_checker() {
    let mut files = Vec::new();
    for place in CHECKER {
        println!("cargo:rerun-if-changed={place}");
        collect(Path::new(place), &mut files);
    }
    files.sort();
    // FNV-1a: the same wherever it is built.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for file in files {
        let bytes = std::fs::read(&file).unwrap_or_default();
        for byte in (bytes.len() as u64).to_le_bytes().into_iter().chain(bytes) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    println!("cargo:rustc-env=INVALIDATE_CHECKER={}-{hash:016x}", env!("CARGO_PKG_VERSION"));
}

fn collect(place: &Path, files: &mut Vec<PathBuf>) {
    match std::fs::read_dir(place) {
        Ok(entries) => entries.flatten().for_each(|entry| collect(&entry.path(), files)),
        Err(_) => files.push(place.to_owned()),
    }
}
