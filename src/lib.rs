//! Scrubline takes the secrets out of Sentry telemetry before it leaves.

#[cfg(feature = "proxy")]
mod admin;
#[cfg(feature = "proxy")]
pub mod cli;
#[cfg(feature = "proxy")]
pub mod config;
#[cfg(feature = "proxy")]
mod delivery;
#[cfg(feature = "proxy")]
pub mod observe;
pub mod policy;
#[cfg(feature = "proxy")]
pub mod proxy;
pub mod scrub;
