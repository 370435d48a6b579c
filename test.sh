#!/usr/bin/env bash
# Every check that a change has to pass, with all its set-up. From a clean clone: ./test.sh
#
#   ./test.sh              all steps
#   ./test.sh STEP...      only these
#   ./test.sh --help       the steps
#
# Needs cargo (stable with rustfmt and clippy; nightly for fuzzing), cargo-deny, cargo-fuzz, a C compiler, python3 with
# venv, node, npm, chromium, nginx and testssl. `.ci/run` installs what is missing of them. Ends with a line `N passed, N failed` that sums up
# all test programs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

STEPS=(setup fmt clippy core docs test deny fuzz bench)
# Seconds for each fuzz target: enough to see that it runs and that its seeds still pass, no search.
FUZZ_SECONDS=${FUZZ_SECONDS:-20}

counts=$(mktemp)
trap 'rm -f "$counts"' EXIT

heading() {
    printf '\n==> %s\n' "$*"
}

# Real SDKs and a real collector for tests/real_sdks.rs; nothing to do when they are there.
step_setup() {
    heading "setup: the real peers of tests/real_sdks.rs"
    tests/peers/setup.sh
}

step_fmt() {
    heading "fmt"
    cargo fmt --check
}

step_clippy() {
    heading "clippy"
    cargo clippy --locked --all-targets -- -D warnings
}

# The engine and the policies alone: they build without the shell, and nothing asynchronous or of the network is in
# what they build on.
step_core() {
    heading "core: no default features"
    cargo check --locked --no-default-features
    local tree
    tree=$(cargo tree --locked --no-default-features -e normal --prefix none --format '{p}')
    local unwanted
    unwanted=$(grep -E '^(tokio|hyper|futures|http|rustls|async|mio|tower)([-_][a-z0-9_-]+)? v' <<<"$tree" | sort -u || true)
    if [[ -n $unwanted ]]; then
        printf 'the core-only build has the network in it:\n%s\n' "$unwanted" >&2
        return 1
    fi
}

step_docs() {
    heading "docs: a broken link is an error, with the shell and without"
    RUSTDOCFLAGS=-Dwarnings cargo doc --locked --no-deps
    RUSTDOCFLAGS=-Dwarnings cargo doc --locked --no-deps --no-default-features
}

# --no-fail-fast, so that the closing count is of all tests.
step_test() {
    heading "test"
    tests/peers/setup.sh
    cargo test --locked --no-fail-fast 2>&1 | tee "$counts"
}

# Not `advisories`: its database is a git repository, and these checks also run where only package registries can be
# reached. Run `cargo deny check advisories` where it can be fetched.
step_deny() {
    heading "deny: bans, licences, sources"
    # For every system, not only this one: cargo-deny reads them all.
    cargo fetch --locked --quiet
    cargo deny --offline check --hide-inclusion-graph bans licenses sources
}

# Each target is built and run for a moment, from a fixed seed, so that a run here says something of the change and not
# of chance. Inputs it finds are thrown away; a crash stays under fuzz/artifacts. For a search, run a target by itself.
step_fuzz() {
    heading "fuzz: $FUZZ_SECONDS s for each target"
    local targets=() target found
    for target in fuzz/fuzz_targets/*.rs; do
        if [[ -f $target ]]; then
            targets+=("$(basename "$target" .rs)")
        fi
    done
    if [[ ${#targets[@]} -eq 0 ]]; then
        echo "no targets under fuzz/fuzz_targets"
        return
    fi
    cargo +nightly fuzz build
    for target in "${targets[@]}"; do
        heading "fuzz: $target"
        found=$(mktemp -d)
        # The first folder takes what is found, the second only gives seeds.
        local folders=("$found")
        if [[ -d fuzz/corpus/$target ]]; then
            folders+=("fuzz/corpus/$target")
        fi
        cargo +nightly fuzz run "$target" "${folders[@]}" -- -seed=1 -max_total_time="$FUZZ_SECONDS" ||
            { rm -rf "$found"; return 1; }
        rm -rf "$found"
    done
}

# Each benchmark once, not timed: it still does what it is to measure. Optimised, but without the release profile's
# whole-program link, which takes minutes.
step_bench() {
    heading "bench: each once"
    local bench benches=()
    for bench in benches/*.rs; do
        if [[ -f $bench ]]; then
            benches+=(--bench "$(basename "$bench" .rs)")
        fi
    done
    if [[ ${#benches[@]} -eq 0 ]]; then
        echo "no benches"
        return
    fi
    CARGO_PROFILE_BENCH_LTO=off CARGO_PROFILE_BENCH_CODEGEN_UNITS=16 cargo bench --locked "${benches[@]}" -- --test
}

main() {
    if [[ ${1:-} == --help ]]; then
        sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"
        echo "Steps: ${STEPS[*]}"
        return
    fi
    local wanted=("$@") step
    if [[ ${#wanted[@]} -eq 0 ]]; then
        wanted=("${STEPS[@]}")
    fi
    for step in "${wanted[@]}"; do
        if [[ " ${STEPS[*]} " != *" $step "* ]]; then
            echo "no step $step (there are: ${STEPS[*]})" >&2
            return 2
        fi
    done

    # One step after another; all of them run, so that one look shows everything that is wrong. Each in a shell of its
    # own: inside a condition, `set -e` would not stop a step at its first failure.
    local failed=() status
    for step in "${wanted[@]}"; do
        set +e
        (
            set -euo pipefail
            "step_$step"
        )
        status=$?
        set -e
        if [[ $status -ne 0 ]]; then
            failed+=("$step")
        fi
    done

    # What failed is said once more at the end, where it is looked for.
    awk '/^---- .* stdout ----$/ { lines = 12 } /^failures:$/ { lines = 0 } lines > 0 { print; lines-- }' "$counts"
    echo
    if [[ ${#failed[@]} -gt 0 ]]; then
        echo "FAILED: ${failed[*]}"
    else
        echo "all steps are good: ${wanted[*]}"
    fi
    if [[ -s $counts ]]; then
        awk '/^test result: / {
            for (i = 2; i <= NF; i++) {
                if ($i == "passed;") passed += $(i - 1)
                if ($i == "failed;") failed += $(i - 1)
            }
        } END { printf "%d passed, %d failed\n", passed, failed }' "$counts"
    fi
    [[ ${#failed[@]} -eq 0 ]]
}

main "$@"
