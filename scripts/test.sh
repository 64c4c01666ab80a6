#!/usr/bin/env bash
# Installs what the tests need and runs them all.
set -euo pipefail
cd "$(dirname "$0")/.."
./scripts/setup.sh
cargo test --quiet --features test-util "$@"
