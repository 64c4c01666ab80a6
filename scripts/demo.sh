#!/usr/bin/env bash
# Builds sealeaf and does the main job on the files of examples/files/, in a scratch repository with a home of its own.
# Every step is checked: the script ends with 0 only if all of them hold. With --keep the repository stays.
set -Eeuo pipefail
cd "$(dirname "$0")/.."
project=$PWD
bold='' normal=''
[ ! -t 1 ] || bold=$'\e[1m' normal=$'\e[0m'

title() { printf '\n%s%s%s\n' "$bold" "$1" "$normal"; }
show() { sed 's/^/    /' | cut -c1-110; }
fail() { trap - ERR; echo "demo: $1" >&2; exit 1; }
trap 'fail "line $LINENO did not hold"' ERR

# A command as one would type it.
typed() {
  printf '  $'
  for word; do [[ $word = *[\ \"\$]* ]] && printf " '%s'" "$word" || printf ' %s' "$word"; done
  printf '\n'
}
# Runs a command, after printing it.
run() { typed "$@" && "$@" 2>&1 | show; }
# Ends the demo unless both texts are the same.
same() { [ "$1" = "$2" ] || fail "$3: expected '$1', got '$2'"; }
# Runs a command that must end with that code.
refused() {
  local expected=$1 code=0
  shift
  typed "$@"
  "$@" > "$work/output" 2>&1 || code=$?
  show < "$work/output"
  same "$expected" "$code" "exit code of $*"
  echo "    exit code $code"
}
# What changed in the working tree, as `added removed file`.
changed_lines() { git diff --numstat | tr '\t' ' '; }
# Sets one value, which comes from standard input and not from the command line.
set_value() { printf '  $ echo "%s" | sealeaf set %s %s\n' "$3" "$1" "$2" && echo "$3" | sealeaf set --quiet "$1" "$2"; }

for tool in cargo git cc; do
  command -v $tool > /dev/null || fail "$tool is missing: this needs git, a C compiler and the Rust toolchain (1.95 or newer)"
done

title "1. Build"
begin=$SECONDS
cargo build --release --no-default-features --features cli,age
target=$(cargo metadata --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
echo "  built in $((SECONDS - begin)) s: $target/release/sealeaf"

# From here on nothing of the user's is read or written.
work=$(mktemp -d)
trap '[ "${1:-}" = --keep ] || rm -rf "$work"' EXIT
unset "${!SEALEAF_@}" "${!SOPS_@}" "${!GIT_@}" VISUAL EDITOR
mkdir -p "$work/home" "$work/bin" "$work/repo/secrets"
ln -s "$target/release/sealeaf" "$work/bin/sealeaf"
export HOME=$work/home XDG_CONFIG_HOME=$work/home/.config GIT_CONFIG_NOSYSTEM=1 GIT_PAGER=cat PATH=$work/bin:$PATH
cd "$work/repo"
git init --quiet --initial-branch main
git config user.name "Demo"
git config user.email demo@example.invalid
plain=$project/examples/files
files=$(ls "$plain")

title "2. A key and a repository"
run sealeaf keygen
run sealeaf init --yes
sed -i 's/^# clear = .*/clear = ["apiVersion", "kind", "metadata.**", "type", "replicaCount", "image.**"]/' .sealeaf.toml
run sed -n '/^\[\[rule/,$p' .sealeaf.toml

title "3. Seal the secrets in place: keys, comments, order and layout stay"
cp "$plain"/* secrets/
run sealeaf encrypt secrets
run sed -n '1,13p' secrets/secret.yaml
! grep -rE 'not-a-real|example-token|EXAMPLEACCESS|invented.?/secret|PRIVATE KEY' secrets || fail "a secret is left in clear"

title "4. The plaintext comes back byte for byte"
for file in $files; do
  sealeaf decrypt "secrets/$file" | cmp - "$plain/$file" || fail "$file is not what it was"
  echo "  $file: $(wc -c < "$plain/$file") bytes, identical"
done
git add --all
git commit --quiet --message "Secrets"

title "5. One changed value is one changed line"
set_value secrets/secret.yaml stringData.password "a new password"
same "1 1 secrets/secret.yaml" "$(changed_lines)" "changed lines"
run git diff --no-textconv --numstat
echo "  and whoever has a key sees what it means:"
run git diff --unified=0
git diff --unified=0 | grep -q '^+  password: "a new password"' || fail "git diff does not show the value"
git commit --quiet --all --message "New database password"

title "6. Two branches change different secrets; plain git merges them"
git switch --quiet --create left
set_value secrets/values.yaml oauth.clientSecret left-secret
set_value secrets/services.json 'services[0].credentials.password' left-password
set_value secrets/app.toml database.url postgres://left.example/reports
git commit --quiet --all --message "Left"
git switch --quiet --create right main
set_value secrets/values.yaml 'users[1].token' right-token
set_value secrets/services.json 'signing.keys[1].key' right-key
set_value secrets/app.toml 'bucket[1].keys.secret' right-secret
git commit --quiet --all --message "Right"
run git merge --no-edit left
run sealeaf verify secrets/values.yaml secrets/services.json secrets/app.toml
same 3 "$(sealeaf verify secrets/* 2> /dev/null | grep -c ': linked, ')" "linked files"
echo "  linked: every piece is authentic, and two people wrote them. One line makes it one version again:"
run sealeaf reseal secrets/values.yaml secrets/services.json secrets/app.toml
same "1 1 secrets/app.toml
1 1 secrets/services.json
1 1 secrets/values.yaml" "$(changed_lines)" "changed lines"
git commit --quiet --all --message "Reseal"
run sealeaf verify --require-sealed --against HEAD~1 secrets

title "7. Both changes are there, and nothing else changed"
mkdir "$work/expected"
sed 's/^  password: "not.*"   #/  password: "a new password"   #/' "$plain/secret.yaml" > "$work/expected/secret.yaml"
sed "s/'it''s not a real secret'/'left-secret'/; s/example-token-0002/right-token/" "$plain/values.yaml" > "$work/expected/values.yaml"
sed 's/not-a-real-password\\u0021/left-password/; s/YWxzbyBpbnZlbnRlZA==/right-key/' "$plain/services.json" > "$work/expected/services.json"
sed 's#^url = .*#url = "postgres://left.example/reports"#' "$plain/app.toml" |
  sed "s/'C:.not.an.escape'/'right-secret'/" > "$work/expected/app.toml"
for file in $files; do
  sealeaf decrypt "secrets/$file" | cmp - "$work/expected/$file" || fail "$file is not the merged plaintext"
  ! cmp --quiet "$plain/$file" "$work/expected/$file" || fail "the demo's own expectation for $file is wrong"
  echo "  $file: as expected, byte for byte"
done

title "8. Tampering is refused, without a word of plaintext"
echo "  a readable value is changed:"
sed -i 's/^replicaCount: 3/replicaCount: 0/' secrets/values.yaml
refused 5 sealeaf decrypt secrets/values.yaml
git checkout --quiet secrets
echo "  one secret takes another's place:"
token=$(sed -n 's/^  user: //p' secrets/values.yaml)
sed -i "s|^  password: .*|  password: $token|" secrets/values.yaml
refused 5 sealeaf decrypt secrets/values.yaml
git checkout --quiet secrets
echo "  a line is deleted:"
sed -i '/^password = /d' secrets/app.toml
refused 5 sealeaf decrypt secrets/app.toml
git checkout --quiet secrets
echo "  an old version is put back; it is authentic, but git knows better:"
git show HEAD~2:secrets/values.yaml > secrets/values.yaml
refused 6 sealeaf verify --against HEAD secrets/values.yaml
git checkout --quiet secrets
echo "  somebody without a key:"
refused 4 env XDG_CONFIG_HOME=/nowhere HOME=/nowhere sealeaf decrypt secrets/app.toml

title "9. A program gets the values as its environment"
# shellcheck disable=SC2016
run sealeaf exec secrets/app.toml -- sh -c 'echo "$DATABASE_URL ($BUCKET_1_KEYS_SECRET)"'
# shellcheck disable=SC2016
same "postgres://left.example/reports" "$(sealeaf exec secrets/app.toml -- sh -c 'echo "$DATABASE_URL"')" "DATABASE_URL"

title "All of it holds."
echo "The program is $target/release/sealeaf"
echo "Try it in a repository of your own: README.md, \"Your own repository\"."
[ "${1:-}" != --keep ] || echo "The scratch repository is $work/repo (HOME=$work/home)."
