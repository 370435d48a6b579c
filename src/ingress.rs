//! By which door a request came.

/// The two doors. What may pass differs: behind one are servers of the operator's own, behind the other is everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ingress {
    /// `/api/{project}/…`, where SDKs of servers send to, with a key of their own.
    Sidecar,
    /// `tunnel.path`, where browsers post to: the public internet.
    Tunnel,
}
