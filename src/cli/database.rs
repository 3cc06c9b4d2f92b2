//! What the environment says about databases.

use std::path::PathBuf;

use invalidate::source::postgres::Environment;

/// What libpq reads of the environment, too.
pub fn environment() -> Environment {
    let variable = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let pass_file = variable("PGPASSFILE").map(PathBuf::from).or_else(|| Some(home?.join(".pgpass")));
    Environment {
        user: variable("PGUSER").or_else(|| variable("USER")),
        password: variable("PGPASSWORD"),
        // One that is not there is none.
        pass_file: pass_file.and_then(|path| std::fs::read_to_string(path).ok()),
        ssl_mode: variable("PGSSLMODE"),
        ssl_root_cert: variable("PGSSLROOTCERT"),
        target: variable("PGTARGETSESSIONATTRS"),
    }
}
