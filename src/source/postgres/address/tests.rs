//! URLs as libpq reads them.

use super::*;

fn parse(url: &str) -> Result<Address, SourceError> {
    Address::parse(url, &Environment::default())
}

#[test]
fn every_part_is_read() {
    let a = parse("postgresql://app:s%40c%3Aret@db.example:6543/shop?sslmode=verify-full&sslrootcert=/ca.pem&connect_timeout=3").unwrap();
    assert_eq!(
        (a.host.as_str(), a.port, a.user.as_str(), a.database.as_str()),
        ("db.example", 6543, "app", "shop")
    );
    assert_eq!(a.password.as_deref(), Some("s@c:ret"));
    assert_eq!((a.ssl_mode, a.connect_timeout), (SslMode::VerifyFull, Duration::from_secs(3)));
    assert_eq!(a.ssl_root_cert, Some("/ca.pem".into()));
    assert!(!format!("{a:?}").contains("ret"), "no password is printed");
}

#[test]
fn what_is_not_given_is_what_libpq_takes() {
    let a = parse("postgres://app@").unwrap();
    assert_eq!(
        (a.host.as_str(), a.port, a.database.as_str(), a.ssl_mode),
        ("localhost", 5432, "app", SslMode::Prefer)
    );
    let a = parse("postgres://app@/shop?host=/run/postgresql").unwrap();
    assert!(a.is_socket());
    assert_eq!(a.place(), "/run/postgresql/.s.PGSQL.5432");
    assert!(parse("postgres://app@%2Frun%2Fpostgresql/shop").unwrap().is_socket());
    assert_eq!(parse("postgres://app@[::1]:5/shop").unwrap().place(), "[::1]:5");
}

#[test]
fn the_environment_completes_and_the_url_wins() {
    let environment = Environment {
        user: Some("ada".into()),
        password: Some("env".into()),
        pass_file: Some("# c\nother:*:*:*:no\n*:5432:sh\\:op:ada:fi:le\\\\\n".into()),
        ssl_mode: Some("require".into()),
        ..Environment::default()
    };
    let a = Address::parse("postgres://db/shop", &environment).unwrap();
    assert_eq!((a.user.as_str(), a.password.as_deref(), a.ssl_mode), ("ada", Some("env"), SslMode::Require));
    let a = Address::parse("postgres://bob:url@db/shop?sslmode=disable", &environment).unwrap();
    assert_eq!((a.user.as_str(), a.password.as_deref(), a.ssl_mode), ("bob", Some("url"), SslMode::Disable));
    let file = Environment { password: None, ..environment };
    assert_eq!(Address::parse("postgres://db/sh%3Aop", &file).unwrap().password.as_deref(), Some("fi:le\\"));
    assert_eq!(Address::parse("postgres://db/shop", &file).unwrap().password, None);
}

#[test]
fn a_url_is_shown_without_its_password() {
    for (url, shown) in [
        ("postgres://app:secret@db:5/shop?sslmode=require", "postgres://app@db:5/shop?sslmode=require"),
        ("postgres://app@/shop?host=/run&password=secret", "postgres://app@/shop?host=/run"),
        ("postgres://app:se@cret@db", "postgres://app@db"),
        ("postgres://db/shop?pass%77ord=secret", "postgres://db/shop"),
    ] {
        assert_eq!(Address::without_password(url), shown);
    }
}

#[test]
fn mistakes_say_the_way_out_and_never_the_password() {
    for (url, message, hint) in [
        ("mysql://a:sekret@h/d", "does not begin with `postgres://`", "write `postgres://USER@HOST"),
        ("postgres://h/d", "names no user", "write `postgres://USER@HOST"),
        ("postgres://a:sekret@h:99999/d", "the port", "1 to 65535"),
        ("postgres://a:sekret@h1:1,h2:x/d", "the port", "1 to 65535"),
        ("postgres://a:sekret@h1,h2/d?port=1,2,3", "2 hosts and 3 ports", "one for each"),
        ("postgres://a:sekret@h1,h2/d?target_session_attrs=master", "`target_session_attrs`", "`read-write`"),
        ("postgres://a:sek%ret@h/d", "not an escape", "`%25`"),
        ("postgres://a:sekret@h/d?sslmod=require", "`sslmod`", "did you mean `sslmode`?"),
        ("postgres://a:sekret@h/d?sslmode=on", "`sslmode` is none", "`verify-full`"),
        ("postgres://a:sekret@h/d?connect_timeout=soon", "`connect_timeout`", "whole seconds"),
    ] {
        let error = parse(url).unwrap_err();
        assert!(error.message().contains(message), "{url}: {error:?}");
        assert!(error.hint().is_some_and(|h| h.contains(hint)), "{url}: {error:?}");
        assert!(!format!("{error:?}").contains("sekret"), "{url}");
    }
}

#[test]
fn several_hosts_are_tried_in_their_order() {
    let places = |url: &str| parse(url).unwrap().each().map(|one| one.place()).collect::<Vec<_>>();
    assert_eq!(places("postgres://app@a:1,b:2/shop"), ["a:1", "b:2"]);
    assert_eq!(places("postgres://app@a,[::1]:2,c/shop"), ["a:5432", "[::1]:2", "c:5432"]);
    assert_eq!(places("postgres://app@a,b/shop?port=7"), ["a:7", "b:7"]);
    assert_eq!(places("postgres://app@/shop?host=a,/run&port=1,2"), ["a:1", "/run/.s.PGSQL.2"]);
    assert_eq!(places("postgres://app@a:1/shop?target_session_attrs=primary"), ["a:1"]);

    let environment = Environment {
        pass_file: Some("b:2:*:*:of-b\n*:1:*:*:of-a\n".into()),
        target: Some("read-write".into()),
        ..Environment::default()
    };
    let a = Address::parse("postgres://app@a:1,b:2,c:3/shop", &environment).unwrap();
    let passwords: Vec<_> = a.each().map(|one| one.password).collect();
    assert_eq!(passwords, [Some("of-a".to_owned()), Some("of-b".to_owned()), None]);
    assert_eq!(a.target, Target::ReadWrite);
}
