//! What the process itself must not give away: no core dump with payload in it, no payload in what a panic says.

use std::panic::PanicHookInfo;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Makes the process one that leaves nothing behind: no core dumps, and nobody but root may read its memory (`PR_SET_DUMPABLE`, prctl(2)). A
/// panic says where it was, and never what it was about: messages of libraries quote what they could not use.
///
/// # Errors
/// The system refuses it; what was refused.
pub fn harden() -> Result<(), String> {
    std::panic::set_hook(Box::new(tell));
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
        .map_err(|error| format!("PR_SET_DUMPABLE: {error}"))?;
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none).map_err(|error| format!("RLIMIT_CORE: {error}"))
}

/// As many open files as the system grants: each connection takes one, and what is usual is 1024.
pub(super) fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, most) {
        tracing::warn!(%error, "the limit of open files can't be raised; fewer connections may fit than limits.connections says");
    }
}

fn tell(panic: &PanicHookInfo<'_>) {
    let place = panic.location();
    tracing::error!(
        file = place.map(|place| place.file()),
        line = place.map(|place| place.line()),
        "panic: a mistake of ours; the request that met it is lost"
    );
}
