//! [`Ingress`]: by which door a request came, which decides what may leave of it.

/// By which door a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ingress {
    /// The routes of a collector: an application on a server sent it, and `[policy.server]` holds.
    Sidecar,
    /// The tunnel: a browser sent it, and `[policy.browser]` holds.
    Tunnel,
}
