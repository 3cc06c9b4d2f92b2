//! Which trace a request belongs to, and whether it is recorded: W3C Trace Context
//! (<https://www.w3.org/TR/trace-context/>) and the samplers of OpenTelemetry.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::HeaderMap;

/// The place of a span: its trace, and the span it is below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    pub trace: u128,
    /// Zero where nobody has begun the trace before.
    pub parent: u64,
    pub is_sampled: bool,
}

/// Which requests are recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampler {
    /// Whether a caller that has decided already is followed.
    by_parent: bool,
    /// Which part of the others, or of all, is recorded.
    ratio: f64,
}

impl Default for Sampler {
    fn default() -> Self {
        Self { by_parent: true, ratio: 1.0 }
    }
}

impl Sampler {
    /// Reads `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse(name: &str, argument: Option<&str>) -> Result<Self, String> {
        let (by_parent, kind) = match name.strip_prefix("parentbased_") {
            Some(kind) => (true, kind),
            None => (false, name),
        };
        let ratio = match kind {
            "always_on" => 1.0,
            "always_off" => 0.0,
            "traceidratio" => {
                let text = argument.unwrap_or("1");
                let ratio = text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
                ratio.ok_or_else(|| format!("`{text}` is no ratio from 0 to 1"))?
            }
            _ => return Err(format!("there is no sampler `{name}`: parentbased_always_on is the usual one")),
        };
        Ok(Self { by_parent, ratio })
    }

    /// The context of a request with these headers.
    pub fn context(&self, headers: &HeaderMap) -> Context {
        let given = headers.get("traceparent").and_then(|value| parse(value.to_str().ok()?));
        let mut context = given.unwrap_or_else(|| Context {
            trace: u128::from(fresh()) << 64 | u128::from(fresh()),
            parent: 0,
            is_sampled: false,
        });
        if given.is_none() || !self.by_parent {
            // The same of every service that sees the trace: by its last 56 bits.
            let place = (context.trace as u64 & 0xff_ffff_ffff_ffff) as f64 / (1_u64 << 56) as f64;
            context.is_sampled = place < self.ratio;
        }
        context
    }
}

/// `00-TRACE-PARENT-FLAGS`, of this version or a later one. What is malformed begins a new trace.
fn parse(text: &str) -> Option<Context> {
    let mut fields = text.trim().split('-');
    let [version, trace, parent, flags] = [fields.next()?, fields.next()?, fields.next()?, fields.next()?];
    let hex = |text: &str, length: usize| {
        let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        (text.len() == length && text.bytes().all(is_hex)).then(|| u128::from_str_radix(text, 16).ok())?
    };
    let version = hex(version, 2)?;
    if version == 0xff || (version == 0 && fields.next().is_some()) {
        return None;
    }
    let (trace, parent, flags) = (hex(trace, 32)?, hex(parent, 16)?, hex(flags, 2)?);
    let parent = u64::try_from(parent).ok()?;
    (trace != 0 && parent != 0).then_some(Context { trace, parent, is_sampled: flags & 1 == 1 })
}

/// A number that is not zero and that nobody else has.
pub fn fresh() -> u64 {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    RandomState::new().hash_one(CALLS.fetch_add(1, Ordering::Relaxed)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(traceparent: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", traceparent.parse().expect("a header"));
        headers
    }

    #[test]
    fn the_callers_trace_is_taken_over() {
        let given = headers("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let context = Sampler::default().context(&given);
        let trace = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;
        assert_eq!(context, Context { trace, parent: 0x00f0_67aa_0ba9_02b7, is_sampled: true });
        let unsampled = headers("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
        assert!(!Sampler::default().context(&unsampled).is_sampled);
        assert!(Sampler::parse("always_on", None).expect("a sampler").context(&unsampled).is_sampled);
    }

    #[test]
    fn what_is_malformed_begins_a_new_trace() {
        for bad in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        ] {
            let context = Sampler::default().context(&headers(bad));
            assert!(context.parent == 0 && context.trace != 0 && context.is_sampled, "{bad}");
        }
    }

    #[test]
    fn a_ratio_records_that_part() {
        let sampler = Sampler::parse("parentbased_traceidratio", Some("0.25")).expect("a sampler");
        let sampled = (0..4000).filter(|_| sampler.context(&HeaderMap::new()).is_sampled).count();
        assert!((800..1200).contains(&sampled), "{sampled}");
        assert!(Sampler::parse("traceidratio", Some("2")).is_err());
        assert!(Sampler::parse("sometimes", None).is_err());
    }
}
