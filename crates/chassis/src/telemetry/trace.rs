//! Traces: ids that travel with every call and event, and the exporter where one is configured.
//!
//! Without an exporter nothing is sampled: a span then has ids and no record, which is all that carrying a trace costs.

use std::borrow::Cow;

use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState, TracerProvider as _,
};
use opentelemetry::{Context, InstrumentationScope};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use tracing::{Span, Subscriber};
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt as _};
use tracing_subscriber::registry::LookupSpan;

use super::TelemetryError;

/// Makes and keeps spans; sends them to `endpoint` if there is one.
pub(super) fn provider(
    endpoint: Option<&str>,
    service: &'static str,
) -> Result<SdkTracerProvider, TelemetryError> {
    let Some(endpoint) = endpoint else {
        return Ok(SdkTracerProvider::builder()
            .with_sampler(Sampler::AlwaysOff)
            .build());
    };
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .build()
        .map_err(|source| TelemetryError::Exporter {
            endpoint: endpoint.to_owned(),
            source: source.into(),
        })?;
    Ok(SdkTracerProvider::builder()
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
        .with_resource(Resource::builder().with_service_name(service).build())
        .with_batch_exporter(exporter)
        .build())
}

/// The layer that gives spans their ids.
///
/// It does not enter spans into OpenTelemetry's own thread-local context (nothing here reads it) and measures no idle time:
/// both would cost on every poll of every call.
pub(super) fn layer<S>(
    provider: &SdkTracerProvider,
    service: &'static str,
) -> OpenTelemetryLayer<S, SdkTracer>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let scope = InstrumentationScope::builder(Cow::Borrowed(service)).build();
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer_with_scope(scope))
        .with_context_activation(false)
        .with_tracked_inactivity(false)
        .with_location(false)
        .with_threads(false)
}

/// The W3C `traceparent` of the current span: what an outbox row or a call carries. None outside of a span.
pub fn trace_parent() -> Option<String> {
    let context = Span::current().context();
    let span = context.span();
    let ids = span.span_context();
    ids.is_valid().then(|| {
        format!(
            "00-{}-{}-{:02x}",
            ids.trace_id(),
            ids.span_id(),
            ids.trace_flags()
        )
    })
}

/// The id of the current trace, for a log line or a fact. None outside of a span.
pub fn trace_id() -> Option<String> {
    let context = Span::current().context();
    let span = context.span();
    let ids = span.span_context();
    ids.is_valid().then(|| ids.trace_id().to_string())
}

/// Makes `span` part of the trace that a W3C `traceparent` names. Call it before the span is entered;
/// what is not a `traceparent` is ignored, since a bad header of a caller must not fail their call.
pub fn continue_trace(span: &Span, trace_parent: &str) {
    if let Some(remote) = parse(trace_parent) {
        let parent = Context::new().with_remote_span_context(remote);
        // Without telemetry (a unit test) or after the span began there is nothing to continue.
        let _ = span.set_parent(parent);
    }
}

fn parse(trace_parent: &str) -> Option<SpanContext> {
    let mut parts = trace_parent.split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if version.len() != 2 || version == "ff" || trace.len() != 32 || span.len() != 16 {
        return None;
    }
    // Version 00 has exactly four parts; later versions may append more.
    if version == "00" && parts.next().is_some() {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        flags,
        true,
        TraceState::NONE,
    );
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt as _;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn traced(work: impl FnOnce()) {
        let provider = provider(None, "test").unwrap();
        let subscriber = tracing_subscriber::registry().with(layer(&provider, "test"));
        tracing::subscriber::with_default(subscriber, work);
    }

    #[test]
    fn a_trace_goes_on_from_its_parent_and_through_inner_spans() {
        traced(|| {
            let call = tracing::info_span!("call");
            continue_trace(&call, PARENT);
            let _in_call = call.enter();
            let outer = trace_parent().unwrap();
            let inner = tracing::info_span!("inner").in_scope(|| trace_parent().unwrap());
            for parent in [&outer, &inner] {
                assert!(
                    parent.starts_with("00-0af7651916cd43dd8448eb211c80319c-"),
                    "{parent}"
                );
            }
            assert_ne!(outer, inner);
            assert_eq!(
                trace_id().as_deref(),
                Some("0af7651916cd43dd8448eb211c80319c")
            );
        });
    }

    #[test]
    fn a_span_without_a_parent_begins_a_trace_although_nothing_is_exported() {
        traced(|| {
            let parent = tracing::info_span!("call").in_scope(|| trace_parent().unwrap());
            assert_eq!(parent.len(), PARENT.len());
            assert!(parse(&parent).is_some(), "{parent}");
        });
        assert_eq!(trace_parent(), None);
    }

    #[test]
    fn what_is_not_a_traceparent_is_ignored() {
        for text in [
            "",
            "00-0-0-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-zz",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert!(parse(PARENT).is_some());
    }
}
