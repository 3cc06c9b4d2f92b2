//! How the program is linked where it is released for Linux.
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
