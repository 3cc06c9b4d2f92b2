//! The example that shows transactions over a real database does what it says.

#[path = "../examples/repository.rs"]
mod repository;

#[test]
fn a_failed_transaction_leaves_the_cache_alone() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let story = runtime.block_on(repository::story(folder.path())).unwrap();
    assert_eq!(story.filled.iter().filter(|line| line.contains("order")).count(), story.filled.len());
    assert!(story.filled.contains(&"orders-of:7: user 7 has 8 9".to_owned()), "{:?}", story.filled);
    let reasons =
        ["UNIQUE constraint failed", "the credit card was refused", "FOREIGN KEY constraint failed"];
    assert_eq!(story.failures.len(), reasons.len());
    for ((error, cached), reason) in story.failures.iter().zip(reasons) {
        assert!(error.contains(reason), "{error}");
        assert_eq!(*cached, story.filled, "after: {error}");
    }
    // Each target once, though two orders and a user made them stale.
    let expected = [
        "order:8:page",
        "order:9:page",
        "order:8",
        "order:9",
        "user:123:orders",
        "user:7:orders",
        "user:7",
        "user:7:order",
    ];
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort();
        names
    };
    assert_eq!(sorted(&story.dropped), sorted(&expected.map(str::to_owned)));
    assert_eq!(
        story.read,
        [
            "order 4 of eve@x.org",
            "order 8 of bob@x.org",
            "order 9 of bob@x.org",
            "user 1 has 4",
            "user 7 has ",
            "user 123 has 8 9",
        ]
    );
}
