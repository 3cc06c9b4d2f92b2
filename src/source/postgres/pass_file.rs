//! `~/.pgpass`, as libpq reads it.

/// The password of the first line `host:port:database:user:password` that fits; a field may be `*`, and `\` escapes.
pub(super) fn password(text: &str, host: &str, port: u16, database: &str, user: &str) -> Option<String> {
    let port = port.to_string();
    // libpq looks for `localhost` where it uses a socket in the usual folder; any socket is as local.
    let wanted = [if host.starts_with('/') { "localhost" } else { host }, &port, database, user];
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let fields = pass_fields(line);
        let fits = |(field, wanted): (&String, &&str)| {
            field == "*" || field == wanted || (wanted == &"localhost" && field == host)
        };
        (fields.len() == 5 && fields.iter().zip(&wanted).all(fits)).then(|| fields[4].clone())
    })
}

/// The five fields of a line; the last one takes the rest.
fn pass_fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        let last = fields.len() - 1;
        match c {
            '\\' => fields[last].extend(chars.next()),
            ':' if fields.len() < 5 => fields.push(String::new()),
            _ => fields[last].push(c),
        }
    }
    fields
}
