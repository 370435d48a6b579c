"""The peer of tests/otlp.rs: a real exporter, and the real messages.

    otlp.py export ENDPOINT     one span and one log record through the SDK's own exporters
    otlp.py sample SIGNAL       a request with a value of every kind, as protobuf on standard output
    otlp.py sample-json SIGNAL  the same as OTLP JSON
    otlp.py json SIGNAL         protobuf on standard input, as JSON on standard output
"""

import json
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

SECRET = "s3cr3tCanary"
MESSAGES = {"traces": ExportTraceServiceRequest, "logs": ExportLogsServiceRequest}

# OTLP JSON, less the ids (they are hexadecimal there, and base64 in protobuf's own JSON). Strings with a secret have SECRET in them.
ATTRIBUTES = [
    {"key": "http.request.header.cookie", "value": {"stringValue": f"sid={SECRET}; theme=dark"}},
    {"key": "http.request.header.authorization", "value": {"arrayValue": {"values": [{"stringValue": f"Bearer {SECRET}"}]}}},
    {"key": "url.query", "value": {"stringValue": f"page=2&code={SECRET}"}},
    {"key": "url.full", "value": {"stringValue": f"https://shop.example/cb?code={SECRET}&lang=pl"}},
    {"key": "db.password", "value": {"kvlistValue": {"values": [{"key": "old", "value": {"stringValue": SECRET}}]}}},
    {"key": "api_key", "value": {"intValue": "4711"}},
    {"key": "token", "value": {"boolValue": True}},
    {"key": "secret", "value": {"stringValue": ""}},
    {"key": "max_tokens", "value": {"intValue": "512"}},
    {"key": "ratio", "value": {"doubleValue": 0.5}},
    {"key": "client.address", "value": {"stringValue": "203.0.113.9"}},
    {"key": "nested", "value": {"kvlistValue": {"values": [
        {"key": "password", "value": {"stringValue": SECRET}},
        {"key": "list", "value": {"arrayValue": {"values": [{"stringValue": f"token={SECRET}"}, {"intValue": "7"}]}}},
        {"key": "plain", "value": {"stringValue": "stays"}},
    ]}}},
    {"key": f"x?token={SECRET}", "value": {"stringValue": "a key is text, too"}},
    {"value": {"stringValue": SECRET}, "key": "x-cron-secret"},
]
SCOPE = {"name": f"shop?token={SECRET}", "version": "1.2", "attributes": ATTRIBUTES}
RESOURCE = {"attributes": ATTRIBUTES, "droppedAttributesCount": 1}
SAMPLES = {
    "traces": {"resourceSpans": [{
        "resource": RESOURCE,
        "schemaUrl": f"https://opentelemetry.example/?token={SECRET}",
        "scopeSpans": [{"scope": SCOPE, "schemaUrl": "https://opentelemetry.example/1", "spans": [{
            "traceState": f"vendor=1,token={SECRET}",
            "name": f"GET /orders?token={SECRET}",
            "kind": 2,
            "startTimeUnixNano": "1700000000000000001",
            "endTimeUnixNano": "1700000000000000002",
            "attributes": ATTRIBUTES,
            "droppedAttributesCount": 3,
            "events": [{"timeUnixNano": "5", "name": f"password={SECRET}", "attributes": ATTRIBUTES}],
            "links": [{"traceState": f"token={SECRET}", "attributes": ATTRIBUTES, "flags": 1}],
            "status": {"message": f"refused: Authorization: Bearer {SECRET}", "code": 2},
            "flags": 257,
        }]}],
    }]},
    "logs": {"resourceLogs": [{
        "resource": RESOURCE,
        "scopeLogs": [{"scope": SCOPE, "logRecords": [
            {"timeUnixNano": "1", "observedTimeUnixNano": "2", "severityNumber": 9, "severityText": "INFO",
             "body": {"stringValue": f"GET /x?token={SECRET}"}, "attributes": ATTRIBUTES, "flags": 1,
             "eventName": f"login?password={SECRET}"},
            {"body": {"kvlistValue": {"values": ATTRIBUTES}}},
            {"body": {"arrayValue": {"values": [{"stringValue": f"secret={SECRET}"}, {"boolValue": False}]}}},
        ]}],
    }]},
}


def export(endpoint):
    import logging

    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
    from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    results = []

    def watched(exporter):
        """Keeps what the exporter made of the answer."""
        send = exporter.export

        def export(batch):
            result = send(batch)
            results.append(result.name)
            return result

        exporter.export = export
        return exporter

    headers = {"x-sentry-auth": "sentry sentry_key=0123456789abcdef0123456789abcdef"}
    resource = Resource({"service.name": "shop", "deployment.api_key": SECRET})
    spans = TracerProvider(resource=resource)
    spans.add_span_processor(SimpleSpanProcessor(watched(OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces", headers=headers))))
    with spans.get_tracer("shop").start_as_current_span("charge_order") as span:
        span.set_attribute("http.request.header.authorization", [f"Bearer {SECRET}"])
        span.set_attribute("url.full", f"https://shop.example/cb?code={SECRET}&lang=pl")
        span.set_attribute("cart.items", 3)
        span.add_event("retry", {"url": f"https://shop.example/?token={SECRET}"})
        span.record_exception(ValueError(f"bad password={SECRET}"))
        span.set_status(trace.Status(trace.StatusCode.ERROR, f"token={SECRET}"))
    logs = LoggerProvider(resource=resource)
    logs.add_log_record_processor(SimpleLogRecordProcessor(watched(OTLPLogExporter(endpoint=f"{endpoint}/v1/logs", headers=headers))))
    logger = logging.getLogger("shop")
    logger.addHandler(LoggingHandler(logger_provider=logs))
    logger.warning("paid with token=%s for req-7f3a", SECRET, extra={"x_cron_secret": SECRET})
    spans.shutdown()
    logs.shutdown()
    print(" ".join(results))


def main():
    mode, argument = sys.argv[1:]
    if mode == "export":
        export(argument)
    elif mode == "sample":
        message = json_format.ParseDict(SAMPLES[argument], MESSAGES[argument]())
        sys.stdout.buffer.write(message.SerializeToString())
    elif mode == "sample-json":
        json.dump(SAMPLES[argument], sys.stdout)
    elif mode == "json":
        message = MESSAGES[argument].FromString(sys.stdin.buffer.read())
        # Enumerations are numbers in OTLP JSON.
        json.dump(json_format.MessageToDict(message, use_integers_for_enums=True), sys.stdout)
    else:
        sys.exit(f"no mode {mode}")


main()
