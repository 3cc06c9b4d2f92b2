//! W502, W503 and W505: fields and refs without a column, or over one of another type, and columns that change unseen.

use super::{Held, keys, shown};
use crate::check::ruleset::{Entity, EntityId, Operation};
use crate::diagnostic::{Code, Diagnostic, quoted_list};
use crate::lint::coverage::EntityCoverage;
use crate::source::catalog::Table;
use crate::source::mapping::{Gap, TableMap};
use crate::source::types;

pub fn check(held: &Held<'_>, id: EntityId, findings: &mut Vec<Diagnostic>) {
    for table in &held.tables[id.index()] {
        let columns = Columns::new(held, id, table);
        columns.missing(findings);
        columns.unfit(findings);
        columns.unreached(findings);
    }
}

/// The columns of a table, and what they are to its entity.
struct Columns<'h> {
    held: &'h Held<'h>,
    entity: &'h Entity,
    covered: &'h EntityCoverage,
    table: &'h Table,
    /// Those that somebody can write.
    names: Vec<&'h str>,
    map: TableMap,
}

impl<'h> Columns<'h> {
    fn new(held: &'h Held<'h>, id: EntityId, table: &'h Table) -> Self {
        let entity = held.rules.entity(id);
        // Nobody writes what the database computes.
        let names: Vec<&str> =
            table.columns.iter().filter(|c| !c.generated).map(|c| c.name.as_str()).collect();
        let name = (table.schema.as_str(), table.name.as_str());
        let map = held.mapping.table(name, &entity.name, &names, Some(table), held.catalog);
        Self { held, entity, covered: &held.coverage.entities[id.index()], table, names, map }
    }

    fn missing(&self, findings: &mut Vec<Diagnostic>) {
        let Self { entity, table, map, .. } = self;
        for gap in map.gaps() {
            let Gap::Missing { name, is_ref } = gap else { continue };
            let what = if *is_ref { "ref" } else { "field" };
            let place = entity.field(name).map(|f| f.span).or(entity.reference(name).map(|r| r.span));
            let Some(place) = place else { continue };
            let table_name = shown(table);
            let generated = table.column(name).is_some_and(|c| c.generated);
            let message = format!(
                "the table `{table_name}` has no column for the {what} `{name}` of `{}`",
                entity.name
            );
            let finding = Diagnostic::at(Code::UnknownColumn, place, message, "no column holds it");
            findings.push(if generated {
                finding.help("the database computes this column: changes of it are those of the columns that it is computed from")
            } else {
                let others = map.gaps().iter().filter_map(|gap| match gap {
                    Gap::Unmapped { column } => Some(column.as_str()),
                    Gap::Missing { .. } => None,
                });
                let others: Vec<&str> = others.collect();
                let key = if *is_ref { "refs" } else { "fields" };
                let finding = match crate::diagnostic::nearest(name, others.iter().copied()) {
                    Some(near) => finding.help(format!("did you mean `{near}`?")),
                    None if others.is_empty() || others.len() > 12 => finding,
                    None => finding.help(format!("columns that are no field yet: {}", quoted_list(&others))),
                };
                finding.help(format!(
                    "a column of another name is said in invalidate.yaml: `{table_name}: {{ {key}: {{ COLUMN: {name} }} }}` under \
                     `sources.postgres.tables`"
                ))
            });
        }
    }

    fn unfit(&self, findings: &mut Vec<Diagnostic>) {
        let Self { entity, table, map, .. } = self;
        for named in &map.named {
            let Some(column) = self.names.get(named.place).and_then(|name| table.column(name)) else {
                continue;
            };
            let (place, fits) = match (entity.field(&named.name), entity.reference(&named.name)) {
                (Some(field), _) => (field.span, types::fits(&column.type_name, field.ty)),
                // An id is any text; only many of them take a list.
                (None, Some(reference)) => {
                    let own = types::declared(&column.type_name).list || column.type_name.starts_with("json");
                    (reference.span, if reference.list { own } else { !column.type_name.ends_with("[]") })
                }
                (None, None) => continue,
            };
            if fits {
                continue;
            }
            let (name, ty) = (&named.name, &column.type_name);
            let message = format!(
                "`{name}` of `{}` does not fit its column: `{}` of `{}` is of type `{ty}`",
                entity.name,
                column.name,
                shown(table)
            );
            let said = match entity.field(name) {
                Some(field) => format!("declared as `{}`", field.ty),
                None => "declared as this".to_owned(),
            };
            let finding = Diagnostic::at(Code::UnfitType, place, message, said);
            findings.push(match entity.field(name) {
                Some(_) => finding.help(format!("write `{name}: {}`", types::declared(ty))),
                None if types::declared(ty).list => {
                    finding.help("a column of many ids is a ref in brackets: `ref NAME: [ENTITY]`")
                }
                None => finding.help("a column of one id is a ref without brackets: `ref NAME: ENTITY`"),
            });
        }
    }

    fn unreached(&self, findings: &mut Vec<Diagnostic>) {
        let Self { entity, table, map, .. } = self;
        let update = Operation::Update;
        let Some(update) = self.covered.operations.iter().find(|o| o.operation == update.name()) else {
            return;
        };
        let finding = |place, column: &str, label: &str| {
            let message =
                format!("`{column}` of the table `{}` can change without any rule firing", shown(table));
            Diagnostic::at(Code::UnreachedColumn, place, message, label)
        };
        let allow = |name: &str| format!("`@allow({}, \"why\") {name}`", Code::UnreachedColumn.slug());
        // What is said once of the whole entity is not said of each of its columns.
        if update.rules.is_empty() {
            let message = format!("no rule fires when a row of the table `{}` is updated", shown(table));
            findings.push(
                Diagnostic::at(Code::UnreachedColumn, entity.span, message, "nothing of it reaches a rule")
                    .help(format!("write a rule for it: `on {}`", entity.name))
                    .help(format!(
                        "or allow it: `@allow({}, \"why\")` before the entity",
                        Code::UnreachedColumn.slug()
                    )),
            );
            return;
        }
        for (place, column) in self.names.iter().enumerate() {
            let named = map.named.iter().find(|named| named.place == place);
            let is_id = map.id_columns().any(|name| name == *column);
            match named {
                Some(named) => {
                    let rules = update.columns.iter().find(|c| c.column == named.name).map(|c| &c.rules);
                    if rules.is_none_or(|rules| !rules.is_empty()) {
                        continue;
                    }
                    let field = entity.field(&named.name).map(|f| f.span);
                    let at = field.or(entity.reference(&named.name).map(|r| r.span)).unwrap_or(entity.span);
                    findings.push(
                        finding(at, column, "no rule looks at it")
                            .help(format!("name it where a rule of `{}` says `changed(…)`", entity.name))
                            .help(format!("or say that no entry shows it: {}", allow(&named.name))),
                    );
                }
                // The id of a row hardly changes, and then the row is another.
                None if is_id => {}
                None if !update.others.is_empty() => {}
                None => {
                    let declared = keys::declaration(self.held, table, column);
                    let waived = declared.clone().unwrap_or_else(|| field(table, column));
                    let declared =
                        declared.unwrap_or_else(|| format!("fields {{ {} }}", field(table, column)));
                    findings.push(
                        finding(entity.span, column, "the rules do not know the column")
                            .help(format!(
                                "declare it, `{declared}`, and name it where a rule of `{}` says `changed(…)`",
                                entity.name
                            ))
                            .help(format!("or declare it and say that no entry shows it: {}", allow(&waived))),
                    );
                }
            }
        }
    }
}

/// The declaration of a column as a field.
fn field(table: &Table, column: &str) -> String {
    let name = crate::source::draft::identifier(column, "column");
    table
        .column(column)
        .map_or_else(String::new, |column| format!("{name}: {}", types::declared(&column.type_name)))
}
