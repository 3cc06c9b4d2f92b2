//! Tables of cases: one case with `${column}` in it, and a row for each time it is run.

use super::Mistake;
use super::yaml::{Data, Node};
use crate::diagnostic::did_you_mean;

/// The case by itself, or once for each row of its table, with the row's number from 1.
pub fn rows(case: &Node) -> Result<Vec<(Node, Option<usize>)>, Mistake> {
    let Data::Map(entries) = &case.data else { return Ok(vec![(case.clone(), None)]) };
    let Some((_, table)) = entries.iter().find(|(key, _)| key.text() == Some("table")) else {
        return Ok(vec![(case.clone(), None)]);
    };
    let Data::List(rows) = &table.data else {
        return Err(Mistake::at(
            table.start,
            format!("a table is a list of rows, and this is {}", table.what()),
        ));
    };
    if rows.is_empty() {
        return Err(Mistake::at(table.start, "the table has no row"));
    }
    let rest: Vec<(Node, Node)> =
        entries.iter().filter(|(key, _)| key.text() != Some("table")).cloned().collect();
    let mut out = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let Data::Map(columns) = &row.data else {
            let message = format!("a row gives each column a value, and this is {}", row.what());
            return Err(Mistake::at(row.start, message).help("for example `- {plan: pro, seats: 5}`"));
        };
        let filled = rest
            .iter()
            .map(|(key, value)| Ok((key.clone(), fill(value, columns)?)))
            .collect::<Result<Vec<_>, Mistake>>()?;
        // A failure is told at its row.
        let node = Node {
            data: Data::Map(filled),
            start: row.start,
            last_line: row.last_line,
            is_block: row.is_block,
        };
        out.push((node, Some(at + 1)));
    }
    Ok(out)
}

fn fill(node: &Node, columns: &[(Node, Node)]) -> Result<Node, Mistake> {
    let data = match &node.data {
        Data::List(items) => Data::List(items.iter().map(|n| fill(n, columns)).collect::<Result<_, _>>()?),
        Data::Map(entries) => Data::Map(
            entries
                .iter()
                .map(|(k, v)| Ok((k.clone(), fill(v, columns)?)))
                .collect::<Result<_, Mistake>>()?,
        ),
        Data::Scalar { text, plain } => {
            let whole =
                text.strip_prefix("${").and_then(|t| t.strip_suffix('}')).filter(|n| !n.contains('}'));
            if let Some(name) = whole {
                return column(node, name, columns).cloned();
            }
            let mut out = String::new();
            let mut rest = text.as_str();
            while let Some((before, after)) = rest.split_once("${") {
                let Some((name, after)) = after.split_once('}') else { break };
                let value = column(node, name, columns)?;
                let Some(value) = value.text() else {
                    let message = format!("`${{{name}}}` stands inside a text, and holds {}", value.what());
                    return Err(Mistake::at(node.start, message));
                };
                out.push_str(before);
                out.push_str(value);
                rest = after;
            }
            out.push_str(rest);
            Data::Scalar { text: out, plain: *plain }
        }
    };
    Ok(Node { data, ..node.clone() })
}

fn column<'n>(at: &Node, name: &str, columns: &'n [(Node, Node)]) -> Result<&'n Node, Mistake> {
    let found = columns.iter().find(|(key, _)| key.text() == Some(name));
    found.map(|(_, value)| value).ok_or_else(|| {
        let mut mistake = Mistake::at(at.start, format!("a row of the table has no `{name}`"));
        mistake.help = did_you_mean(name, columns.iter().filter_map(|(key, _)| key.text()), "it has");
        mistake
    })
}
