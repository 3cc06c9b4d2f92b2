//! Types of columns as types of the language.

use crate::model::{Scalar, Type};

/// What a field over a column of this type is declared as.
pub(super) fn declared(type_name: &str) -> Type {
    match type_name.strip_suffix("[]") {
        Some(element) => Type { scalar: scalar(element), list: true },
        None => Type { scalar: scalar(type_name), list: false },
    }
}

fn scalar(type_name: &str) -> Scalar {
    match type_name {
        "smallint" | "integer" | "bigint" | "oid" => Scalar::Int,
        "real" | "double precision" | "numeric" => Scalar::Float,
        "boolean" => Scalar::Bool,
        "timestamp with time zone" | "timestamp without time zone" | "date" => Scalar::Time,
        _ => Scalar::String,
    }
}

/// Whether values of such a column are taken where this is declared. Any value is some text; a whole number is a float.
pub(super) fn fits(type_name: &str, declared: Type) -> bool {
    let own = self::declared(type_name);
    // A list may be held as JSON.
    if declared.list != own.list {
        return declared.list && matches!(type_name, "json" | "jsonb");
    }
    match (own.scalar, declared.scalar) {
        (_, Scalar::String) | (Scalar::Int, Scalar::Float) => true,
        // What a domain or an extension makes of it nobody knows; a number without a scale is whole.
        (Scalar::Float, Scalar::Int) => type_name.starts_with("numeric"),
        (own, declared) => own == declared,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_declared_for_a_column_fits_it() {
        for name in
            ["integer", "text", "numeric", "boolean", "date", "enum", "text[]", "uuid", "jsonb", "bigint[]"]
        {
            assert!(fits(name, declared(name)), "{name}");
        }
        let scalar = |scalar| Type { scalar, list: false };
        assert!(fits("integer", scalar(Scalar::Float)) && fits("uuid", scalar(Scalar::String)));
        assert!(!fits("text", scalar(Scalar::Int)) && !fits("real", scalar(Scalar::Int)));
        assert!(
            !fits("text[]", scalar(Scalar::String))
                && !fits("text", Type { scalar: Scalar::String, list: true })
        );
        assert!(fits("jsonb", Type { scalar: Scalar::Int, list: true }));
    }
}
