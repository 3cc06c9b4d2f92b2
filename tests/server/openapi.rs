//! The OpenAPI document says what is true: every answer here is held against it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{FORM, USER, server};
use crate::http::{Answer, Server};

/// The document, and what of it was seen.
struct Document {
    document: Value,
    seen: BTreeSet<(String, String)>,
}

impl Document {
    fn of(server: &Server) -> Self {
        Self { document: server.get("/openapi.json").json(), seen: BTreeSet::new() }
    }

    /// Requires an answer to be as the document says.
    fn holds(&mut self, method: &str, route: &str, answer: &Answer) {
        let place = format!("{method} {route} {}", answer.status);
        let operation = &self.document["paths"][route][method.to_lowercase()];
        let response = &operation["responses"][answer.status.to_string()];
        assert!(response.is_object(), "{place} is not in the document: {}", answer.text());
        self.seen.insert((route.to_owned(), method.to_lowercase()));
        let Some(content) = response["content"].as_object() else {
            assert!(answer.body.is_empty(), "{place} has a body");
            return;
        };
        let kind =
            answer.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim();
        let Some(media) = content.get(kind) else { panic!("{place}: `{kind}` is not in the document") };
        let values: Vec<Value> = match kind {
            "application/json" | "application/problem+json" | "text/event-stream" => vec![answer.json()],
            "application/x-ndjson" => {
                answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
            }
            _ => return,
        };
        for value in values {
            if let Err(why) = self.fits(&media["schema"], &value) {
                panic!("{place}: {why}\n{value:#}");
            }
        }
    }

    /// Whether a value fits a schema, for as much of JSON Schema as the document uses, and has no other
    /// properties than it names.
    fn fits(&self, schema: &Value, value: &Value) -> Result<(), String> {
        self.fits_part(schema, value)?;
        let (mut names, object) = (BTreeSet::new(), value.as_object());
        if !self.names(schema, &mut names) {
            return Ok(());
        }
        match object.and_then(|object| object.keys().find(|name| !names.contains(name.as_str()))) {
            Some(name) => Err(format!("`{name}` is not in the document")),
            None => Ok(()),
        }
    }

    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let pointer = schema["$ref"].as_str().and_then(|name| name.strip_prefix('#'));
        pointer.map_or(schema, |pointer| self.document.pointer(pointer).expect("a ref leads somewhere"))
    }

    /// The names of the properties of an object; false where it may have any.
    fn names<'a>(&'a self, schema: &'a Value, into: &mut BTreeSet<&'a str>) -> bool {
        let schema = self.resolve(schema);
        let properties = schema["properties"].as_object();
        into.extend(properties.into_iter().flat_map(|properties| properties.keys().map(String::as_str)));
        let parts = schema["allOf"].as_array();
        let of_parts = parts.into_iter().flatten().fold(false, |any, part| self.names(part, into) | any);
        properties.is_some() || of_parts
    }

    fn fits_part(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let schema = self.resolve(schema);
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.fits_part(part, value)?;
        }
        for choice in ["oneOf", "anyOf"] {
            if let Some(parts) = schema[choice].as_array()
                && parts.iter().all(|part| self.fits(part, value).is_err())
            {
                return Err(format!("{value} is none of {parts:?}"));
            }
        }
        let types: Vec<&str> = match &schema["type"] {
            Value::String(name) => vec![name],
            Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
            _ => vec![],
        };
        let is_a = |name: &&str| match *name {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "null" => value.is_null(),
            _ => false,
        };
        if !types.is_empty() && !types.iter().any(is_a) {
            return Err(format!("{value} is no {types:?}"));
        }
        if let Some(values) = schema["enum"].as_array()
            && !values.contains(value)
        {
            return Err(format!("{value} is none of {values:?}"));
        }
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if value.get(name).is_none() {
                return Err(format!("`{name}` is missing"));
            }
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            if let Some(value) = value.get(name) {
                self.fits(property, value).map_err(|why| format!("`{name}`: {why}"))?;
            }
        }
        for item in value.as_array().into_iter().flatten() {
            if schema["items"].is_object() {
                self.fits(&schema["items"], item)?;
            }
        }
        Ok(())
    }
}

#[test]
fn every_answer_is_as_the_document_says() {
    let server = server();
    let mut document = Document::of(&server);
    let json_body = [("content-type", "application/json")];
    let lines = [("content-type", "application/x-ndjson")];
    let fence = server.post("/v1/fences", r#"{"key": "page", "tags": ["t"]}"#).json();
    let fence = fence["fence"].as_str().unwrap().to_owned();
    let with_fence = [("invalidate-fence", fence.as_str())];
    let many = format!("{USER}\n{{}}\n{FORM}\n");
    let widened = r#"{"entity": "form", "id": "7", "op": "update"}"#;
    for (method, route, path, headers, body) in [
        ("GET", "/healthz", "/healthz", &[][..], ""),
        ("GET", "/readyz", "/readyz", &[], ""),
        ("GET", "/metrics", "/metrics", &[], ""),
        ("PUT", "/v1/entries/{key}", "/v1/entries/page?tags=user:1", &[], "x"),
        ("GET", "/v1/entries/{key}", "/v1/entries/page", &[], ""),
        ("GET", "/v1/entries/{key}", "/v1/entries/none", &[], ""),
        ("PUT", "/v1/entries/{key}", "/v1/entries/page", &with_fence, "x"),
        ("PUT", "/v1/entries/{key}", "/v1/entries/other", &with_fence, "x"),
        ("POST", "/v1/fences", "/v1/fences", &json_body, r#"{"key": "a"}"#),
        ("POST", "/v1/fences", "/v1/fences", &json_body, "{}"),
        ("POST", "/v1/writes", "/v1/writes", &json_body, USER),
        ("POST", "/v1/writes", "/v1/writes?dry_run=true", &json_body, FORM),
        ("POST", "/v1/writes", "/v1/writes", &json_body, FORM),
        ("POST", "/v1/writes", "/v1/writes?strict=true", &json_body, widened),
        ("POST", "/v1/writes", "/v1/writes?widen=true", &json_body, widened),
        ("POST", "/v1/writes", "/v1/writes", &json_body, "{}"),
        ("POST", "/v1/writes", "/v1/writes", &json_body, r#"{"entity": "x", "id": 1, "op": "y"}"#),
        ("POST", "/v1/writes", "/v1/writes", &lines, &many),
        ("POST", "/v1/writes", "/v1/writes?full=true", &lines, &many),
        ("POST", "/v1/writes", "/v1/writes?full=true&dry_run=true", &lines, &many),
        (
            "POST",
            "/v1/drops",
            "/v1/drops",
            &json_body,
            r#"{"tags": ["t"], "keys": ["k"], "matches": ["x:*"]}"#,
        ),
        ("POST", "/v1/drops", "/v1/drops", &json_body, r#"{"tags": ["t"], "when": "batched"}"#),
        ("POST", "/v1/drops", "/v1/drops", &json_body, "{}"),
        ("POST", "/v1/names", "/v1/names", &json_body, r#"{"entity": "form", "id": 1}"#),
        ("POST", "/v1/names", "/v1/names", &json_body, r#"{"entity": "x", "id": 1}"#),
        ("PUT", "/v1/dependencies/{key}", "/v1/dependencies/a", &json_body, r#"{"on": ["b"]}"#),
        ("PUT", "/v1/dependencies/{key}", "/v1/dependencies/a", &json_body, "{}"),
        ("GET", "/v1/dependencies/{key}", "/v1/dependencies/b", &[], ""),
        ("DELETE", "/v1/dependencies/{key}", "/v1/dependencies/a", &json_body, r#"{"on": ["b"]}"#),
        ("POST", "/v1/flush", "/v1/flush", &[], ""),
        ("GET", "/v1/stats", "/v1/stats", &[], ""),
        ("GET", "/v1/rules", "/v1/rules", &[], ""),
        ("POST", "/v1/rules/reload", "/v1/rules/reload", &[], ""),
        ("GET", "/v1/graph", "/v1/graph", &[], ""),
        ("GET", "/v1/graph", "/v1/graph?format=json", &[], ""),
        ("GET", "/v1/graph", "/v1/graph?format=svg", &[], ""),
        ("GET", "/v1/graph", "/v1/graph?format=svg&bare=true", &[], ""),
        ("GET", "/v1/graph", "/v1/graph?format=gif", &[], ""),
        ("POST", "/v1/explain", "/v1/explain", &json_body, FORM),
        ("POST", "/v1/explain", "/v1/explain", &json_body, "{}"),
        ("POST", "/v1/explain", "/v1/explain", &json_body, r#"{"entity": "x", "id": 1, "op": "y"}"#),
        ("GET", "/v1/events/{id}", "/v1/events/0", &[], ""),
    ] {
        let answer = server.connect().ask(method, path, headers, body.as_bytes());
        document.holds(method, route, &answer);
    }
    // What events hold, each by its name.
    let mut events = server.connect().events(&[]);
    assert_eq!(server.post("/v1/writes", USER).status, 200);
    let mut names = BTreeSet::new();
    while names.len() < 3 {
        let (name, data) = events.next().unwrap();
        let answer = Answer { body: data.to_string().into_bytes(), ..events.head.clone() };
        document.holds("GET", "/v1/events", &answer);
        if name == "frame" {
            let id = &data["sample"][0]["id"];
            let more = server.get(&format!("/v1/events/{id}"));
            document.holds("GET", "/v1/events/{id}", &more);
        }
        names.insert(name);
    }
    // Nothing in the document was left out here.
    let paths = document.document["paths"].as_object().unwrap();
    let all: BTreeSet<(String, String)> = paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(move |method| (path.clone(), method.clone()))
        })
        .collect();
    assert_eq!(document.seen, all);
}

#[test]
fn the_document_stands_on_its_own() {
    let server = server();
    let document = server.get("/openapi.json");
    assert_eq!(document.header("content-type"), Some("application/json"));
    let document = document.json();
    assert_eq!(document["openapi"], "3.1.0");
    // Every ref leads somewhere.
    fn refs(value: &Value, out: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                out.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
                map.values().for_each(|value| refs(value, out));
            }
            Value::Array(list) => list.iter().for_each(|value| refs(value, out)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    refs(&document, &mut found);
    assert!(!found.is_empty());
    for name in found {
        let pointer = name.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "no `{name}`");
    }
    // Who may ask is said of all but the open ones.
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let is_open = ["/healthz", "/readyz"].contains(&path.as_str());
            assert_eq!(operation["security"] == json!([{"token": []}]), !is_open, "{method} {path}");
            assert!(!operation["summary"].as_str().unwrap_or_default().is_empty(), "{method} {path}");
        }
    }
}
