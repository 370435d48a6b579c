//! What stands between load and sink: a process on a core of its own, and what it has cost.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A process, ended with this value.
pub(super) struct Proxy {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody has.
fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// Holds the process of this number to one core, with all its threads.
pub(super) fn pin(core: usize) {
    let own = std::process::id().to_string();
    let pinned = Command::new("taskset")
        .args(["-apc", &core.to_string(), &own])
        .stdout(Stdio::null())
        .status();
    assert!(pinned.unwrap().success(), "taskset failed");
}

/// So that `taskset` replaces itself by the program, and the process is the same.
fn on_core(core: usize, program: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string(), program]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

impl Proxy {
    fn start(mut command: Command, address: SocketAddr) -> Proxy {
        Proxy {
            child: command.spawn().unwrap(),
            address,
        }
    }

    /// `scrubline serve`, with these settings beside its defaults.
    pub(super) fn scrubline(core: usize, upstream: SocketAddr, settings: &[&str]) -> Proxy {
        let (address, admin) = (free(), free());
        let mut command = on_core(core, env!("CARGO_BIN_EXE_scrubline"));
        command.args(["serve", "--upstream", &format!("http://{upstream}")]);
        command.args(["--listen", &address.to_string()]);
        command.args(["--admin", &admin.to_string()]);
        // All of what is sent is to be scrubbed and to leave, traces too.
        command.args(["--set", "policy.server.traces_sample_rate=1"]);
        for setting in settings {
            command.args(["--set", setting]);
        }
        command.current_dir("/").stderr(Stdio::null());
        Proxy::start(command, address)
    }

    /// The bare pass-through.
    pub(super) fn bare(core: usize, upstream: SocketAddr) -> Proxy {
        let address = free();
        let own = std::env::current_exe().unwrap();
        let mut command = on_core(core, own.to_str().unwrap());
        command.args(["bare", &address.to_string(), &upstream.to_string()]);
        Proxy::start(command, address)
    }

    /// nginx, if there is one. `folder` is for its files.
    pub(super) fn nginx(core: usize, upstream: SocketAddr, folder: &Path) -> Option<Proxy> {
        let program = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/bin/nginx"];
        let program = program.into_iter().find(|path| Path::new(path).exists())?;
        let address = free();
        let configuration = include_str!("nginx.conf")
            .replace("FOLDER", folder.to_str().unwrap())
            .replace("LISTEN", &address.to_string())
            .replace("UPSTREAM", &upstream.to_string());
        let path = folder.join("nginx.conf");
        std::fs::write(&path, configuration).unwrap();
        let mut command = on_core(core, program);
        command.args(["-c", path.to_str().unwrap(), "-e", "/dev/null"]);
        Some(Proxy::start(command, address))
    }

    /// Nanoseconds of processor time so far, of all its threads, in the program and in the kernel.
    pub(super) fn cpu(&self) -> u64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let threads = tasks.filter_map(|task| {
            let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<u64>().ok()
        });
        threads.sum()
    }

    /// What of its memory is resident, in bytes.
    pub(super) fn resident(&self) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = text.lines().find(|line| line.starts_with("VmRSS:"));
        let kilobytes = line.unwrap().split_whitespace().nth(1).unwrap();
        kilobytes.parse::<u64>().unwrap() << 10
    }
}
