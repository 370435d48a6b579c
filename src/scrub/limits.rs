//! Every bound of the system in one struct: each is finite by default, and reaching it has a named outcome.

/// The bounds of one stream. All sizes are bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Decoded size of one request body. Default 200 MiB, Relay's own bound for an envelope.
    pub decoded_bytes: u64,
    /// How many times larger than its encoded form a body may be, once more than 1 MiB has come out. Default 1,000.
    pub decode_ratio: u64,
    /// Depth of JSON nesting; deeper input is refused. Default (and most) 512.
    pub json_depth: usize,
    /// Length of an envelope header or item header line. Default 16 KiB.
    pub header_bytes: usize,
    /// Length of an OTLP body in Protocol Buffers, which must be kept whole. Default 4 MiB, what gRPC takes of a message; exporters
    /// send some hundred spans at a time, far below it.
    pub protobuf_bytes: usize,
    /// What a minidump request says of its event, in all its fields; and its text files, where they are kept. Default 1 MiB, Relay's
    /// own bound for an event.
    pub form_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            decoded_bytes: 200 << 20,
            decode_ratio: 1000,
            json_depth: 512,
            header_bytes: 16 << 10,
            protobuf_bytes: 4 << 20,
            form_bytes: 1 << 20,
        }
    }
}
