//! Idempotency keys: a request that is sent again gets the answer of the first time.
//!
//! Invalidating twice harms nothing, so the answers are kept in memory alone: what a repetition after
//! a restart does once more is safe.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::OnceCell;

use super::problem::{Kind, Problem};

/// How long an answer is kept.
const LIFE: Duration = Duration::from_secs(600);

/// How many answers are kept, and the longest one.
const MOST: usize = 10_000;
const LARGEST: usize = 64 * 1024;

/// The header that carries the key.
pub const HEADER: &str = "idempotency-key";

/// An answer as it is sent.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub kind: &'static str,
    pub body: Bytes,
}

impl Answer {
    pub fn json(status: StatusCode, document: &impl serde::Serialize) -> Self {
        // A usual report at one go, without growing.
        let mut body = Vec::with_capacity(1024);
        if serde_json::to_writer(&mut body, document).is_err() {
            body.clear();
        }
        Self::text(status, body)
    }

    /// A document that is written already.
    pub fn text(status: StatusCode, json: Vec<u8>) -> Self {
        Self { status, kind: "application/json", body: json.into() }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        (self.status, [(header::CONTENT_TYPE, self.kind)], self.body).into_response()
    }
}

impl IntoResponse for Box<Problem> {
    fn into_response(self) -> Response {
        (*self).into_response()
    }
}

/// The answers that are kept.
#[derive(Default)]
pub struct Answers(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    by_key: HashMap<String, Slot>,
    /// Keys in the order in which they came, with a number so that a key that comes again is another.
    order: BTreeMap<u64, String>,
    numbers: u64,
}

struct Slot {
    number: u64,
    came: Instant,
    request: u64,
    answer: Arc<OnceCell<Answer>>,
}

impl Answers {
    /// The answer to the first request with a key. `request` is a hash of what is asked for. An answer
    /// that says "not now" is not kept.
    pub async fn once(
        &self,
        key: String,
        request: u64,
        ask: impl Future<Output = Result<Answer, Box<Problem>>>,
    ) -> Result<Answer, Box<Problem>> {
        let Some((number, cell)) = self.slot(&key, request) else {
            return Err(Box::new(
                Problem::new(
                    Kind::KEY_REUSED,
                    format!("the idempotency key `{key}` came with another request"),
                )
                .help("make a fresh key for each request, and repeat it only with the same one"),
            ));
        };
        let answer = cell.get_or_try_init(|| ask).await.cloned();
        match &answer {
            Ok(answer) if answer.body.len() <= LARGEST => {}
            _ => self.forget(&key, number),
        }
        answer
    }

    /// The slot of a key; `None` where it belongs to another request.
    fn slot(&self, key: &str, request: u64) -> Option<(u64, Arc<OnceCell<Answer>>)> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        while let Some((number, oldest)) = kept.order.first_key_value().map(|(n, key)| (*n, key.clone())) {
            let is_old = kept.by_key.get(&oldest).is_none_or(|slot| now - slot.came > LIFE);
            if !is_old && kept.order.len() <= MOST {
                break;
            }
            kept.order.remove(&number);
            kept.by_key.remove(&oldest);
        }
        if let Some(slot) = kept.by_key.get(key) {
            return (slot.request == request).then(|| (slot.number, slot.answer.clone()));
        }
        kept.numbers += 1;
        let number = kept.numbers;
        let answer = Arc::new(OnceCell::new());
        kept.order.insert(number, key.to_owned());
        kept.by_key.insert(key.to_owned(), Slot { number, came: now, request, answer: answer.clone() });
        Some((number, answer))
    }

    fn forget(&self, key: &str, number: u64) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.by_key.get(key).is_some_and(|slot| slot.number == number) {
            kept.by_key.remove(key);
            kept.order.remove(&number);
        }
    }
}
