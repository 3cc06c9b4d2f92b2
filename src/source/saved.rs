//! Catalogs in files, for where no database can be asked.

use serde::{Deserialize, Serialize};

use super::catalog::{Catalog, Table};

/// The version of the written form.
const SCHEMA: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema: u32,
    tables: Vec<Table>,
}

impl Catalog {
    /// # Errors
    /// Why the text is no catalog.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Document { schema, tables } = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if schema != SCHEMA {
            return Err(format!("it has schema {schema}, and this build knows {SCHEMA}"));
        }
        Ok(Self { tables })
    }

    /// As JSON, a line end behind it; the same text for the same tables.
    pub fn to_json(&self) -> String {
        let document = Document { schema: SCHEMA, tables: self.tables.clone() };
        // A document of strings and truth values can always be written.
        serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
    }
}
