#!/usr/bin/env bash
# What the whole proxy costs beside a bare pass-through and nginx: benches/proxy.rs says how. Takes some minutes.
#
#   benches/proxy.sh            all of it
#   benches/proxy.sh 30KB       only that; or 2KB, 1MB, memory, start
#   benches/proxy.sh identity   only that encoding; or logged, gunzip, gzip
#
# Needs taskset (util-linux), two cores, and nginx for its column.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec cargo bench --locked --bench proxy -- "$@"
