#!/usr/bin/env bash
# How large the program is, and how long it takes to start: with everything, and with age alone as the demo builds it. Fails
# above the limits, and where a build says of a key type that it has not something else than that.
set -euo pipefail
cd "$(dirname "$0")/.."

check() {
  local name=$1 limit=$2 size
  size=$(stat -c %s target/release/sealeaf)
  echo "$name: $size bytes, at most $limit"
  [ "$size" -le "$limit" ]
  python3 - << 'PY'
import statistics, subprocess, time
def once():
    begin = time.perf_counter()
    subprocess.run(["target/release/sealeaf", "--version"], check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - begin) * 1000
print(f"  --version: {statistics.median(once() for _ in range(50)):.1f} ms, the median of 50")
PY
}

cargo build --quiet --release --no-default-features --features cli,age
check "age alone" 10500000
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/.sealeaf.toml" << 'TOML'
version = 1
[recipients]
ci = { azure_kv = "https://myvault.vault.azure.net/keys/app" }
[[rule]]
files = ["*"]
to = ["ci"]
TOML
echo "x: 1" > "$work/a.yaml"
said=$(target/release/sealeaf encrypt "$work/a.yaml" 2>&1) && exit 1
grep -q 'this build has no `azure_kv`' <<< "$said" || { echo "sizes: it says: $said" >&2; exit 1; }

cargo build --quiet --release
check "everything" 35000000
