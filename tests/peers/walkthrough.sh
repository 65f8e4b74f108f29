#!/bin/sh
# Keyfob's main job, step by step, on a screen: runs inside `fob sandbox --`, which brings an AWS, a configuration and a
# keyring of its own and takes them away again. Stops with an error at the first step that does not do what it says.
set -eu

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); else bold='' plain=''; fi
step() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
shows() { printf '$ %s\n' "$*"; }
run() { shows "$*"; "$@"; }
broken() { printf '\nThis is not what should have happened: %s\n' "$*" >&2; exit 1; }

# What the sandbox is told to do; everything else below is what anybody does with Keyfob.
key_of() {
  fob sandbox state | "$KEYFOB_PYTHON" -c '
import json, sys
print(next(user["keys"][0] for user in json.load(sys.stdin)["users"] if user["name"] == sys.argv[1]))' "$1"
}
make_key() { fob sandbox key "$1"; }
# The button of a page in the browser.
press() { "$KEYFOB_PYTHON" -c 'import sys, urllib.request as web; web.urlopen(sys.argv[1], b"").read()' "$1"; }
address() {
  fob status --json | "$KEYFOB_PYTHON" -c '
import json, sys
print(next(prompt["address"] for prompt in json.load(sys.stdin)["prompts"] if prompt.get("address")))' 2>/dev/null
}
revoke_key() { fob sandbox revoke "$1"; }

# The person. The sandbox stored a key for kim already.
user=kim
aws=/usr/bin/aws
[ -x "$aws" ] || aws=aws
who='import boto3; print(boto3.client("sts").get_caller_identity()["Arn"])'

step "1. Sign in: a session of twelve hours from the key in the keyring"
run fob login "$user"

step "2. Every tool signs in through the profile, and no secret is in it"
shows "eval \"\$(fob env $user)\""
eval "$(fob env "$user" --format bash)"
shows "python3 -c '$who'"
"$KEYFOB_PYTHON" -c "$who"
# The AWS CLI before 2.13 does not read AWS_ENDPOINT_URL.
run "$aws" --endpoint-url "$AWS_ENDPOINT_URL" sts get-caller-identity --query Arn --output text

step "3. An agent: it renews ahead of time, and answers every program from now on"
shows "fob agent run &"
# With a browser, whether there is a display or not: here it is this script.
env -u SSH_CONNECTION DISPLAY="${DISPLAY:-:0}" fob agent run 2>/dev/null &
trap 'fob agent stop 2>/dev/null' EXIT
tries=0
until fob agent status >/dev/null; do
  tries=$((tries + 1))
  [ $tries -lt 100 ] || broken "no agent is running"
  sleep 0.1
done
run fob status

step "4. A role on top, and a command that gets its credentials"
run fob login deploy
shows "fob exec deploy -- python3 -c '$who'"
fob exec deploy -- "$KEYFOB_PYTHON" -c "$who"
run fob list

step "5. Somebody deletes the key at AWS: the next sign-in says so, and what to do"
revoke_key "$(key_of "$user")"
shows "fob login $user --force --no-input"
code=0
fob login "$user" --force --no-input || code=$?
[ $code = 3 ] || broken "exit code $code instead of 3"

step "6. A new key, checked with AWS before it is stored; on a terminal \`fob login\` asks for it by itself"
shows "fob user configure $user --stdin"
make_key "$user" | fob user configure "$user" --stdin
run fob login "$user"

step "7. Another process asks nothing, and the tools go on"
run fob login "$user" --no-input </dev/null
shows "python3 -c '$who'"
"$KEYFOB_PYTHON" -c "$who"
run fob whoami "$user"

# A program needs an identity; the prompt shows the address, and the person signs in there.
in_the_browser() {
  shows "fob credential-process $1 &"
  fob credential-process "$1" --wait 60 >/dev/null &
  program=$!
  tries=0
  until page=$(address); do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || broken "no prompt for $1"
    sleep 0.1
  done
  printf 'In the browser: %s\n' "${page%%\?*}"
  press "$page"
  wait "$program" || broken "the program got no credentials of $1"
  run fob whoami "$1"
}

step "8. Without an access key: IAM Identity Center, in the browser; the next role needs no second tab"
in_the_browser dev-admin
run fob login production --no-input

step "9. The console's own sign-in (aws login), in the browser as well"
in_the_browser me

step "10. A role by an assertion (SAML), which a tool prints that signs in at the identity provider"
shows "fob sandbox assertion | fob login ops --assertion-stdin"
fob sandbox assertion | fob login ops --assertion-stdin

step "11. Log out: first what would go, then what went; programs get nothing more"
run fob logout deploy --dry-run
run fob logout deploy
code=0
fob credential-process deploy || code=$?
[ $code = 3 ] || broken "exit code $code instead of 3"
run fob audit

printf '\nThat was all: sandbox, keys and sessions are gone when this ends.\n'
