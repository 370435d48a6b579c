//! Profiles, shadow policies, and new policies while the proxy runs.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, missing_docs)]

mod support;

use std::path::PathBuf;
use std::process::{Command, Output};

use scrubline::config::Loader;
use scrubline::policy::{Policy, Profile};
use scrubline::proxy::{App, Shutdown};
use support::{ID, Proxy, Upstream};

fn scrubline(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_scrubline"))
        .args(arguments)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A folder that goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path =
            std::env::temp_dir().join(format!("scrubline-{}-policy-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    /// Writes a file as a whole, as an operator's tools do.
    fn write(&self, name: &str, content: &str) -> PathBuf {
        let (path, new) = (self.0.join(name), self.0.join("new"));
        std::fs::write(&new, content).unwrap();
        std::fs::rename(new, &path).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

// -------------------------------------------------------------------------------------------------- profiles

#[test]
fn every_clause_of_every_profile_holds() {
    for name in Policy::builtin_names() {
        let profile = Profile::builtin(name).unwrap();
        assert_eq!(profile.name(), name);
        assert!(!profile.clauses().is_empty(), "{name} promises nothing");
        for tried in profile.try_cases(&Policy::of_profile(&profile).unwrap()) {
            assert_eq!(tried.problems, Vec::<String>::new(), "{}", tried.clause);
        }
    }
    let output = scrubline(&["policy", "test"]);
    assert!(output.status.success(), "{}", text(&output.stdout));
    assert!(text(&output.stdout).ends_with(" cases tried, 0 clauses failed\n"));
}

#[test]
fn a_profile_is_shown_clause_by_clause() {
    let shown = text(&scrubline(&["policy", "show", "sentry-eu"]).stdout);
    for part in [
        "sentry-eu 2 (hash ",
        "sentry-eu.no-ip\n  No IP address",
        "by the rules ip.*, sentry.user_ip",
        "[browser]\n  pass: event, feedback, user_report, client_report\n  all else: drop\n",
        "traces that are kept: 0.1",
        "  core 2 ",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let source = scrubline(&["policy", "show", "strict", "--source"]);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/rules/policies/strict.toml");
    assert_eq!(text(&source.stdout), std::fs::read_to_string(file).unwrap());
    let unknown = scrubline(&["policy", "show", "strickt"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("there is no policy 'strickt'; did you mean 'strict'?"));
    let list = text(&scrubline(&["policy", "list"]).stdout);
    assert_eq!(list.lines().count(), Policy::builtin_names().len());
}

/// `show` and `test` take a name or a file. Each with its arguments, how it ends, and how what it says begins.
#[test]
fn a_policy_is_named_or_is_a_file() {
    let folder = Folder::new("named");
    let head = "version = 1\ndescription = 'd'\npacks = ['core']\n";
    let own = folder.write("own.toml", &format!("policy = 'own'\n{head}"));
    let door = format!("policy = 'own'\n{head}[server]\notherwise = 'passs'\n");
    let door = folder.write("door.toml", &door);
    let pack = folder.write("pack.toml", "pack = 'p'\nversion = 1\ndescription = 'd'\n");
    let bare = folder.write("bare", &format!("policy = 'own'\n{head}"));
    let [own, door, pack, bare] = [own, door, pack, bare].map(|path| path.display().to_string());
    let gone = format!("{own}.toml");
    let near = "there is no policy 'sentryeu'; did you mean 'sentry-eu'? (a file of your own is named by its path, which ends in .toml)\n";
    for (name, code, show, test) in [
        ("strict", 0, "strict ".to_owned(), "".to_owned()),
        (
            &own,
            0,
            "own 1 (hash ".to_owned(),
            "0 cases tried, 0 clauses failed\n".to_owned(),
        ),
        (
            &bare,
            0,
            "own 1 (hash ".to_owned(),
            "0 cases tried, 0 clauses failed\n".to_owned(),
        ),
        (
            "sentryeu",
            2,
            format!("scrubline: {near}"),
            format!("scrubline: {near}"),
        ),
        (
            &gone,
            2,
            format!("scrubline: {gone}: there is no such file"),
            "scrubline: ".to_owned(),
        ),
        (
            &door,
            2,
            format!(
                "scrubline: {door}:6: [server]: otherwise: \"passs\" is none of pass, drop, reject\n"
            ),
            "scrubline: ".to_owned(),
        ),
        (
            &pack,
            2,
            format!(
                "scrubline: {pack}: is a pack, and a policy is wanted; a pack is named in policy.packs\n"
            ),
            "scrubline: ".to_owned(),
        ),
    ] {
        for (command, expected) in [("show", show), ("test", test)] {
            let output = scrubline(&["policy", command, name]);
            let said = text(&[output.stdout, output.stderr].concat());
            assert_eq!(output.status.code(), Some(code), "{command} {name}: {said}");
            assert!(said.starts_with(&expected), "{command} {name}: {said}");
        }
    }
}

#[test]
fn a_policy_of_ones_own_is_a_file_and_has_the_core() {
    let folder = Folder::new("own");
    let file = |packs: &str| {
        format!(
            "policy = 'acme'\nversion = 1\ndescription = 'd'\npacks = [{packs}]\n[browser]\notherwise = 'drop'\n"
        )
    };
    let path = folder.write("acme.toml", &file("'core', 'sentry'"));
    let name = path.display().to_string();
    let load = || {
        let loader = Loader::default().no_file().no_upstream();
        let config = loader.flag("policy.name", &name).load().unwrap().config;
        config.load_policy()
    };
    let policy = load().unwrap();
    assert_eq!(policy.name(), "acme");
    let (scrubbed, _) = scrubline::scrub::scrub_string(&policy.plan(), "Cookie: a=b");
    assert_eq!(scrubbed, "Cookie: [Filtered]");
    folder.write("acme.toml", &file("'credentials'"));
    assert_eq!(
        load().unwrap_err(),
        ["policy.name: policy 'acme': packs: core is missing; no policy is without it"]
    );
    std::fs::remove_file(&path).unwrap();
    let gone = load().unwrap_err().concat();
    assert!(
        gone.starts_with(&format!("policy.name: {name}: ")),
        "{gone}"
    );
}

#[test]
fn a_profile_that_breaks_its_promise_fails() {
    let folder = Folder::new("broken");
    let content = r#"
policy = "acme"
version = 1
description = "Acme's"
packs = ["core"]

[[clause]]
id = "acme.no-names"
says = "No name leaves."
rules = ["acme.names"]
[[clause.case]]
in = '{"user":{"name":"Anna"}}'
removes = ["Anna", "Berta"]
keeps = ["Cora"]
"#;
    let path = folder.write("acme.toml", content);
    let output = scrubline(&["policy", "test", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        text(&output.stdout),
        "acme.no-names: the policy has no rule acme.names\n\
         acme.no-names: case 1: \"Anna\" leaves\n\
         acme.no-names: case 1: \"Berta\" is not in it, so nothing is shown by its absence\n\
         acme.no-names: case 1: \"Cora\" does not leave\n\
         1 cases tried, 1 clauses failed\n"
    );
}

#[test]
fn with_a_key_strict_tells_people_apart_and_without_does_not() {
    let folder = Folder::new("key");
    let key = folder.write("key", "a key for hashes that nobody knows");
    let document = folder.write("event.json", r#"{"message":"mail of anna@example.com"}"#);
    let config = folder.write(
        "scrubline.toml",
        &format!(
            "[policy]\nname = 'strict'\nhash_key = 'file:{}'\n",
            key.display()
        ),
    );
    let scrub = |arguments: &[&str]| {
        let all = [
            &["scrub", "--format", "json"],
            arguments,
            &[document.to_str().unwrap()],
        ]
        .concat();
        text(&scrubline(&all).stdout)
    };
    assert_eq!(
        scrub(&["--policy", "strict"]),
        r#"{"message":"mail of [Filtered]"}"#
    );
    let hashed = scrub(&["--config", config.to_str().unwrap()]);
    assert!(
        hashed.starts_with(r#"{"message":"mail of [hash:x"#),
        "{hashed}"
    );
    // And users, whatever they are called; a number tells too much to be kept, and nothing that could be hashed alike.
    let user = |value: &str| {
        std::fs::write(&document, format!("{{\"user\":{{\"id\":{value}}}}}")).unwrap();
        let (plain, hashed) = (
            scrub(&["--policy", "strict"]),
            scrub(&["--config", config.to_str().unwrap()]),
        );
        assert_eq!(plain, "{\"user\":{\"id\":null}}");
        hashed
    };
    let anna = user("\"anna\"");
    assert!(anna.starts_with("{\"user\":{\"id\":\"[hash:x"), "{anna}");
    assert_eq!(user("\"\\u0061nna\""), anna);
    assert_ne!(user("\"berta\""), anna);
    assert_eq!(user("42"), "{\"user\":{\"id\":null}}");
    // Twice is once.
    std::fs::write(&document, &anna).unwrap();
    assert_eq!(scrub(&["--config", config.to_str().unwrap()]), anna);
}

// ---------------------------------------------------------------------------------------------------- shadow

/// An event of which `strict` takes more than `sentry-eu`, in an envelope.
fn event() -> Vec<u8> {
    format!(
        "{{\"event_id\":\"{ID}\"}}\n{{\"type\":\"event\"}}\n{{\"message\":\"anna@example.com\",\"extra\":{{\"password\":\"hunter2\"}}}}\n\
         {{\"type\":\"session\"}}\n{{}}\n"
    )
    .into_bytes()
}

#[tokio::test]
async fn a_shadow_policy_changes_nothing_and_tells_what_it_would() {
    let mut upstream = Upstream::start().await;
    let plain = Proxy::start(&upstream.url(), &[]).await;
    plain.post(event()).await;
    let expected = upstream.received.recv().await.unwrap().plain();
    let shadowed = |name| [("policy.shadow", name)];
    let mut proxy = Proxy::start(&upstream.url(), &shadowed("strict")).await;
    proxy.post(event()).await;
    assert_eq!(upstream.received.recv().await.unwrap().plain(), expected);
    proxy.finished.recv().await.unwrap();
    let metrics = proxy.ask("/metrics").await.body;
    let told: Vec<&str> = metrics
        .lines()
        .filter(|line| line.starts_with("scrubline_shadow"))
        .collect();
    assert_eq!(
        told,
        ["scrubline_shadow_redactions_total{difference=\"more\",rule=\"pii.email\"} 1"]
    );
    // And one that does less: it leaves items out that pass now.
    let mut proxy = Proxy::start(&upstream.url(), &shadowed("errors-only")).await;
    proxy.post(event()).await;
    proxy.finished.recv().await.unwrap();
    let metrics = proxy.ask("/metrics").await.body;
    assert!(
        metrics.contains("scrubline_shadow_items_total{difference=\"more\",type=\"session\"} 1"),
        "{metrics}"
    );
}

#[tokio::test]
async fn observe_takes_core_names_only_and_tells_what_sentry_eu_would() {
    let mut upstream = Upstream::start().await;
    let mut proxy = Proxy::start(&upstream.url(), &[("policy.name", "observe")]).await;
    proxy.post(event()).await;
    let body = text(&upstream.received.recv().await.unwrap().plain());
    assert!(body.contains("hunter2"), "{body}");
    proxy.finished.recv().await.unwrap();
    let metrics = proxy.ask("/metrics").await.body;
    let line =
        "scrubline_shadow_redactions_total{difference=\"more\",rule=\"credentials.password\"} 1";
    assert!(metrics.contains(line), "{metrics}");
}

// ---------------------------------------------------------------------------------------------------- reload

struct Running {
    proxy: Proxy,
}

impl Running {
    async fn start(upstream: &Upstream, folder: &Folder, policy: &str) -> Running {
        let config = folder.write("scrubline.toml", &Running::content(upstream, policy));
        Running::reloading(Loader::default().file(&config)).await
    }

    async fn reloading(loader: Loader) -> Running {
        let app = App::build(loader.clone().load().unwrap().config)
            .await
            .unwrap()
            .reloading(loader);
        let (address, admin, finished) = (app.address(), app.admin_address(), app.subscribe());
        let shutdown = Shutdown::new();
        let running = tokio::spawn(app.run(shutdown.clone()));
        let proxy = Proxy {
            address,
            admin,
            shutdown,
            finished,
            running,
        };
        while proxy.ask("/readyz").await.status != 200 {}
        Running { proxy }
    }

    fn content(upstream: &Upstream, policy: &str) -> String {
        format!(
            "[server]\nlisten = '127.0.0.1:0'\nadmin = '127.0.0.1:0'\n[upstream]\nurl = '{}'\nencoding = 'identity'\n[policy]\nwatch = '10ms'\n{policy}",
            upstream.url()
        )
    }

    async fn metric(&self, line: &str) -> bool {
        let metrics = self.proxy.ask("/metrics").await.body;
        metrics.lines().any(|it| it == line)
    }

    /// Asks until this line is in the metrics.
    async fn until(&self, line: &str) {
        while !self.metric(line).await {
            tokio::task::yield_now().await;
        }
    }
}

async fn scrubbed(running: &Running, upstream: &mut Upstream) -> String {
    assert_eq!(running.proxy.post(event()).await.status, 200);
    text(&upstream.received.recv().await.unwrap().plain())
}

#[tokio::test]
async fn a_changed_file_brings_a_new_policy_and_a_broken_one_does_not() {
    let (mut upstream, folder) = (Upstream::start().await, Folder::new("reload"));
    let running = Running::start(&upstream, &folder, "name = 'sentry-eu'\n").await;
    let ready = running.proxy.ask("/readyz").await.body;
    assert!(
        ready.starts_with("ready\npolicy sentry-eu, generation 1, hash "),
        "{ready}"
    );
    assert!(
        scrubbed(&running, &mut upstream)
            .await
            .contains("anna@example.com")
    );

    folder.write(
        "scrubline.toml",
        &Running::content(&upstream, "name = 'strict'\n"),
    );
    running.until("scrubline_policy_generation 2").await;
    assert!(
        !scrubbed(&running, &mut upstream)
            .await
            .contains("anna@example.com")
    );
    let strict = running.proxy.ask("/readyz").await.body;
    assert!(
        strict.starts_with("ready\npolicy strict, generation 2, hash "),
        "{strict}"
    );
    assert_ne!(ready.rsplit(' ').next(), strict.rsplit(' ').next());
    assert!(
        running
            .metric("scrubline_policy_reloads_total{outcome=\"loaded\"} 1")
            .await
    );

    for broken in ["name = 'strickt'\n", "nam = 'strict'\n", "name = \n"] {
        folder.write("scrubline.toml", &Running::content(&upstream, broken));
        let failed = match broken {
            "name = 'strickt'\n" => 1,
            "nam = 'strict'\n" => 2,
            _ => 3,
        };
        running
            .until(&format!(
                "scrubline_policy_reloads_total{{outcome=\"failed\"}} {failed}"
            ))
            .await;
        assert_eq!(running.proxy.ask("/readyz").await.body, strict);
        assert!(
            !scrubbed(&running, &mut upstream)
                .await
                .contains("anna@example.com")
        );
    }
}

/// As an editor leaves it for a moment, or a volume that is gone. What it said must not be forgotten where the rest stands elsewhere, whether
/// it said so at start or only since.
#[tokio::test]
async fn a_file_that_is_empty_or_gone_leaves_the_policy_in_force() {
    let mut upstream = Upstream::start().await;
    let url = upstream.url();
    let flags = [
        ("server.listen", "127.0.0.1:0"),
        ("server.admin", "127.0.0.1:0"),
        ("upstream.url", &url),
        ("upstream.encoding", "identity"),
        ("policy.watch", "10ms"),
    ];
    let strict = "[policy]\nname = 'strict'\n";
    for (start, mut generation) in [(strict, 1), ("\n", 2)] {
        let folder = Folder::new("emptied");
        let config = folder.write("scrubline.toml", start);
        let loader = flags
            .into_iter()
            .fold(Loader::default().file(&config), |loader, (key, value)| {
                loader.flag(key, value)
            });
        let running = Running::reloading(loader).await;
        folder.write("scrubline.toml", strict);
        let now = format!("scrubline_policy_generation {generation}");
        running.until(&now).await;
        let ready = running.proxy.ask("/readyz").await.body;
        for (number, text) in [Some(" \n"), None].into_iter().enumerate() {
            match text {
                Some(text) => drop(folder.write("scrubline.toml", text)),
                None => std::fs::remove_file(&config).unwrap(),
            }
            let failed = number + 1;
            running
                .until(&format!(
                    "scrubline_policy_reloads_total{{outcome=\"failed\"}} {failed}"
                ))
                .await;
            assert_eq!(running.proxy.ask("/readyz").await.body, ready);
            let event = scrubbed(&running, &mut upstream).await;
            assert!(!event.contains("anna@example.com"), "{event}");
        }
        folder.write("scrubline.toml", "[policy]\nname = 'sentry-eu'\n");
        generation += 1;
        let now = format!("scrubline_policy_generation {generation}");
        running.until(&now).await;
    }
}

/// Also when the configuration could not be loaded at first for want of it.
#[tokio::test]
async fn a_file_that_only_a_new_configuration_names_counts_from_then_on() {
    let mut upstream = Upstream::start().await;
    for is_there in [true, false] {
        let folder = Folder::new("named_later");
        let running = Running::start(&upstream, &folder, "").await;
        let path = folder.0.join("secret");
        if is_there {
            folder.write("secret", "something-else-entirely");
        }
        let named = format!("[secrets]\nfiles = ['{}']\n", path.display());
        folder.write("scrubline.toml", &Running::content(&upstream, &named));
        if !is_there {
            let failed = "scrubline_policy_reloads_total{outcome=\"failed\"} 1";
            running.until(failed).await;
            folder.write("secret", "something-else-entirely");
        }
        running.until("scrubline_policy_generation 2").await;
        let event = scrubbed(&running, &mut upstream).await;
        assert!(event.contains("anna@example.com"), "{event}");

        folder.write("secret", "anna@example.com");
        running.until("scrubline_policy_generation 3").await;
        let event = scrubbed(&running, &mut upstream).await;
        assert!(!event.contains("anna@example.com"), "{event}");
    }
}

#[tokio::test]
async fn a_changed_pack_and_a_changed_secret_count_too() {
    let (mut upstream, folder) = (Upstream::start().await, Folder::new("packs"));
    let pack = |name: &str| {
        format!(
            "pack = 'acme'\nversion = 1\ndescription = 'd'\n[[name]]\nid = 'acme.name'\ndescription = 'd'\nin = ['key']\n\
             exact = ['{name}']\nmatches = ['{name}']\nignores = ['other']\n"
        )
    };
    let path = folder.write("acme.toml", &pack("nothing"));
    let secret = folder.write("secret", "something-else-entirely");
    let policy = format!(
        "packs = ['{}']\n[secrets]\nfiles = ['{}']\n",
        path.display(),
        secret.display()
    );
    let running = Running::start(&upstream, &folder, &policy).await;
    assert!(
        scrubbed(&running, &mut upstream)
            .await
            .contains("anna@example.com")
    );
    folder.write("acme.toml", &pack("message"));
    running.until("scrubline_policy_generation 2").await;
    assert!(
        !scrubbed(&running, &mut upstream)
            .await
            .contains("anna@example.com")
    );
    folder.write("acme.toml", &pack("nothing"));
    running.until("scrubline_policy_generation 3").await;
    folder.write("secret", "anna@example.com");
    running.until("scrubline_policy_generation 4").await;
    assert!(
        !scrubbed(&running, &mut upstream)
            .await
            .contains("anna@example.com")
    );
}
