//! Configuration: three sources, one table of keys, all mistakes at once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the helpers of tests may, too"
)]

mod support;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use scrubline::config::{
    Config, Error, Level, Loader, LogFormat, MinVersion, Origins, Pin, Resolved, Secrets, Serves,
    Source, TlsFloor, UpstreamEncoding,
};
use scrubline::scrub::{Action, Opaque};

/// A file that goes when the test ends.
struct TempFile(PathBuf);

impl TempFile {
    fn new(name: &str, text: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("scrubline-{}-{name}.toml", std::process::id()));
        std::fs::write(&path, text).unwrap();
        TempFile(path)
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn variables(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    pairs
        .iter()
        .map(|(name, value)| (OsString::from(name), OsString::from(value)))
        .collect()
}

fn load_file(name: &str, text: &str) -> (Result<Resolved, Error>, String) {
    let file = TempFile::new(name, text);
    (
        Loader::default().file(&file.0).load(),
        file.0.display().to_string(),
    )
}

#[test]
fn every_key_can_be_set_in_the_file() {
    let text = r#"
[[projects]]
public = "abc"
id = 7
upstream_key = "env:KEY"

[server]
listen = "0.0.0.0:1"
admin = "[::1]:2"
serves = "browsers"
head_timeout = "1s"
body_timeout = "2s"
trusted_proxies = ["10.0.0.0/8", "::1"]
connections_per_ip = 0
drain_timeout = "3s"
body_rate = "2KiB"
write_timeout = "5s"
idle_timeout = "6s"

[server.tls]
cert = "a.pem"
key = "b.pem"
min_version = "1.3"

[upstream]
url = "https://sentry.example:8443/sub/"
encoding = "zstd"
connect_timeout = "4s"
response_timeout = "1500ms"
roots = "bundled"

[tunnel]
path = "/errors/"
dsns = ["https://abc@x.example/1"]
origins = ["https://App.example:443/"]

[tunnel.limit]
per_ip_per_minute = 1
burst = 2
per_project_per_minute = 3
global_per_second = 0

[limits]
decoded_bytes = "1MiB"
decode_ratio = 50
json_depth = 100
header_bytes = 4096
protobuf_bytes = "64KiB"
form_bytes = "2MiB"
head_bytes = "16KiB"
in_flight = 7
waiting = 9
connections = 8

[policy]
name = "other"
packs = ["acme.toml"]
pass = ["minidump", "replay"]
personal = "mask"
ip = "truncate"
hash_key = "env:KEY"
sample_key = "file:/run/key"
client_reports = false
shadow = "strict"
watch = "1m"

[policy.server]
pass = ["log", "check_in"]
drop = ["session"]
reject = ["profile"]
sample = ["transaction"]
otherwise = "drop"
traces_sample_rate = 0.25

[policy.browser]
pass = ["event"]
drop = ["sessions"]
reject = ["log"]
sample = ["span"]
otherwise = "reject"
traces_sample_rate = 1

[residency]
region = "eu"
hosts = ["Sentry.example"]
private = ["sentry.example"]
waive = ["check_in"]
tls = "1.3"
pins = ["sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]
country_database = "/var/lib/country.mmdb"

[[policy.allow]]
name = "session_id"
in = ["key", "header"]
rule = "credentials.session"
reason = "a number of ours"

[[policy.allow]]
path = "extra/build/token"
document = "event"
reason = 'said "public" by all'

[secrets]
env = ["A", "B"]
files = ["/run/secrets/*"]

[log]
level = "debug"
format = "json"
"#;
    let (resolved, path) = load_file("every", text);
    let resolved = resolved.unwrap();
    let config = &resolved.config;
    assert_eq!(config.server.listen.to_string(), "0.0.0.0:1");
    assert_eq!(config.server.admin.to_string(), "[::1]:2");
    assert_eq!(config.server.drain_timeout, Duration::from_secs(3));
    assert_eq!(config.server.serves, Serves::Browsers);
    assert_eq!(config.server.body_rate, 2 << 10);
    assert_eq!(config.server.idle_timeout, Duration::from_secs(6));
    assert_eq!(config.server.tls.key, "b.pem");
    assert_eq!(config.server.tls.min_version, MinVersion::Tls13);
    assert_eq!(config.limits.waiting, 9);
    assert_eq!(config.server.connections_per_ip, 0);
    let trusted: Vec<String> = config
        .server
        .trusted_proxies
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(trusted, ["10.0.0.0/8", "::1/128"]);
    assert_eq!(config.tunnel.path, "/errors");
    assert_eq!(config.tunnel.dsns[0].to_string(), "https://abc@x.example/1");
    let app = "https://app.example".to_owned();
    assert_eq!(config.tunnel.origins, Origins::These(vec![app]));
    assert_eq!(config.tunnel.limit.per_project_per_minute, 3);
    assert_eq!(config.projects[0].id, "7");
    assert_eq!(
        config.upstream.url.to_string(),
        "https://sentry.example:8443/sub"
    );
    assert_eq!(
        config.upstream.url.join("/api/1/envelope/").unwrap(),
        "https://sentry.example:8443/sub/api/1/envelope/"
    );
    assert_eq!(config.upstream.encoding, Some(UpstreamEncoding::Zstd));
    assert_eq!(
        config.upstream.response_timeout,
        Duration::from_millis(1500)
    );
    assert_eq!(config.limits.stream.decoded_bytes, 1 << 20);
    assert_eq!(config.limits.stream.json_depth, 100);
    assert_eq!(config.limits.stream.protobuf_bytes, 64 << 10);
    assert_eq!(config.limits.stream.form_bytes, 2 << 20);
    assert_eq!(config.policy.pass, [Opaque::Minidump, Opaque::Replay]);
    assert_eq!(
        (
            config.limits.head_bytes,
            config.limits.in_flight,
            config.limits.connections
        ),
        (16 << 10, 7, 8)
    );
    assert_eq!(config.policy.name, "other");
    assert_eq!(config.policy.shadow, "strict");
    assert_eq!(config.policy.watch, Duration::from_secs(60));
    assert!(!config.policy.client_reports);
    let (server, browser) = (&config.policy.doors.server, &config.policy.doors.browser);
    assert_eq!(server.pass, ["log", "check_in"]);
    assert_eq!(
        (server.otherwise, server.traces_sample_rate),
        (Some(Action::Drop), Some(0.25))
    );
    assert_eq!(
        (browser.otherwise, browser.traces_sample_rate),
        (Some(Action::Reject), Some(1.0))
    );
    assert_eq!(config.residency.hosts, ["sentry.example"]);
    assert_eq!(config.residency.tls, TlsFloor::Tls13);
    assert_eq!(config.residency.pins, [Pin([0; 32])]);
    assert_eq!(config.secrets.env, ["A", "B"]);
    assert_eq!(config.secrets.files, ["/run/secrets/*"]);
    assert_eq!(
        (config.log.level, config.log.format),
        (Level::Debug, LogFormat::Json)
    );

    // What `check` prints says the same again, and whence it came: no key is left to its default here.
    let printed = resolved.to_string();
    assert!(!printed.contains("# default"), "{printed}");
    assert!(printed.contains(&format!("{path}:3")), "{printed}");
    let (again, _) = load_file("again", &printed);
    assert_eq!(again.unwrap().config, *config);
}

#[test]
fn defaults() {
    let config = Config::new("http://127.0.0.1:8000").unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:9180");
    assert_eq!(config.server.admin.to_string(), "127.0.0.1:9181");
    assert_eq!(config.upstream.encoding, None);
    assert_eq!(config.upstream.url.port(), 8000);
    assert_eq!(config.policy.name, "sentry-eu");
}

/// Nothing is compressed that only goes to the next process.
#[test]
fn how_bodies_leave_if_it_is_not_said() {
    for (url, encoding) in [
        ("http://127.0.0.1:8000", UpstreamEncoding::Identity),
        ("http://[::1]:8000", UpstreamEncoding::Identity),
        ("http://LocalHost:8000", UpstreamEncoding::Identity),
        ("http://10.0.0.1:8000", UpstreamEncoding::Gzip),
        ("http://localhost.example", UpstreamEncoding::Gzip),
        ("https://o1.ingest.de.sentry.io", UpstreamEncoding::Gzip),
    ] {
        let config = Config::new(url).unwrap();
        assert_eq!(config.upstream.effective_encoding(), encoding, "{url}");
    }
}

#[test]
fn flags_win_over_environment_over_file() {
    let file = TempFile::new(
        "order",
        "[upstream]\nurl = \"http://file\"\n[server]\nlisten = \"127.0.0.1:1\"\nadmin = \"127.0.0.1:1\"\n",
    );
    let resolved = Loader::default()
        .file(&file.0)
        .environment(variables(&[
            ("SCRUBLINE_SERVER__LISTEN", "127.0.0.1:2"),
            ("SCRUBLINE_UPSTREAM__URL", "http://env"),
        ]))
        .flag("upstream.url", "http://flag")
        .load()
        .unwrap();
    assert_eq!(resolved.config.server.admin.port(), 1);
    assert_eq!(resolved.config.server.listen.port(), 2);
    assert_eq!(resolved.config.upstream.url.to_string(), "http://flag");
    assert_eq!(*resolved.source("upstream.url"), Source::Flag);
    assert_eq!(
        *resolved.source("server.listen"),
        Source::Environment("SCRUBLINE_SERVER__LISTEN".into())
    );
    assert_eq!(
        *resolved.source("server.admin"),
        Source::File(file.0.clone(), 5)
    );
    assert_eq!(*resolved.source("log.level"), Source::Default);
}

#[test]
fn one_value_said_twice_is_no_contradiction() {
    let resolved = Loader::default()
        .no_file()
        .flag("upstream.url", "http://x")
        .flag("limits.in_flight", "5")
        .flag("limits.in_flight", "5")
        .load()
        .unwrap();
    assert_eq!(resolved.config.limits.in_flight, 5);
}

#[test]
fn all_mistakes_come_at_once_each_with_its_line() {
    let text = "[server]\nlisten = \"nowhere\"\ndrain_timeout = 10\n\n[upstream]\nurll = \"http://x\"\nencoding = \"brotli\"\n\n[limits]\nin_flight = 0\njson_depth = 513\ndecoded_bytes = \"many\"\n\n[limit]\nx = 1\n\n[log]\nformat = true\n";
    let (result, path) = load_file("mistakes", text);
    let error = result.unwrap_err().to_string().replace(&path, "FILE");
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(
        lines,
        [
            "FILE:2: server.listen: \"nowhere\" is no address; give an IP and a port, as \"127.0.0.1:9180\"",
            "FILE:3: server.drain_timeout: 10 has no unit; say what it is, as \"10s\"",
            "FILE:6: unknown key upstream.urll; did you mean upstream.url?",
            "FILE:7: upstream.encoding: \"brotli\" is none of \"auto\", \"gzip\", \"zstd\", \"identity\"",
            "FILE:10: limits.in_flight: 0 is out of range; give a number from 1 to 100000",
            "FILE:11: limits.json_depth: 513 is out of range; give a number from 1 to 512",
            "FILE:12: limits.decoded_bytes: \"many\" is no size; write it as \"200MiB\", \"64KiB\" or \"1000B\"",
            "FILE:14: unknown section [limit]; did you mean [limits]?",
            "FILE:18: log.format: is a boolean, not a string",
        ],
        "{error}"
    );
}

/// Each flag, and the whole message.
#[test]
fn a_value_that_is_wrong_is_told_with_what_is_right() {
    let cases = [
        (
            "policy.hash_key=env:",
            "policy.hash_key: names no environment variable; write its name behind env:, as env:SCRUBLINE_KEY",
        ),
        (
            "policy.sample_key=file:",
            "policy.sample_key: names no file; write its path behind file:, as file:/run/secrets/key",
        ),
        (
            "policy.hash_key=env:hunter2 hunter2",
            "policy.hash_key: what stands behind env: is no name of an environment variable, which has letters, digits and _ (no $, and not the secret itself); \
             give its name, as CRON_SECRET",
        ),
        (
            "secrets.env=PATH,hunter2-hunter2",
            "secrets.env: entry 2 is no name of an environment variable, which has letters, digits and _ (no $, and not the secret itself); give its name, as \
             CRON_SECRET",
        ),
        (
            "secrets.env=$PATH",
            "secrets.env: entry 1 is no name of an environment variable, which has letters, digits and _ (no $, and not the secret itself); give its name, as \
             CRON_SECRET",
        ),
        (
            "secrets.files=['']",
            "secrets.files: an entry is empty; give the path of a file, or take it out",
        ),
        // What is nearly right, also in capitals; and what is only as short.
        (
            "residency.region=EU",
            "residency.region: \"EU\" is none of \"any\", \"eu\"; did you mean \"eu\"?",
        ),
        (
            "policy.pass=replays",
            "policy.pass: \"replays\" is none of \"attachment\", \"minidump\", \"perfetto\", \"replay\"; did you mean \"replay\"?",
        ),
        (
            "server.tls.min_version=1.1",
            "server.tls.min_version: \"1.1\" is none of \"1.2\", \"1.3\"",
        ),
        (
            "policy.name=STRICT",
            "policy.name: there is no policy 'STRICT'; did you mean 'strict'? (a file of your own is named by its path, which ends in .toml)",
        ),
        (
            "server=1",
            "unknown key server; [server] has listen, admin, serves, head_timeout, body_timeout, body_rate, write_timeout, idle_timeout, trusted_proxies, \
             connections_per_ip, drain_timeout",
        ),
        (
            concat!(
                "policy.packs=",
                env!("CARGO_MANIFEST_DIR"),
                "/rules/bank.toml,",
                env!("CARGO_MANIFEST_DIR"),
                "/rules/bank.toml"
            ),
            concat!(
                "policy.packs: ",
                env!("CARGO_MANIFEST_DIR"),
                "/rules/bank.toml is named twice; take one out"
            ),
        ),
        (
            "policy.hash_key=env:SCRUBLINE_TEST_NO_SUCH",
            "policy.hash_key: the environment variable SCRUBLINE_TEST_NO_SUCH is not set; set it where Scrubline is started, to 8 bytes or more",
        ),
        (
            "policy.server.otherwise=sample",
            "policy.server.otherwise: \"sample\" is none of \"default\", \"pass\", \"drop\", \"reject\"",
        ),
        (
            "policy.server.traces_sample_rate=10",
            "policy.server.traces_sample_rate: \"10\" is out of range or no number; give a number from 0 to 1, as 0.1, or \"default\"",
        ),
    ];
    for (flag, expected) in cases {
        let arguments = ["check", "--upstream", "http://x", "--set", flag];
        let (code, _, stderr) = scrubline(&arguments);
        let expected = format!("scrubline: command line: {expected}\n");
        assert_eq!((code, stderr), (2, expected));
    }
    // What is missing stands nowhere.
    let arguments = ["check", "--upstream", "http://x", "--set", "policy.ip=hash"];
    let (code, _, stderr) = scrubline(&arguments);
    let expected = "scrubline: policy.hash_key: there is no key, and the policy is to hash (policy.ip, policy.personal, or a rule): set policy.hash_key to \
                    env:NAME or file:PATH\n";
    assert_eq!((code, stderr.as_str()), (2, expected));
}

/// What was pasted into a list of origins or networks may have been anything.
#[test]
fn what_is_no_origin_and_no_network_is_not_shown() {
    for key in ["tunnel.origins", "server.trusted_proxies"] {
        for value in [
            "hunter2hunter2",
            "https://app.example/?token=hunter2hunter2",
            "https://a:hunter2hunter2@app.example",
            "https://app.example,hunter2hunter2",
            "10.0.0.0/8,hunter2hunter2",
        ] {
            let loader = Loader::default().no_file().flag("upstream.url", "http://x");
            let error = loader.flag(key, value).load().unwrap_err().to_string();
            assert!(error.contains(key) && !error.contains("hunter2"), "{error}");
        }
    }
}

/// What a tunnel would let in must be right: each mistake is told, and no key or secret is shown.
#[test]
fn mistakes_about_the_tunnel_and_projects() {
    let text = r#"projects = "none"
[tunnel]
path = "/api/1/envelope"
dsns = ["https://abc:hunter2hunter2@x.example/1"]
origins = ["https://app.example/path"]
[tunnel.limits]
burst = 1
[tunnel.limit]
brust = 1
per_ip_per_minute = -1
[server]
trusted_proxies = ["10.0.0.0/33"]
"#;
    let (result, path) = load_file("tunnel", text);
    let error = result.unwrap_err().to_string().replace(&path, "FILE");
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(
        lines,
        [
            "FILE:1: projects: is no list of projects; each is a table in the configuration file, as [[projects]] with public, id and upstream_key",
            "FILE:3: tunnel.path: \"/api/1/envelope\" begins with /api/, where the routes of servers' SDKs are; write it as \"/tunnel\"",
            "FILE:4: tunnel.dsns: has a secret behind its key (KEY:SECRET@); browsers have none, leave it out",
            "FILE:5: tunnel.origins: is no origin; give scheme and host, and the port if there is one, as [\"https://app.example\"]",
            "FILE:6: unknown section [tunnel.limits]; did you mean [tunnel.limit]?",
            "FILE:9: unknown key tunnel.limit.brust; did you mean tunnel.limit.burst?",
            "FILE:10: tunnel.limit.per_ip_per_minute: -1 is negative; give a number from 0 to 1000000",
            "FILE:12: server.trusted_proxies: is no network; write it as an address and its bits, as \"10.0.0.0/8\"",
        ],
        "{error}"
    );

    let text = r#"[[projects]]
public = "abc"
id = 1
upstream_key = "feedfacefeedfacefeedfacefeedface"
[[projects]]
public = "a-c"
[[projects]]
publik = "abc"
[[projects]]
public = "same"
id = "1"
upstream_key = "env:A"
[[projects]]
public = "same"
id = 2
upstream_key = "env:A"
[upstream]
url = "http://x"
"#;
    let (result, path) = load_file("projects", text);
    let error = result.unwrap_err().to_string().replace(&path, "FILE");
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(
        lines,
        [
            "FILE:4: projects: upstream_key: is no reference; give env:NAME or file:PATH",
            "FILE:6: projects: public: is no key of a DSN; give 1 to 64 letters and digits, the part before the @",
            "FILE:5: projects: it has no id, its number at the collector",
            "FILE:5: projects: it has no upstream_key, where the collector's key stands (env:NAME or file:PATH)",
            "FILE:8: projects: unknown key publik; did you mean public?",
            "FILE:7: projects: it has no public, the key that its clients carry",
            "FILE:7: projects: it has no id, its number at the collector",
            "FILE:7: projects: it has no upstream_key, where the collector's key stands (env:NAME or file:PATH)",
            "FILE:13: projects: its public key is that of another project; each needs one of its own",
        ],
        "{error}"
    );

    // What stands behind a reference shows when it is read; `check` and `serve` do.
    let text =
        "[[projects]]\npublic = \"abc\"\nid = 1\nupstream_key = \"env:SCRUBLINE_TEST_NO_SUCH\"\n";
    let (result, _) = load_file(
        "references",
        &format!("{text}[upstream]\nurl = \"http://x\"\n"),
    );
    let problems = result.unwrap().config.load_projects().unwrap_err();
    assert_eq!(
        problems,
        [
            "projects[0]: upstream_key: the environment variable SCRUBLINE_TEST_NO_SUCH is not set; set it where Scrubline is started, to 8 bytes or more"
        ]
    );
}

#[test]
fn a_section_of_a_section_has_variables_and_flags_too() {
    let resolved = Loader::default()
        .no_file()
        .environment(variables(&[("SCRUBLINE_TUNNEL__LIMIT__BURST", "7")]))
        .flag("tunnel.limit.per_ip_per_minute", "9")
        .flag("upstream.url", "http://x")
        .load()
        .unwrap();
    let limit = resolved.config.tunnel.limit;
    assert_eq!((limit.burst, limit.per_ip_per_minute), (7, 9));
    let text = resolved.to_string();
    assert!(
        text.contains("\n[tunnel.limit]\nper_ip_per_minute = 9 "),
        "{text}"
    );
}

#[test]
fn sizes_and_durations_say_which_units_there_are() {
    let sizes = "give one of B, KB, MB, GB, KiB, MiB, GiB, as \"200MiB\"";
    let durations = "give one of ms, s, m, h, as \"10s\"";
    for (key, value, expected) in [
        (
            "limits.decoded_bytes",
            "5mb",
            format!("\"5mb\" has the unit \"mb\"; {sizes}"),
        ),
        (
            "limits.decoded_bytes",
            "10 parsecs",
            format!("\"10 parsecs\" has the unit \"parsecs\"; {sizes}"),
        ),
        (
            "limits.decoded_bytes",
            "1.5MiB",
            "\"1.5MiB\" is no size; write it as \"200MiB\", \"64KiB\" or \"1000B\"".to_owned(),
        ),
        (
            "limits.decoded_bytes",
            "99999999999GiB",
            "\"99999999999GiB\" is more than can be counted; give less".to_owned(),
        ),
        (
            "server.head_timeout",
            "10 parsecs",
            format!("\"10 parsecs\" has the unit \"parsecs\"; {durations}"),
        ),
        (
            "server.head_timeout",
            "10",
            format!("\"10\" has no unit; {durations}"),
        ),
        (
            "server.head_timeout",
            "soon",
            "\"soon\" is no duration; write it as \"10s\", \"500ms\" or \"2m\"".to_owned(),
        ),
        (
            "server.head_timeout",
            "25h",
            "\"25h\" is out of range; give from 1ms to 24h".to_owned(),
        ),
    ] {
        let loader = Loader::default().no_file().flag("upstream.url", "http://x");
        let error = loader.flag(key, value).load().unwrap_err().to_string();
        assert_eq!(error, format!("command line: {key}: {expected}"));
    }
}

#[test]
fn unknown_sections_and_ports_alone() {
    for (text, expected) in [
        (
            "[sever]\nlisten = \"127.0.0.1:1\"\n",
            "1: unknown section [sever]; did you mean [server]?",
        ),
        (
            "[upsteam]\nurl = \"http://x\"\n",
            "1: unknown section [upsteam]; did you mean [upstream]?",
        ),
        (
            "[upstream]\nurl = \"http://x\"\n[zzz]\n",
            "3: unknown section [zzz]; the sections are [server], [server.tls], [upstream], [tunnel], [tunnel.limit], [limits], [policy], [policy.server], [policy.browser], [residency], [secrets], [log]; \
             scrubline.example.toml has every key",
        ),
        (
            "upstream.url = \"http://x\"\n[server]\nlisten = 9999\n",
            "3: server.listen: 9999 is no address; give an IP and a port, as \"127.0.0.1:9999\"",
        ),
        (
            "upstream.url = \"http://x\"\n[server]\nlisten = \":9999\"\n",
            "3: server.listen: \":9999\" is no address; give an IP and a port, as \"127.0.0.1:9999\"",
        ),
        (
            "upstream.url = \"http://x\"\n[limits]\ndecoded_bytes = 1.5\n",
            "3: limits.decoded_bytes: is a fraction, not a string; write it as \"200MiB\"",
        ),
        (
            "upstream.url = \"http://x\"\n[server]\nhead_timeout = 1.5\n",
            "3: server.head_timeout: is a fraction, not a string; write it as \"10s\"",
        ),
    ] {
        let (result, path) = load_file("sections", text);
        let error = result.unwrap_err().to_string();
        let (first, rest) = error.split_once('\n').unwrap_or((&error, ""));
        assert_eq!(first, format!("{path}:{expected}"));
        // Where the upstream is in no section, it is missing; in a misspelt one it is not.
        assert_eq!(rest, "");
    }
}

#[test]
fn lists_in_files_variables_and_flags() {
    let wanted = ["A".to_owned(), "B".to_owned()];
    for text in ["A,B", " A , B, ", "[\"A\", \"B\"]", "  ['A', 'B',]"] {
        let loader = || Loader::default().no_file().flag("upstream.url", "http://x");
        let flag = loader().flag("secrets.env", text).load().unwrap();
        assert_eq!(flag.config.secrets.env, wanted, "{text}");
        let all = variables(&[("SCRUBLINE_SECRETS__ENV", text)]);
        let variable = loader().environment(all).load().unwrap();
        assert_eq!(variable.config.secrets.env, wanted, "{text}");
    }
    for text in ["[hunter2]", "[\"hunter2\", 2]", "[\"hunter2\"", "[]\nx = 1"] {
        let loader = Loader::default().no_file().flag("upstream.url", "http://x");
        let error = loader.flag("secrets.env", text).load().unwrap_err();
        assert_eq!(
            error.to_string(),
            "command line: secrets.env: begins as an array of strings and is none; write it as [\"CRON_SECRET\"], or separate by commas"
        );
    }
    for (key, value, wrong, example) in [
        ("env", "\"hunter2\"", "a string", "CRON_SECRET"),
        ("env", "5", "an integer", "CRON_SECRET"),
        ("files", "\"hunter2\"", "a string", "/run/secrets/*"),
    ] {
        let text = format!("[secrets]\n{key} = {value}\n[upstream]\nurl = \"http://x\"\n");
        let (result, path) = load_file("lists", &text);
        assert_eq!(
            result.unwrap_err().to_string(),
            format!(
                "{path}:2: secrets.{key}: is {wrong}, not an array; write it as [\"{example}\"]"
            )
        );
    }
    let loader = Loader::default().no_file().flag("upstream.url", "http://x");
    let twice = loader.flag("secrets.env", "A").flag("secrets.env", "B");
    assert_eq!(
        twice.load().unwrap_err().to_string(),
        "command line: secrets.env is set to two different values; give it once, with its values separated by commas"
    );
}

#[test]
fn unknown_keys_name_the_nearest() {
    let server = "[server] has listen, admin, serves, head_timeout, body_timeout, body_rate, write_timeout, idle_timeout, trusted_proxies, connections_per_ip, drain_timeout";
    let upstream = "[upstream] has url, encoding, connect_timeout, response_timeout, roots";
    let nothing = "the sections are [server], [server.tls], [upstream], [tunnel], [tunnel.limit], [limits], [policy], [policy.server], [policy.browser], [residency], [secrets], [log]; scrubline.example.toml has every key";
    for (key, hint) in [
        ("server.lisen", "did you mean server.listen?"),
        ("sever.lisen", "did you mean server.listen?"),
        ("listen", "did you mean server.listen?"),
        ("server.roots", "did you mean upstream.roots?"),
        ("server.url", "did you mean upstream.url?"),
        ("limit.in_flight", "did you mean limits.in_flight?"),
        ("limits_in.flight", "did you mean limits.in_flight?"),
        // Another word is no slip, however alike some measure may find it.
        ("server.port", server),
        ("server.nam", server),
        ("sever.port", server),
        ("upstream.timeout", upstream),
        ("upstream.dsn", upstream),
        ("log.file", "[log] has level, format"),
        ("zzz.qqq", nothing),
        ("zzz.nam", nothing),
    ] {
        let loader = Loader::default().no_file().flag("upstream.url", "http://x");
        let error = loader.flag(key, "x").load().unwrap_err().to_string();
        assert_eq!(error, format!("command line: unknown key {key}; {hint}"));
    }
}

#[test]
fn environment_variables_need_two_underscores() {
    // As Kubernetes sets them beside a service named `scrubline`.
    let kubernetes = [
        ("SCRUBLINE_PORT", "tcp://10.0.0.1:9180"),
        ("SCRUBLINE_SERVICE_HOST", "10.0.0.1"),
        ("SCRUBLINE_SERVICE_PORT_HTTP", "9180"),
        ("SCRUBLINE_PORT_9180_TCP_ADDR", "10.0.0.1"),
    ];
    let loader = |extra: &[(&str, &str)]| {
        let mut all = kubernetes.to_vec();
        all.extend_from_slice(extra);
        Loader::default()
            .no_file()
            .environment(variables(&all))
            .load()
    };
    let config = loader(&[
        ("SCRUBLINE_UPSTREAM__URL", "http://x"),
        ("SCRUBLINE_LIMITS__IN_FLIGHT", "5"),
    ])
    .unwrap()
    .config;
    assert_eq!(
        (config.limits.in_flight, config.upstream.url.host()),
        (5, "x")
    );

    let error = loader(&[("SCRUBLINE_UPSTREAM__ULR", "http://x")])
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "SCRUBLINE_UPSTREAM__ULR: unknown key upstream.ulr; did you mean SCRUBLINE_UPSTREAM__URL?"
    );
    let error = loader(&[("SCRUBLINE_UPSTREAM_URL", "http://x")])
        .unwrap_err()
        .to_string();
    assert!(error.contains("needs two underscores"), "{error}");
}

#[test]
fn variables_that_are_near_misses_are_told() {
    let load = |name: &str| {
        let all = [("SCRUBLINE_UPSTREAM__URL", "http://x"), (name, "hunter2")];
        Loader::default()
            .no_file()
            .environment(variables(&all))
            .load()
    };
    // Two underscores make it ours, so nothing of it is passed over.
    for (name, meant) in [
        ("SCRUBLINE_SERVER__LISTN", "SCRUBLINE_SERVER__LISTEN"),
        ("SCRUBLINE_SERVR__LISTEN", "SCRUBLINE_SERVER__LISTEN"),
        ("SCRUBLINE__SERVER__LISTEN", "SCRUBLINE_SERVER__LISTEN"),
        ("SCRUBLINE_LIMITS_IN__FLIGHT", "SCRUBLINE_LIMITS__IN_FLIGHT"),
    ] {
        let error = load(name).unwrap_err().to_string();
        assert!(
            error.ends_with(&format!("did you mean {meant}?")),
            "{error}"
        );
        assert!(!error.contains("hunter2"), "{error}");
    }
    for (name, key) in [
        ("SCRUBLINE_SERVER_LISTEN", "server.listen"),
        ("scrubline_server__listen", "server.listen"),
        ("SCRUBLINE_LIMITS_IN_FLIGHT", "limits.in_flight"),
    ] {
        let variable = format!("SCRUBLINE_{}", key.replace('.', "__").to_uppercase());
        assert_eq!(
            load(name).unwrap().warnings(),
            [format!("{name} is ignored; {key} is set by {variable}")]
        );
    }
    for name in [
        "SCRUBLINE_PORT",
        "SCRUBLINE_SERVER_PORT",
        "SERVER_LISTEN",
        "LISTEN",
    ] {
        assert!(load(name).unwrap().warnings().is_empty(), "{name}");
    }
}

#[test]
fn a_missing_upstream_says_what_to_do() {
    let error = Loader::default().no_file().load().unwrap_err().to_string();
    assert!(
        error.starts_with("upstream.url is missing") && error.contains("--upstream https://"),
        "{error}"
    );
}

#[test]
fn files_that_are_none() {
    let error = Loader::default()
        .file(std::env::temp_dir())
        .load()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("is a directory; name the file in it") && error.lines().count() == 1,
        "{error}"
    );
    let error = Loader::default()
        .file("no/such/file.toml")
        .load()
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("no/such/file.toml: there is no such file"),
        "{error}"
    );

    // Where a file that is to be mounted is missing, there is a directory.
    let folder = std::env::temp_dir().join(format!("scrubline-{}-default", std::process::id()));
    std::fs::create_dir_all(folder.join("scrubline.toml")).unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_scrubline"))
        .arg("check")
        .current_dir(&folder)
        .output()
        .unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.starts_with("scrubline: scrubline.toml: is a directory, and the configuration file is looked for there; ")
            && error.lines().count() == 1,
        "{error}"
    );

    // One that is there and can't be followed is no file that is not there.
    #[cfg(unix)]
    for (target, expected) in [
        (
            "gone.toml",
            "scrubline: scrubline.toml: is a link to what is not there; ",
        ),
        ("scrubline.toml", "scrubline: scrubline.toml: "),
    ] {
        std::fs::create_dir_all(&folder).unwrap();
        std::os::unix::fs::symlink(target, folder.join("scrubline.toml")).unwrap();
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_scrubline"))
            .args(["check", "--offline", "--upstream", "http://127.0.0.1:9"])
            .current_dir(&folder)
            .output()
            .unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{target}: {error}");
        assert!(
            error.starts_with(expected) && error.lines().count() == 1,
            "{target}: {error}"
        );
    }

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let file = TempFile::new("denied", "");
        std::fs::set_permissions(&file.0, std::fs::Permissions::from_mode(0o000)).unwrap();
        // The superuser may read it all the same.
        if std::fs::read(&file.0).is_err() {
            let error = Loader::default().file(&file.0).load().unwrap_err();
            let expected = "may not be read by this user; check its permissions";
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    for (text, expected) in [
        (
            "[server]\nlisten = \"127.0.0.1:1\nadmin = 2\n",
            ":2: is no TOML: ",
        ),
        ("hello\n", ":1: is no TOML: "),
        (
            "[log]\nlevel = 'off'\nlevel = 'info'\n",
            ":3: is no TOML: the key level stands twice in its table; take one out",
        ),
        (
            "[[server]]\nlisten = '127.0.0.1:1'\n",
            ":1: server is a section, and no list: write [server] once, in one pair of brackets",
        ),
        // Other files of ours.
        (
            "pack = 'p'\nversion = 1\n[[name]]\nid = 'p.a'\n",
            ":1: is a pack, and no configuration; name it in policy.packs",
        ),
        (
            "policy = 'p'\nversion = 1\n[server]\notherwise = 'pass'\n",
            ":1: is a policy's file, and no configuration; name it in policy.name, or by --policy",
        ),
    ] {
        let (result, path) = load_file("syntax", text);
        let error = result.unwrap_err().to_string();
        let expected = format!("{path}{expected}");
        assert!(error.starts_with(&expected), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn upstream_urls() {
    for (text, complaint) in [
        ("https://o1.ingest.de.sentry.io", None),
        ("http://127.0.0.1:8000/", None),
        ("http://[::1]:8000", None),
        // A collector that lives under a path.
        ("https://self.example/sentry", None),
        (
            "https://self.example/sentry/42/",
            Some("ends in /42, which looks like the DSN's project"),
        ),
        ("https://o1.ingest.de.sentry.io/42", Some("ends in /42")),
        (
            "https://hunter2@o1.ingest.de.sentry.io/5",
            Some("user info"),
        ),
        ("https://a:hunter2@host", Some("user info")),
        ("https://host/?token=hunter2", Some("query")),
        ("ftp://host", Some("scheme ftp")),
        ("o1.ingest.de.sentry.io", Some("no scheme")),
        ("https://", Some("no URL")),
        ("https://host:99999", Some("no URL")),
        ("https://host/api/1/envelope/", Some("/api")),
        ("not a url", Some("no URL")),
    ] {
        match (Config::new(text), complaint) {
            (Ok(_), None) => {}
            (Ok(config), Some(_)) => panic!("{text} passes as {}", config.upstream.url),
            (Err(error), complaint) => {
                let error = error.to_string();
                assert!(
                    complaint.is_some_and(|it| error.contains(it)),
                    "{text}: {error}"
                );
                assert!(!error.contains("hunter2"), "{error}");
            }
        }
    }
}

/// Runs the program with no variables of ours and returns its exit code, standard output and standard error.
fn scrubline(arguments: &[&str]) -> (i32, String, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_scrubline"))
        .args(arguments)
        .env_remove("SCRUBLINE_UPSTREAM__URL")
        .current_dir(std::env::temp_dir())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn check_prints_what_it_comes_to() {
    let file = TempFile::new(
        "check",
        "[upstream]\nurl = \"https://o1.ingest.de.sentry.io\"\n",
    );
    let path = file.0.to_str().unwrap();
    let (code, stdout, stderr) =
        scrubline(&["check", "--config", path, "--set", "limits.in_flight=9"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    let line = |start: &str| {
        stdout
            .lines()
            .find(|line| line.starts_with(start))
            .unwrap()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        line("url"),
        format!("url = \"https://o1.ingest.de.sentry.io\" # {path}:2")
    );
    assert_eq!(line("in_flight"), "in_flight = 9 # command line");
    assert_eq!(line("listen"), "listen = \"127.0.0.1:9180\" # default");

    let output = std::process::Command::new(env!("CARGO_BIN_EXE_scrubline"))
        .args(["check", "--config", path])
        .env("SCRUBLINE_SERVER_LISTEN", "127.0.0.1:1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "scrubline: warning: SCRUBLINE_SERVER_LISTEN is ignored; server.listen is set by SCRUBLINE_SERVER__LISTEN\n"
    );
}

#[test]
fn mistakes_end_the_program_with_one_line_each() {
    for (arguments, expected) in [
        (
            vec!["check", "--config", "."],
            "is a directory; name the file in it",
        ),
        (
            vec!["serve", "--config", "no-such.toml"],
            "no-such.toml: there is no such file",
        ),
        (
            vec!["serve", "--upstream", "sentry.example"],
            "command line: upstream.url: \"sentry.example\" has no scheme",
        ),
        (
            vec!["serve", "--upstream", "http://a:hunter2@b"],
            "holds user info",
        ),
        (
            vec!["check", "--upstream", "http://x", "--set", "server.lisen=1"],
            "did you mean server.listen?",
        ),
        (
            vec![
                "check",
                "--upstream",
                "http://x",
                "--listen",
                "127.0.0.1:1",
                "--set",
                "server.listen=127.0.0.1:2",
            ],
            "command line: server.listen is set to two different values; give it once",
        ),
        (
            vec![
                "check",
                "--upstream",
                "http://x",
                "--set",
                "upstream.url=http://a:hunter2@b",
            ],
            "command line: upstream.url is set to two different values; give it once",
        ),
        (
            vec!["serve", "--listen", "9180"],
            "is no address; give an IP and a port",
        ),
    ] {
        let (code, stdout, stderr) = scrubline(&arguments);
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(
            stderr.starts_with("scrubline: ") && stderr.contains(expected),
            "{arguments:?}: {stderr}"
        );
        assert!(!stderr.contains("hunter2"), "{stderr}");
    }
    let (code, _, stderr) = scrubline(&["check", "--set", "=1"]);
    assert!(
        code == 2 && stderr.contains("write it as KEY=VALUE, as limits.in_flight=64"),
        "{stderr}"
    );
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, _, stderr) = scrubline(&[
        "serve",
        "--upstream",
        "http://127.0.0.1:1",
        "--listen",
        &address,
        "--set",
        "log.level=off",
    ]);
    assert_eq!(
        (code, stderr),
        (
            1,
            format!(
                "scrubline: server.listen: {address} is in use; stop what listens there, or set another port\n"
            )
        )
    );
}

#[test]
fn the_example_holds_every_key_and_its_default() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/scrubline.example.toml");
    let resolved = Loader::default().file(path).load().unwrap();
    assert_eq!(
        resolved.config,
        Config::new("https://o1.ingest.de.sentry.io").unwrap()
    );
    assert!(!resolved.to_string().contains("# default"), "{resolved}");
}

/// Parts of one, most of them: what they leave out is put before them.
#[test]
fn the_documentation_shows_configurations_that_are_right() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = std::fs::read_dir(root.join("docs")).unwrap();
    let mut pages: Vec<PathBuf> = pages.map(|page| page.unwrap().path()).collect();
    pages.retain(|page| page.extension().is_some_and(|it| it == "md"));
    pages.push(root.join("README.md"));
    let mut tried = 0;
    for page in pages {
        let page_text = std::fs::read_to_string(&page).unwrap();
        for block in page_text.split("```toml\n").skip(1) {
            let block = block.split("```").next().unwrap();
            let mut text = String::new();
            if !block.contains("[upstream]") {
                text.push_str("[upstream]\nurl = 'https://o1.ingest.de.sentry.io'\n");
            }
            if !block.contains("[tunnel]") {
                text.push_str("[tunnel]\ndsns = ['https://KEY@o1.ingest.de.sentry.io/42']\n");
            }
            text.push_str(block);
            let (loaded, _) = load_file("documented", &text);
            let policy = loaded
                .map_err(|error| vec![error.to_string()])
                .and_then(|resolved| resolved.config.load_policy());
            if let Err(problems) = policy {
                panic!("{}: {problems:?}\n{block}", page.display());
            }
            tried += 1;
        }
    }
    assert!(tried >= 10, "only {tried} found");
}

#[test]
fn values_that_cannot_be_right_together_are_told() {
    let load = |flags: &[(&str, &str)]| {
        let loader = Loader::default().no_file();
        flags
            .iter()
            .fold(loader, |loader, (key, value)| loader.flag(key, value))
            .load()
            .unwrap_err()
            .to_string()
    };
    let upstream = ("upstream.url", "http://127.0.0.1:9180");
    let told = load(&[upstream]);
    assert!(told.contains("it would send to itself"), "{told}");
    let told = load(&[
        ("upstream.url", "https://a.eu"),
        ("server.admin", "127.0.0.1:9180"),
    ]);
    assert!(told.contains("give them different ports"), "{told}");
    for (listen, admin) in [("0.0.0.0:9", "127.0.0.1:9"), ("127.0.0.1:9", "[::]:9")] {
        let told = load(&[
            ("upstream.url", "https://a.eu"),
            ("server.listen", listen),
            ("server.admin", admin),
        ]);
        assert_eq!(
            told,
            format!(
                "server.listen and server.admin have one port, {listen} and {admin}; give them different ports"
            )
        );
    }
    let told = load(&[upstream, ("server.listen", "0.0.0.0:9180")]);
    assert!(told.contains("it would send to itself"), "{told}");
    let told = load(&[("upstream.url", "http://localhost:9180")]);
    assert!(told.contains("it would send to itself"), "{told}");
    let told = load(&[("upstream.url", "https://a.eu/42")]);
    assert!(told.contains("looks like the DSN's project"), "{told}");
}

/// Each with the settings, the key that is warned of, and why; and near it, what is not.
#[test]
fn settings_without_effect_are_warned_of() {
    const EU: &str = "upstream.url=https://o1.ingest.de.sentry.io";
    const OWN: &str = "upstream.url=https://sentry.example.org";
    const DSN: &str = "tunnel.dsns=https://abc@o1.ingest.de.sentry.io/42";
    const KEY: &str = "policy.hash_key=env:PATH";
    let rate = "policy.browser.traces_sample_rate=0.5";
    let pin = format!("residency.pins=sha256/{}=", "A".repeat(43));
    let cases: &[(&[&str], &[&str])] = &[
        (
            &[EU, rate],
            &[
                "policy.browser.traces_sample_rate: does nothing, as no type is sampled at this door",
            ],
        ),
        (&[EU, rate, "policy.browser.sample=transaction"], &[]),
        (&[EU, "policy.server.traces_sample_rate=0.5"], &[]),
        (
            &[
                EU,
                "policy.name=errors-only",
                "policy.server.traces_sample_rate=0.5",
            ],
            &["policy.server.traces_sample_rate: does nothing"],
        ),
        (
            &[EU, "policy.browser.sample=transaction"],
            &["policy.browser.sample: all traces are kept"],
        ),
        (&[EU, "policy.server.sample=transaction"], &[]),
        (
            &[EU, "policy.personal=mask"],
            &["policy.personal: does nothing, as policy sentry-eu looks for no personal data"],
        ),
        (&[EU, "policy.personal=mask", "policy.name=strict"], &[]),
        (
            &[EU, "policy.personal=mask", "policy.name=pl-business"],
            &[],
        ),
        (
            &[EU, "policy.ip=truncate", "policy.name=observe"],
            &[
                "policy.name: observe takes out the core names only",
                "policy.ip: does nothing, as policy observe has no rule for the addresses of users",
            ],
        ),
        (&[EU, "policy.ip=truncate"], &[]),
        (
            &[EU, KEY],
            &["policy.hash_key: does nothing, as policy sentry-eu hashes nothing"],
        ),
        (&[EU, KEY, "policy.ip=hash"], &[]),
        (&[EU, KEY, "policy.name=strict"], &[]),
        (
            &[EU, KEY, "policy.name=pl-business"],
            &["policy.hash_key: does nothing"],
        ),
        (
            &[EU, KEY, "policy.name=pl-business", "policy.personal=hash"],
            &[],
        ),
        (
            &[
                EU,
                "policy.sample_key=env:PATH",
                "policy.server.traces_sample_rate=1.0",
            ],
            &["policy.sample_key: does nothing, as no traces are sampled"],
        ),
        (&[EU, "policy.sample_key=env:PATH"], &[]),
        (
            &[EU, "policy.shadow=sentry-eu"],
            &["policy.shadow: sentry-eu does what the policy in force does"],
        ),
        (&[EU, "policy.shadow=strict"], &[]),
        (
            &[EU, "policy.server.pass=replay_event,unreal_report,nel"],
            &[
                "policy.server.pass: 'replay_event' is left out all the same: it leaves only with policy.pass",
                "policy.server.pass: 'unreal_report' is left out all the same: nothing can scrub it",
            ],
        ),
        // What it shows is warned of, and that is all.
        (
            &[EU, "policy.server.pass=replay_event", "policy.pass=replay"],
            &["policy.pass: replays are passed on"],
        ),
        (
            &[EU, "policy.pass=minidump,attachment,perfetto"],
            &[
                "policy.pass: minidumps are passed on as they are",
                "policy.pass: attachments that are no text are passed on as they are",
            ],
        ),
        // Text that is attached does leave.
        (&[EU, "policy.browser.pass=attachment"], &[]),
        // A container listens on all addresses.
        (&[EU, "server.listen=0.0.0.0:9180"], &[]),
        (&[EU, "server.listen=10.0.0.1:9180", DSN], &[]),
        (
            &[EU, "server.listen=0.0.0.0:9180", DSN],
            &["server.serves: is \"all\""],
        ),
        (
            &[EU, "server.listen=198.51.100.1:9180"],
            &["server.listen: the internet may reach this address"],
        ),
        (
            &[EU, "server.listen=198.51.100.1:9180", DSN],
            &["server.serves: is \"all\""],
        ),
        (
            &[
                EU,
                "server.listen=0.0.0.0:9180",
                DSN,
                "server.serves=browsers",
            ],
            &[],
        ),
        (
            &[EU, "limits.connections=512"],
            &["server.connections_per_ip: 512 limits nobody, as limits.connections is 512"],
        ),
        (&[EU, "limits.connections=513"], &[]),
        (
            &[EU, "limits.connections=100", "server.connections_per_ip=0"],
            &[],
        ),
        (
            &[EU, "tunnel.path=/errors"],
            &["tunnel.path: there is no tunnel"],
        ),
        (&[EU, "tunnel.path=/errors", DSN], &[]),
        (
            &[EU, "server.tls.min_version=1.3"],
            &["server.tls.min_version: no TLS is served"],
        ),
        (
            &[OWN, "residency.hosts=sentry.example.org"],
            &["residency.hosts: counts only where residency.region is set"],
        ),
        (
            &[
                OWN,
                "residency.region=eu",
                "residency.hosts=sentry.example.org",
            ],
            &[],
        ),
        (
            &[
                OWN,
                "residency.region=eu",
                "residency.hosts=sentry.example.org,sentry.example.com",
            ],
            &[
                "residency.hosts: sentry.example.com does nothing, as it is not the host of upstream.url (sentry.example.org)",
            ],
        ),
        (
            &[
                EU,
                "residency.region=eu",
                "residency.hosts=o1.ingest.de.sentry.io",
            ],
            &["residency.hosts: o1.ingest.de.sentry.io does nothing, as its name says already"],
        ),
        (
            &[
                OWN,
                "residency.region=eu",
                "residency.hosts=sentry.example.org",
                "residency.private=sentry.example.org",
            ],
            &[],
        ),
        (
            &[OWN, "residency.private=sentry.example.org,10.0.0.1"],
            &[
                "residency.private: 10.0.0.1 does nothing, as it is not the host of upstream.url",
                "residency.private: sentry.example.org does nothing, as its address may be private without that",
            ],
        ),
        (
            &["upstream.url=http://localhost", &pin],
            &["residency.pins: does nothing, as upstream.url is http"],
        ),
        (
            &["upstream.url=http://localhost", "residency.tls=1.3"],
            &["residency.tls: does nothing"],
        ),
        (&[EU, &pin, "residency.tls=1.3"], &[]),
    ];
    for (settings, expected) in cases {
        let set = settings.iter().flat_map(|setting| ["--set", *setting]);
        let arguments: Vec<&str> = ["check", "--offline"].into_iter().chain(set).collect();
        let (code, _, stderr) = scrubline(&arguments);
        let warnings: Vec<&str> = stderr.lines().collect();
        assert_eq!(
            (code, warnings.len()),
            (0, expected.len()),
            "{settings:?}: {stderr}"
        );
        for (warning, expected) in warnings.iter().zip(*expected) {
            let start = format!("scrubline: warning: {expected}");
            assert!(warning.starts_with(&start), "{settings:?}: {warning}");
        }
    }
}

/// A file with several lines is a secret, and may be a list of them.
#[test]
fn a_file_of_several_lines_is_many_secrets() {
    for (text, expected) in [
        ("one-secret-only\n", &["one-secret-only"][..]),
        (
            "first-secret\r\n  second-secret \nshort\n\n",
            &[
                "first-secret\r\n  second-secret \nshort",
                "first-secret",
                "second-secret",
            ],
        ),
        (
            "# A comment of some length\nexport A_TOKEN=\"quoted-value\"\nB='single-quoted'\nC = with=equals=signs\nDEBUG=true\n",
            &[
                "# A comment of some length\nexport A_TOKEN=\"quoted-value\"\nB='single-quoted'\nC = with=equals=signs\nDEBUG=true",
                "quoted-value",
                "single-quoted",
                "with=equals=signs",
            ],
        ),
        // Padded base64 is no name without a value.
        (
            "c2VjcmV0LW9uZQ==\nc2VjcmV0LTEyMzQ=\nEMPTY_VARIABLE=",
            &[
                "c2VjcmV0LW9uZQ==\nc2VjcmV0LTEyMzQ=\nEMPTY_VARIABLE=",
                "c2VjcmV0LW9uZQ==",
                "c2VjcmV0LTEyMzQ=",
            ],
        ),
        (
            "-----BEGIN PRIVATE KEY-----\nhunter2hunter2\n-----END PRIVATE KEY-----",
            &["-----BEGIN PRIVATE KEY-----\nhunter2hunter2\n-----END PRIVATE KEY-----"],
        ),
        (
            "{\n  \"private_key\": \"hunter2\"\n}\n",
            &["{\n  \"private_key\": \"hunter2\"\n}"],
        ),
    ] {
        let file = TempFile::new("lines", text);
        let files = vec![file.0.display().to_string()];
        let read = Secrets { env: vec![], files }.read().unwrap();
        let mut values: Vec<_> = read
            .values()
            .iter()
            .map(|value| std::str::from_utf8(value).unwrap())
            .collect();
        let mut expected = expected.to_vec();
        values.sort_unstable();
        expected.sort_unstable();
        assert_eq!(values, expected);

        let flag = format!("secrets.files={}", file.0.display());
        let arguments = ["check", "--upstream", "http://x", "--set", &flag];
        let (code, stdout, _) = scrubline(&arguments);
        let count = match expected.len() {
            1 => "# it looks for 1 known secret\n".to_owned(),
            n => format!("# it looks for {n} known secrets\n"),
        };
        assert!(code == 0 && stdout.ends_with(&count), "{stdout}");
    }
}

/// Known secrets are named by where they stand. What is wrong with one is told, and never its value.
#[test]
fn known_secrets_are_read_by_reference() {
    let folder = std::env::temp_dir().join(format!("scrubline-{}-secrets", std::process::id()));
    std::fs::create_dir_all(folder.join("..data")).unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let good = write("good", " a real secret\n");
    let short = write("short", "hunter2");
    let empty = write("empty", "\n");
    let secrets = |env: &[&str], files: &[&str]| {
        Secrets {
            env: env.iter().map(|name| (*name).to_owned()).collect(),
            files: files.iter().map(|name| (*name).to_owned()).collect(),
        }
        .read()
    };
    assert_eq!(
        secrets(&[], &[&good]).unwrap().values(),
        [b"a real secret".to_vec()]
    );
    let pattern = format!("{}/g*", folder.display());
    assert_eq!(secrets(&[], &[&pattern]).unwrap().values().len(), 1);
    let nothing = format!("{}/x*", folder.display());
    let missing = format!("{}/missing", folder.display());
    let wrong = folder.display().to_string();
    let problems = secrets(
        &["SCRUBLINE_TEST_NOT_SET"],
        &[&short, &empty, &nothing, &missing, &wrong],
    )
    .unwrap_err()
    .join("\n");
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(
        problems,
        format!(
            "secrets.env: the environment has no SCRUBLINE_TEST_NOT_SET; set it, or leave it out\n\
             secrets.files: {short} has 7 bytes, and so short a value would be found in much that is none; it takes at least 8\n\
             secrets.files: {empty} is empty\n\
             secrets.files: {nothing}: meets no file\n\
             secrets.files: {missing}: there is no such file\n\
             secrets.files: {wrong}: is no file"
        )
    );
}

/// Also where it is no value: somebody tried it out, and left it behind.
#[test]
fn check_refuses_a_secret_in_a_comment_and_does_not_show_it() {
    let token = ["gh", "p_", "0123456789abcdefghijABCDEFGHIJ0123456789"].concat();
    let begin = ["-----BEGIN", " PRIVATE KEY-----"].concat();
    let line = "MIIBabcdefghij/ABCDEFGHIJ+0123456789abcdefghij/ABCDEFGHIJ+012345";
    let pem = format!("#   {begin}\n# {line}\n# -----END PRIVATE KEY-----");
    let fine = "[upstream]\nurl = 'https://o1.ingest.de.sentry.io' # KEY@ goes into the DSN, the token of old is gone";
    for (text, place) in [
        (format!("# {token}\n{fine}"), Some(1)),
        (format!("{fine}\n# password = {token}"), Some(3)),
        (format!("{fine}\n  #old token:{token}, not used"), Some(3)),
        (format!("{fine} {token}"), Some(2)),
        (
            format!("{fine}\n[secrets]\nfiles = [\n'a', # '{token}'\n]"),
            Some(5),
        ),
        (format!("{fine}\n# the key\n{pem}"), Some(4)),
        (format!("{fine}\n# {}", &token[..20]), None),
        (include_str!("../scrubline.example.toml").to_owned(), None),
    ] {
        let file = support::temporary(text.as_bytes());
        let name = file.to_str().unwrap();
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_scrubline"))
            .args(["check", "--offline", "--config", name])
            .output()
            .unwrap();
        std::fs::remove_file(&file).unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        for secret in [&token[8..28], &line[..20]] {
            assert!(!stderr.contains(secret), "{stderr}");
        }
        match place {
            Some(line) => {
                assert_eq!(output.status.code(), Some(2), "{text}: {stderr}");
                let told = format!(
                    "scrubline: {name}:{line}: holds what looks like a secret (rule tokens."
                );
                assert!(
                    stderr.starts_with(&told) && stderr.lines().count() == 1,
                    "{text}: {stderr}"
                );
                assert!(output.stdout.is_empty());
            }
            None => assert!(!stderr.contains("looks like a secret"), "{text}: {stderr}"),
        }
    }
}

#[test]
fn check_refuses_a_secret_that_stands_in_the_configuration_and_does_not_show_it() {
    // In pieces, so that scanners of source code stay quiet.
    let token = ["gh", "p_", "0123456789abcdefghijABCDEFGHIJ0123456789"].concat();
    for key in ["secrets.env", "policy.packs"] {
        let flag = format!("{key}={token}");
        let arguments = ["check", "--upstream", "http://127.0.0.1:9", "--set", &flag];
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_scrubline"))
            .args(arguments)
            .current_dir(std::env::temp_dir())
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(!stderr.contains("0123456789abcdefghij"), "{stderr}");
        assert!(!stderr.is_empty() && output.stdout.is_empty());
    }
}
