//! Where the spans of requests are sent, with the feature `opentelemetry`: flags, and the variables that
//! OpenTelemetry lays down (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>).

use clap::Args;
use invalidate::server::{Collector, Exporter, Sampler};

use crate::cli::error::CommandError;

#[derive(Debug, Args)]
pub struct OtlpArgs {
    /// Send spans of the requests to this collector, over OTLP/HTTP
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT", help_heading = "OpenTelemetry")]
    otlp: Option<String>,

    /// The name under which the spans are sent
    #[arg(
        long,
        value_name = "NAME",
        env = "OTEL_SERVICE_NAME",
        default_value = "invalidate",
        help_heading = "OpenTelemetry"
    )]
    service_name: String,
}

impl OtlpArgs {
    /// What sends the spans; `None` where nobody has asked for them.
    pub fn exporter(&self) -> Result<Option<Exporter>, CommandError> {
        if variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
            || variable("OTEL_TRACES_EXPORTER").is_some_and(|value| value == "none")
        {
            return Ok(None);
        }
        let base = self.otlp.as_deref().filter(|url| !url.is_empty());
        let url = match (variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), base) {
            (Some(whole), _) => whole,
            (None, Some(base)) => format!("{}/v1/traces", base.trim_end_matches('/')),
            (None, None) => return Ok(None),
        };
        let bad = |why: String| {
            CommandError::usage(why).help("a collector listens at an address such as http://localhost:4318")
        };
        let headers = variable("OTEL_EXPORTER_OTLP_TRACES_HEADERS")
            .or_else(|| variable("OTEL_EXPORTER_OTLP_HEADERS"))
            .unwrap_or_default();
        let mut resource = vec![("service.name".to_owned(), self.service_name.clone())];
        let others = pairs(&variable("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default());
        resource.extend(others.into_iter().filter(|(name, _)| name != "service.name"));
        let collector = Collector::new(&url, pairs(&headers), resource).map_err(bad)?;
        let sampler = match variable("OTEL_TRACES_SAMPLER") {
            None => Sampler::default(),
            Some(name) => Sampler::parse(&name, variable("OTEL_TRACES_SAMPLER_ARG").as_deref())
                .map_err(|why| CommandError::usage(format!("OTEL_TRACES_SAMPLER: {why}")))?,
        };
        Ok(Some(Exporter::new(collector, sampler)))
    }
}

/// A variable that says something: an empty one means nothing.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// `name=value,name=value`, the values percent-encoded.
fn pairs(text: &str) -> Vec<(String, String)> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let value = value.trim().replace('+', "%2B");
        let value = url::form_urlencoded::parse(format!("={}", value.replace('&', "%26")).as_bytes())
            .next()
            .map(|(_, value)| value.into_owned());
        Some((name.trim().to_owned(), value.unwrap_or_default()))
    };
    text.split(',').filter_map(pair).collect()
}
