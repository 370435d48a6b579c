#!/usr/bin/env bash
# Puts the real peers of tests/real_sdks.rs, tests/otlp.rs and tests/browser.rs under target/peers (ignored by git): a Python environment with the
# bugsink collector, sentry-sdk and Flask; a Node folder with @sentry/node, Express, @sentry/browser, the SDKs of React, Vue and Next.js (without
# Next.js itself, which is large) and puppeteer-core; and an empty, migrated bugsink, which each test copies. Exact versions: requirements.txt and
# package-lock.json, beside this file.
#
# Does nothing when what is there was made from the same files by the same Python and Node. Needs python3 (3.11 or
# later) with venv, node 18 or later, npm, and chromium for tests/browser.rs; touches nothing outside target/peers.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
peers=$(cd "$here/../.." && pwd)/target/peers
stamp=$peers/stamp

for tool in python3 node npm chromium; do
    command -v "$tool" >/dev/null || {
        echo "tests/peers/setup.sh: $tool is missing (Debian: apt-get install python3-venv nodejs npm chromium)" >&2
        exit 1
    }
done

wanted=$(
    cat "$here/setup.sh" "$here/requirements.txt" "$here/package-lock.json" "$here/collector.py" | sha256sum
    python3 --version
    node --version
)
if [[ -f $stamp && $(cat "$stamp") == "$wanted" ]]; then
    echo "peers: up to date"
    exit 0
fi

rm -rf "$peers"
mkdir -p "$peers/node"

echo "peers: Python environment"
python3 -m venv "$peers/venv"
"$peers/venv/bin/pip" install --quiet --disable-pip-version-check --no-input -r "$here/requirements.txt"

echo "peers: Node packages"
cp "$here/package.json" "$here/package-lock.json" "$peers/node/"
(cd "$peers/node" && npm ci --no-audit --no-fund --ignore-scripts --legacy-peer-deps --loglevel=error)

echo "peers: an empty collector"
"$peers/venv/bin/python" "$here/collector.py" template "$peers/bugsink-template"

# Last, so that a run that was interrupted is done again from the start.
printf '%s' "$wanted" >"$stamp"
echo "peers: ready"
