//! Every seed and every past crash of the fuzz targets, replayed by the ordinary tests. A folder without a target fails.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, missing_docs)]

use scrubline::scrub::fuzzing;

#[test]
fn seeds_keep_the_laws() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus");
    let mut replayed = 0;
    for folder in std::fs::read_dir(root).unwrap() {
        let folder = folder.unwrap();
        let target: fn(&[u8]) = match folder.file_name().to_str().unwrap() {
            "documents" => fuzzing::documents,
            "json" => fuzzing::json,
            "envelope" => fuzzing::envelope,
            "text" => fuzzing::text,
            "url" => fuzzing::url,
            "secrets" => fuzzing::secrets,
            "rules" => fuzzing::rules,
            "decode" => fuzzing::decode,
            "store" => fuzzing::store,
            "protobuf" => fuzzing::protobuf,
            "multipart" => fuzzing::multipart,
            "msgpack" => fuzzing::msgpack,
            other => panic!("fuzz/corpus/{other} has no target"),
        };
        for seed in std::fs::read_dir(folder.path()).unwrap() {
            target(&std::fs::read(seed.unwrap().path()).unwrap());
            replayed += 1;
        }
    }
    assert!(replayed > 200, "only {replayed} seeds");
}
