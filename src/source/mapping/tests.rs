//! Tables of every shape, and the writes that their rows become.

use serde_json::{Value as Json, json};

use super::*;
use crate::model::RawId;
use crate::source::catalog::{Column, ForeignKey, ReplicaIdentity};
use crate::source::{Change, Row, SourceWrite};

const RULES: &str = "
    entity user { fields { email: string  plan: string } key k }
    entity order { ref buyer: user  ref seller: user  ref org key k }
    entity org { key k }
    entity item { ref order key k }
    rule r { on user, order, org, item }";

fn table(name: &str, columns: &[&str], key: &[&str], foreign: &[(&str, &str, &str)]) -> Table {
    let column = |name: &&str| Column {
        name: (*name).to_owned(),
        type_name: "integer".to_owned(),
        nullable: true,
        generated: false,
    };
    let to = |(column, to, at): &(&str, &str, &str)| ForeignKey {
        columns: vec![(*column).to_owned()],
        to_schema: "public".to_owned(),
        to_table: (*to).to_owned(),
        to_columns: vec![(*at).to_owned()],
        cascades: false,
    };
    Table {
        schema: "public".to_owned(),
        name: name.to_owned(),
        columns: columns.iter().map(column).collect(),
        primary_key: key.iter().map(|name| (*name).to_owned()).collect(),
        unique: Vec::new(),
        foreign_keys: foreign.iter().map(to).collect(),
        replica_identity: ReplicaIdentity::Full,
    }
}

fn mapped(tables: Vec<Table>, at: usize) -> TableMap {
    let rules = RuleSet::parse(RULES).rules.expect("rules");
    let mapping = Mapping::new(&rules, &BTreeMap::new()).expect("a mapping");
    let catalog = Catalog { tables };
    let table = &catalog.tables[at];
    let entity = mapping.entity(&table.schema, &table.name).expect("an entity");
    let columns: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
    mapping.table((&table.schema, &table.name), &entity, &columns, Some(table), &catalog)
}

fn names(map: &TableMap) -> Vec<(usize, &str)> {
    map.named.iter().map(|column| (column.place, column.name.as_str())).collect()
}

#[test]
fn foreign_keys_are_refs_where_they_can_be_told_apart() {
    let users = table("users", &["id", "email", "plan", "nr"], &["id"], &[]);
    let orgs = table("orgs", &["id"], &["id"], &[]);
    let orders = |foreign| table("orders", &["id", "buyer_id", "sold_by", "company"], &["id"], foreign);
    // One ref of two that lead to users is called like its column; the other cannot be known.
    let foreign = [("buyer_id", "users", "id"), ("sold_by", "users", "id"), ("company", "orgs", "id")];
    let map = mapped(vec![users.clone(), orgs.clone(), orders(&foreign)], 2);
    assert_eq!(names(&map), [(1, "buyer"), (3, "org")]);
    assert_eq!(map.missing, ["seller"]);
    assert_eq!(map.others, [2]);
    // What points to another column than the id holds no id, whatever it is called.
    let map = mapped(vec![users, orgs, orders(&[("buyer_id", "users", "nr")])], 2);
    assert!(names(&map).is_empty());
    // Without a foreign key the name is enough.
    let map = mapped(vec![table("items", &["id", "order_id"], &["id"], &[])], 0);
    assert_eq!(names(&map), [(1, "order")]);
    assert!(map.check_id().is_ok() && map.gaps().is_empty());
    let map = mapped(vec![table("items", &["nr", "order_id"], &[], &[])], 0);
    assert!(map.check_id().is_err_and(|e| e.message().contains("no primary key")));
}

/// Values by place; `None` is not given.
struct Cells(Vec<Option<Json>>);

impl Row for Cells {
    fn cell(&self, place: usize, _: Type) -> Option<Json> {
        self.0[place].clone()
    }

    fn differs(&self, old: &Self, place: usize) -> bool {
        self.0[place].is_some() && self.0[place] != old.0[place]
    }
}

fn writes(map: &TableMap, change: Change<'_, Cells>) -> Vec<SourceWrite> {
    let mut out = Vec::new();
    map.writes(change, &mut out);
    out
}

#[test]
fn a_name_without_a_column_may_be_what_any_other_column_holds() {
    let map = mapped(vec![table("users", &["id", "email", "note"], &["id"], &[])], 0);
    let row = |email: &str, note: &str| Cells(vec![Some(json!(1)), Some(json!(email)), Some(json!(note))]);
    let changed = |old, new| {
        let change = Change::Update { whole: Some(&old), key: None, new: &new };
        writes(&map, change).remove(0).raw
    };
    let raw = changed(row("a", "n"), row("b", "n"));
    assert_eq!(raw.changed, Some(vec!["email".to_owned()]));
    assert_eq!((raw.new["email"].as_str(), raw.old["email"].as_str()), (Some("b"), Some("a")));
    assert_eq!(changed(row("a", "n"), row("a", "m")).changed, Some(vec!["plan".to_owned()]));
    assert_eq!(changed(row("a", "n"), row("a", "n")).changed, Some(Vec::new()));
    // A large value that is not in the log is the old one, and did not change.
    let new = Cells(vec![Some(json!(1)), None, Some(json!("n"))]);
    let raw = changed(row("a", "n"), new);
    assert_eq!((raw.changed, raw.new["email"].as_str()), (Some(Vec::new()), Some("a")));
    // Without the old row nothing is known of what changed.
    let new = Cells(vec![Some(json!(1)), None, Some(json!("n"))]);
    let raw = writes(&map, Change::Update { whole: None, key: None, new: &new }).remove(0).raw;
    assert_eq!((raw.changed, raw.new.get("email")), (None, None));
}

#[test]
fn ids_of_several_columns_are_never_those_of_another_row() {
    let map = mapped(vec![table("items", &["a", "b"], &["a", "b"], &[])], 0);
    let id = |a: &str, b: &str| {
        let row = Cells(vec![Some(json!(a)), Some(json!(b))]);
        writes(&map, Change::Create(&row)).remove(0).raw.id
    };
    assert_eq!(id("1", "2"), RawId::Text("1:2".to_owned()));
    assert_eq!(id("1:2", ""), RawId::Text("1%3A2:".to_owned()));
    assert_ne!(id("1:2", "3"), id("1", "2:3"));
    assert_ne!(id("1%3A2", "3"), id("1:2", "3"));
}

#[test]
fn a_row_without_an_id_is_its_whole_entity() {
    let map = mapped(vec![table("users", &["id"], &["id"], &[])], 0);
    for (value, why) in [
        (None, "the log does not give `id`"),
        (Some(Json::Null), "`id` is null"),
        (Some(json!("*")), "`id` is `*`"),
        (Some(json!("")), "`id` is ``"),
        (Some(json!([1])), "`id` holds no id"),
    ] {
        let write = writes(&map, Change::Delete(&Cells(vec![value]))).remove(0);
        assert!(write.doubt.as_ref().is_some_and(|doubt| doubt.contains(why)), "{write:?}");
        assert_eq!((write.raw.id, write.raw.op.as_str()), (RawId::Many, "delete"));
    }
    let truncated = writes(&map, Change::Truncate).remove(0);
    assert_eq!((truncated.doubt, truncated.raw.id), (None, RawId::Many));
    // Another id is another row.
    let (old, new) = (Cells(vec![Some(json!(1))]), Cells(vec![Some(json!(2))]));
    let moved = writes(&map, Change::Update { whole: None, key: Some(&old), new: &new });
    let said: Vec<_> = moved.into_iter().map(|write| (write.raw.op, write.raw.id)).collect();
    assert_eq!(said, [("delete".to_owned(), RawId::Int(1)), ("create".to_owned(), RawId::Int(2))]);
}
