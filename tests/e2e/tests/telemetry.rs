//! Telemetry at a collector: traces from the edge to every statement, and the metrics that dashboards and alerts use
//! (OPS-3).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use aikagi_api::units::v1::AuthUnit;
use aikagi_client::samples::{CONTRACT, FIRST, PERMANENT, TEMPORARY};
use aikagi_devkit::process;
use aikagi_e2e::collector::Collector;
use aikagi_e2e::processes::{ProcessSystem, light};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;

/// The directory of the dashboards and alerts.
const WATCHED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/observability");
/// The prefixes of this system's metric names in Prometheus.
const OURS: [&str; 3] = ["aikagi_", "rpc_", "db_client_"];

/// Plays a story with a temporary password, a wrong login, a login and a forced change. Then stops all services, so that they
/// send their remaining telemetry.
async fn play(collector: &Collector) {
    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint()),
        ("OTEL_BSP_SCHEDULE_DELAY", "200".to_owned()),
    ];
    let environment = environment
        .map(|(key, value)| (key.to_owned(), value))
        .to_vec();
    let mut system = ProcessSystem::start(&[], light, environment).await;
    let numbers = [(CONTRACT, true), (FIRST, true)];
    system.operator().add_line(&numbers).await.unwrap();
    let ivr = system.ivr();
    ivr.set_by_telephone(CONTRACT, "1", "", TEMPORARY)
        .await
        .unwrap();
    let site = system.site();
    site.login(CONTRACT, "00000000").await.unwrap_err();
    let session = site.login(CONTRACT, TEMPORARY).await.unwrap();
    let session = session.change(TEMPORARY, PERMANENT).await.unwrap().unwrap();
    // Send a revision that no page has shown.
    let nothing = session.migrate_with(AuthUnit::Number, &[(CONTRACT, PERMANENT)], "stale");
    nothing.await.unwrap_err();
    session.logout().await.unwrap();
    // Ten wrong attempts kill the password.
    for _ in 0..10 {
        site.login(CONTRACT, "Wrong12345").await.unwrap_err();
    }
    system
        .processes
        .processes()
        .for_each(process::Process::ask_to_stop);
    let mut ended = system.processes.processes();
    assert!(ended.all(|process| process.wait_end(Duration::from_mins(1))));
}

fn text<'a>(attributes: &'a [KeyValue], key: &str) -> &'a str {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    match found.and_then(|found| found.value.as_ref()?.value.as_ref()) {
        Some(Value::StringValue(text)) => text,
        _ => "",
    }
}

fn service(resource: Option<&Resource>) -> String {
    text(&resource.unwrap().attributes, "service.name").to_owned()
}

/// All spans, each with its service.
fn spans(collector: &Collector) -> Vec<(String, Span)> {
    let sent = collector.messages::<ExportTraceServiceRequest>("TraceService");
    let mut spans = Vec::new();
    for of_service in sent.into_iter().flat_map(|sent| sent.resource_spans) {
        let name = service(of_service.resource.as_ref());
        for scope in of_service.scope_spans {
            spans.extend(scope.spans.into_iter().map(|span| (name.clone(), span)));
        }
    }
    spans
}

/// The trace that begins with this RPC at the edge and ends with this status: the service and
/// the store of each span. Checks that all spans are connected.
fn trace(spans: &[(String, Span)], method: &str, status: &str) -> BTreeSet<(String, String)> {
    let (_, root) = spans
        .iter()
        .find(|(service, span)| {
            service == "aikagi-edge"
                && span.name.ends_with(method)
                && text(&span.attributes, "rpc.response.status_code") == status
                && span.parent_span_id.is_empty()
        })
        .unwrap_or_else(|| panic!("no trace of {method} with {status}"));
    assert_eq!(text(&root.attributes, "rpc.system.name"), "grpc");
    assert_eq!(text(&root.attributes, "rpc.method"), root.name);
    let whole: Vec<&(String, Span)> = spans
        .iter()
        .filter(|(_, span)| span.trace_id == root.trace_id)
        .collect();
    let ids: BTreeSet<&[u8]> = whole
        .iter()
        .map(|(_, span)| span.span_id.as_slice())
        .collect();
    for (service, span) in &whole {
        let connected =
            span.span_id == root.span_id || ids.contains(span.parent_span_id.as_slice());
        assert!(
            connected,
            "{service}: the parent of {} is missing",
            span.name
        );
    }
    whole
        .into_iter()
        .map(|(service, span)| {
            (
                service.clone(),
                text(&span.attributes, "db.system.name").to_owned(),
            )
        })
        .collect()
}

/// OPS-3: a login and a required change each have one connected trace. It covers the edge, every
/// further service, the statements in PostgreSQL and the commands in Redis.
#[tokio::test(flavor = "multi_thread")]
async fn one_trace_connects_the_edge_to_every_statement() {
    let collector = Collector::start().await;
    play(&collector).await;
    let spans = spans(&collector);
    let of = |name: &str, store: &str| (format!("aikagi-{name}"), store.to_owned());

    let login = trace(&spans, "SubscriberService/Login", "OK");
    let expected = [
        of("edge", ""),
        of("edge", "redis"),
        of("authentication", ""),
        of("authentication", "postgresql"),
        of("authentication", "redis"),
    ];
    assert_eq!(login, BTreeSet::from(expected));

    let change = trace(&spans, "SubscriberService/ChangePassword", "OK");
    for part in [
        of("edge", ""),
        of("password", ""),
        of("password", "postgresql"),
        of("authentication", ""),
        of("authentication", "postgresql"),
        of("authentication", "redis"),
    ] {
        assert!(change.contains(&part), "{part:?}");
    }
    for (_, span) in &spans {
        let statement = text(&span.attributes, "db.system.name");
        if statement == "postgresql" {
            assert_eq!(text(&span.attributes, "db.query.summary"), span.name);
        } else if statement == "redis" {
            assert_eq!(text(&span.attributes, "db.operation.name"), span.name);
        }
    }
    let logs = collector.messages::<ExportLogsServiceRequest>("LogsService");
    assert!(!logs.is_empty(), "no logs were sent");
}

/// The names of a metric in Prometheus, with the suffixes of its type.
fn in_prometheus(name: &str, unit: &str, data: &Data) -> Vec<String> {
    let mut name = name.replace('.', "_");
    if unit == "s" {
        name.push_str("_seconds");
    }
    match data {
        Data::Histogram(_) => ["_bucket", "_count", "_sum"]
            .map(|end| format!("{name}{end}"))
            .to_vec(),
        Data::Sum(sum) if sum.is_monotonic => vec![format!("{name}_total")],
        _ => vec![name],
    }
}

/// The names of the metrics that a file uses.
fn asked_for(file: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(file).unwrap();
    text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
        .filter(|word| OURS.iter().any(|ours| word.starts_with(ours)))
        .map(str::to_owned)
        .collect()
}

/// Dashboards and alerts use only existing metrics and labels. No label has unbounded values such as telephone numbers.
#[tokio::test(flavor = "multi_thread")]
async fn dashboards_and_alerts_use_existing_metrics() {
    let collector = Collector::start().await;
    play(&collector).await;
    let mut known = BTreeSet::new();
    let mut labels: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let sent = collector.messages::<ExportMetricsServiceRequest>("MetricsService");
    for of_service in sent.into_iter().flat_map(|sent| sent.resource_metrics) {
        for metric in of_service
            .scope_metrics
            .into_iter()
            .flat_map(|scope| scope.metrics)
        {
            let data = metric.data.unwrap();
            known.extend(in_prometheus(&metric.name, &metric.unit, &data));
            let points: Vec<Vec<KeyValue>> = match data {
                Data::Gauge(of) => of
                    .data_points
                    .into_iter()
                    .map(|point| point.attributes)
                    .collect(),
                Data::Sum(of) => of
                    .data_points
                    .into_iter()
                    .map(|point| point.attributes)
                    .collect(),
                Data::Histogram(of) => of
                    .data_points
                    .into_iter()
                    .map(|point| point.attributes)
                    .collect(),
                _ => Vec::new(),
            };
            for label in points.into_iter().flatten() {
                let key = label.key.replace('.', "_");
                let value = text(std::slice::from_ref(&label), &label.key).to_owned();
                labels.entry(key).or_default().insert(value);
            }
        }
    }
    known.extend(labels.keys().cloned());
    let dashboards = std::fs::read_dir(Path::new(WATCHED).join("dashboards")).unwrap();
    let mut files: Vec<_> = dashboards.map(|file| file.unwrap().path()).collect();
    files.push(Path::new(WATCHED).join("alerts.yml"));
    for file in files {
        let asked = asked_for(&file);
        assert!(!asked.is_empty(), "{} uses no metric", file.display());
        let missing: Vec<&String> = asked.difference(&known).collect();
        assert!(
            missing.is_empty(),
            "{}: {missing:?} of {known:#?}",
            file.display()
        );
    }
    for (label, values) in labels {
        assert!(values.len() <= 64, "{label} has {} values", values.len());
        for value in values {
            let digits = value.chars().filter(char::is_ascii_digit).count();
            assert!(digits < 6, "{label} = {value}");
        }
    }
}
