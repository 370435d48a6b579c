//! Scrubline takes the secrets out of Sentry telemetry before it leaves.

#[cfg(feature = "proxy")]
pub mod config;
pub mod policy;
pub mod scrub;
