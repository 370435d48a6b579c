//! What can be seen from outside: metrics and log lines. Nothing here ever holds a payload, a header value or a query.

mod metrics;
mod trace;

pub(crate) use metrics::ConnectionError;
pub use metrics::Metrics;
pub use trace::start as start_log;
