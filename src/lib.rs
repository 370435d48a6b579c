//! Scrubline takes the secrets out of Sentry telemetry before it leaves.

pub mod policy;
pub mod scrub;
