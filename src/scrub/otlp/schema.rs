//! The messages of OTLP traces and logs, as tables: which fields there are, and what is done with each.
//!
//! Source: opentelemetry-proto v1 (as in its Python package 1.45, with which the tests compare), `collector/{trace,logs}/v1`, `trace/v1/trace.proto`, `logs/v1/logs.proto`,
//! `resource/v1/resource.proto`, `common/v1/common.proto`. What is not in a table does not leave: fields of later versions,
//! the string tables of profiles, and the instrumentation libraries that v0.15 (2022) did away with.

/// What a field holds, and so what is done with it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// A number, an enumeration or flags: stays.
    Varint,
    /// A time: stays.
    Fixed64,
    /// Flags: stay.
    Fixed32,
    /// An id of at most so many bytes: stays.
    Id(usize),
    /// A string: scrubbed as text.
    Text,
    /// `KeyValue`: by its name.
    Attribute,
    /// `AnyValue` with no name: by what it says.
    Value,
    /// Another message.
    Message(&'static Schema),
}

/// A message: its fields by number.
#[derive(Debug)]
pub(super) struct Schema {
    /// Number, name in OTLP JSON, and kind.
    pub(super) fields: &'static [(u32, &'static str, Kind)],
}

const TRACE_ID: Kind = Kind::Id(16);
const SPAN_ID: Kind = Kind::Id(8);

/// `ExportTraceServiceRequest`
pub(super) static TRACES: Schema = Schema {
    fields: &[(1, "resourceSpans", Kind::Message(&RESOURCE_SPANS))],
};

static RESOURCE_SPANS: Schema = Schema {
    fields: &[
        (1, "resource", Kind::Message(&RESOURCE)),
        (2, "scopeSpans", Kind::Message(&SCOPE_SPANS)),
        (3, "schemaUrl", Kind::Text),
    ],
};

static SCOPE_SPANS: Schema = Schema {
    fields: &[
        (1, "scope", Kind::Message(&SCOPE)),
        (2, "spans", Kind::Message(&SPAN)),
        (3, "schemaUrl", Kind::Text),
    ],
};

/// The message of one span.
pub(super) fn span() -> &'static Schema {
    &SPAN
}

/// The number of its field `traceId`.
pub(super) const SPAN_TRACE_ID: u32 = 1;

static SPAN: Schema = Schema {
    fields: &[
        (SPAN_TRACE_ID, "traceId", TRACE_ID),
        (2, "spanId", SPAN_ID),
        (3, "traceState", Kind::Text),
        (4, "parentSpanId", SPAN_ID),
        (5, "name", Kind::Text),
        (6, "kind", Kind::Varint),
        (7, "startTimeUnixNano", Kind::Fixed64),
        (8, "endTimeUnixNano", Kind::Fixed64),
        (9, "attributes", Kind::Attribute),
        (10, "droppedAttributesCount", Kind::Varint),
        (11, "events", Kind::Message(&EVENT)),
        (12, "droppedEventsCount", Kind::Varint),
        (13, "links", Kind::Message(&LINK)),
        (14, "droppedLinksCount", Kind::Varint),
        (15, "status", Kind::Message(&STATUS)),
        (16, "flags", Kind::Fixed32),
    ],
};

static EVENT: Schema = Schema {
    fields: &[
        (1, "timeUnixNano", Kind::Fixed64),
        (2, "name", Kind::Text),
        (3, "attributes", Kind::Attribute),
        (4, "droppedAttributesCount", Kind::Varint),
    ],
};

static LINK: Schema = Schema {
    fields: &[
        (1, "traceId", TRACE_ID),
        (2, "spanId", SPAN_ID),
        (3, "traceState", Kind::Text),
        (4, "attributes", Kind::Attribute),
        (5, "droppedAttributesCount", Kind::Varint),
        (6, "flags", Kind::Fixed32),
    ],
};

static STATUS: Schema = Schema {
    fields: &[(2, "message", Kind::Text), (3, "code", Kind::Varint)],
};

/// `ExportLogsServiceRequest`
pub(super) static LOGS: Schema = Schema {
    fields: &[(1, "resourceLogs", Kind::Message(&RESOURCE_LOGS))],
};

static RESOURCE_LOGS: Schema = Schema {
    fields: &[
        (1, "resource", Kind::Message(&RESOURCE)),
        (2, "scopeLogs", Kind::Message(&SCOPE_LOGS)),
        (3, "schemaUrl", Kind::Text),
    ],
};

static SCOPE_LOGS: Schema = Schema {
    fields: &[
        (1, "scope", Kind::Message(&SCOPE)),
        (2, "logRecords", Kind::Message(&LOG_RECORD)),
        (3, "schemaUrl", Kind::Text),
    ],
};

static LOG_RECORD: Schema = Schema {
    fields: &[
        (1, "timeUnixNano", Kind::Fixed64),
        (2, "severityNumber", Kind::Varint),
        (3, "severityText", Kind::Text),
        (5, "body", Kind::Value),
        (6, "attributes", Kind::Attribute),
        (7, "droppedAttributesCount", Kind::Varint),
        (8, "flags", Kind::Fixed32),
        (9, "traceId", TRACE_ID),
        (10, "spanId", SPAN_ID),
        (11, "observedTimeUnixNano", Kind::Fixed64),
        (12, "eventName", Kind::Text),
    ],
};

static RESOURCE: Schema = Schema {
    fields: &[
        (1, "attributes", Kind::Attribute),
        (2, "droppedAttributesCount", Kind::Varint),
        (3, "entityRefs", Kind::Message(&ENTITY_REF)),
    ],
};

static ENTITY_REF: Schema = Schema {
    fields: &[
        (1, "schemaUrl", Kind::Text),
        (2, "type", Kind::Text),
        (3, "idKeys", Kind::Text),
        (4, "descriptionKeys", Kind::Text),
    ],
};

static SCOPE: Schema = Schema {
    fields: &[
        (1, "name", Kind::Text),
        (2, "version", Kind::Text),
        (3, "attributes", Kind::Attribute),
        (4, "droppedAttributesCount", Kind::Varint),
    ],
};

/// `KeyValue`
pub(super) mod key_value {
    pub(crate) const KEY: u32 = 1;
    pub(crate) const VALUE: u32 = 2;
}

/// `AnyValue`, of which one field is set
pub(super) mod any_value {
    pub(crate) const STRING: u32 = 1;
    pub(crate) const BOOL: u32 = 2;
    pub(crate) const INT: u32 = 3;
    pub(crate) const DOUBLE: u32 = 4;
    pub(crate) const ARRAY: u32 = 5;
    pub(crate) const KVLIST: u32 = 6;
    pub(crate) const BYTES: u32 = 7;
}

/// The only field of `ArrayValue` and of `KeyValueList`
pub(super) const VALUES: u32 = 1;
