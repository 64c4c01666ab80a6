#!/usr/bin/env bash
# Installs the packages whose files tests/it/corpora reads: about 25 MB. Only YAML, JSON and TOML files are kept, and
# only those packages' own; nothing of them is run.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$PWD/.test-tools
corpora=$tools/corpora
rm -rf "$corpora"
mkdir -p "$corpora/packages"

pip=("$tools/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps --ignore-requires-python --dest "$corpora/packages")
"${pip[@]}" --only-binary :all: \
  kolla-ansible==22.2.0 lm-eval==0.4.13 checkov==3.3.30 ansible-core==2.19.14 cfn-lint==1.58.0
"${pip[@]}" --no-binary poetry,poetry-core poetry==2.5.1 poetry-core==2.5.0
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$corpora/npm" \
  alacritty-themes@6.0.2 i18n-iso-countries@7.14.0

"$tools/bin/python" - "$corpora" <<'PYTHON'
import pathlib
import sys
import tarfile
import zipfile

corpora = pathlib.Path(sys.argv[1])
endings = (".yaml", ".yml", ".json", ".toml", ".lock")
for package in sorted((corpora / "packages").iterdir()):
    target = corpora / "pypi" / package.name.split("-")[0].removesuffix(".tar.gz")
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as archive:
            archive.extractall(target, [name for name in archive.namelist() if name.endswith(endings)])
    else:
        with tarfile.open(package) as archive:
            members = [member for member in archive.getmembers() if member.isfile() and member.name.endswith(endings)]
            archive.extractall(target, members, filter="data")
    package.unlink()
(corpora / "packages").rmdir()
PYTHON
