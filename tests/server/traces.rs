//! Spans, as a collector gets them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use serde_json::Value;

use super::{FORM, RULES, USER};
use crate::command::Place;
use crate::http::{PATIENCE, Server};
use crate::redis::RedisServer;

/// An address that takes OTLP over HTTP, and the documents that come, with their heads.
fn collector() -> (String, Receiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut head, mut line) = (String::new(), String::new());
            while stream.read_line(&mut line).unwrap() > 2 {
                head.push_str(&std::mem::take(&mut line));
            }
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let mut body = vec![0; length.unwrap().parse().unwrap()];
            stream.read_exact(&mut body).unwrap();
            stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").unwrap();
            if sender.send((head, serde_json::from_slice(&body).unwrap())).is_err() {
                return;
            }
        }
    });
    (url, receiver)
}

fn spans(document: &Value) -> Vec<Value> {
    document["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone()
}

#[test]
fn a_request_is_a_span_below_its_callers_with_its_parts_below_it() {
    let redis = RedisServer::start();
    let (url, received) = collector();
    let place = Place::new();
    place.file("rules/default.inv", RULES);
    let mut server =
        Server::start(place, &["--cache", &redis.url(), "--otlp", &url, "--service-name", "shop-cache"]);
    let ask = |body: &str, traceparent: &str| {
        let headers = [("traceparent", traceparent)];
        assert_eq!(server.connect().ask("POST", "/v1/writes", &headers, body.as_bytes()).status, 200);
    };
    let (user, form) = ("4bf92f3577b34da6a3ce929d0e0e4736", "4bf92f3577b34da6a3ce929d0e0e4737");
    ask(USER, &format!("00-{user}-00f067aa0ba902b7-01"));
    ask(FORM, &format!("00-{form}-00f067aa0ba902b7-01"));
    // Who does not want to be recorded is not.
    ask(USER, "00-4bf92f3577b34da6a3ce929d0e0e4738-00f067aa0ba902b7-00");
    // What waits is sent before the end.
    server.signal("-TERM");
    assert_eq!(server.ends(), Some(0));

    let mut traces: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    while traces.len() < 2 {
        let (head, document) = received.recv_timeout(PATIENCE).expect("spans");
        assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
        let service = &document["resourceSpans"][0]["resource"]["attributes"][0];
        assert_eq!(
            (&service["key"], &service["value"]["stringValue"]),
            (&"service.name".into(), &"shop-cache".into())
        );
        for span in spans(&document) {
            traces.entry(span["traceId"].as_str().unwrap().to_owned()).or_default().push(span);
        }
    }
    assert!(received.try_iter().all(|(_, document)| {
        spans(&document).iter().all(|span| span["traceId"] == user || span["traceId"] == form)
    }));
    for (trace, part) in [(user, "cache"), (form, "queue")] {
        let spans = &traces[trace];
        let named = |name: &str| {
            spans
                .iter()
                .find(|span| span["name"] == name)
                .unwrap_or_else(|| panic!("no `{name}`: {spans:#?}"))
        };
        let request = named("POST /v1/writes");
        assert_eq!(request["parentSpanId"], "00f067aa0ba902b7");
        assert_eq!(request["kind"], 2);
        let status = request["attributes"]
            .as_array()
            .unwrap()
            .iter()
            .find(|a| a["key"] == "http.response.status_code");
        assert_eq!(status.unwrap()["value"]["intValue"], "200");
        for name in ["check", "plan", part] {
            assert_eq!(named(name)["parentSpanId"], request["spanId"], "{name}");
        }
        assert_eq!(named("round trip")["parentSpanId"], named(part)["spanId"]);
        let time = |span: &Value, end: &str| span[end].as_str().unwrap().parse::<u64>().unwrap();
        for span in spans {
            let (began, ended) = (time(span, "startTimeUnixNano"), time(span, "endTimeUnixNano"));
            assert!(began <= ended && time(request, "startTimeUnixNano") <= began, "{span}");
            assert!(ended <= time(request, "endTimeUnixNano"), "{span}");
        }
    }
}

#[test]
fn a_collector_that_is_away_keeps_nobody_waiting() {
    let place = Place::new();
    place.file("rules/default.inv", RULES);
    // Nobody listens there: the port is free again.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut server = Server::start(place, &["--otlp", &format!("http://{free}")]);
    assert_eq!(server.post("/v1/writes", USER).status, 200);
    server.waits_for("the collector of spans: ");
    server.waits_for("the spans of 1 requests are lost");
    assert_eq!(server.post("/v1/writes", USER).status, 200);
}
