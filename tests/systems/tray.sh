#!/bin/sh
# The tray app for Windows, under Wine on a display without a screen: it hosts the agent, shows its icon, runs once, and ends
# with its agent. Its window needs WebView2, which Wine has not.
set -eu
programs=${CARGO_TARGET_DIR:-target}/x86_64-pc-windows-gnu/debug
wine=tests/systems/wine.sh
folder=$(mktemp -d)
trap 'kill $display 2>/dev/null || true; rm -rf "$folder"' EXIT
mkfifo "$folder/display"
Xvfb -displayfd 3 -screen 0 1024x768x24 -nolisten tcp 3>"$folder/display" 2>/dev/null &
display=$!
read -r number <"$folder/display"
export DISPLAY=":$number" FOB_KEYRING=memory
printf 'auth:\n  identities:\n    dev: { kind: aws/user, default: true }\n' >"$folder/config.yaml"
config="Z:$folder/config.yaml"

fail() {
  echo "FAILED: $1" >&2
  cat "$folder/app.log" >&2
  exit 1
}

# within TIMES COMMAND…: once a second, until COMMAND succeeds.
within() {
  times=$1
  shift
  until "$@" >/dev/null 2>&1; do
    times=$((times - 1))
    [ "$times" -gt 0 ] || return 1
    sleep 1
  done
}

# Wine keeps a display for as long as its server runs: another server, for this one.
WINEPREFIX=/wine /usr/lib/x86_64-linux-gnu/wine/wineserver -k || true
"$wine" "$programs/fob.exe" trust "$config" --yes >/dev/null 2>&1 || true
"$wine" "$programs/keyfob.exe" --hidden --config "$config" >"$folder/app.log" 2>&1 &
app=$!
within 60 "$wine" "$programs/fob.exe" --config "$config" agent status || fail 'no agent'
echo 'ok: the tray app hosts the agent'
within 20 sh -c 'xwininfo -root -tree | grep -qi keyfob' || fail 'no icon'
echo 'ok: its icon has a window'
timeout 60 "$wine" "$programs/keyfob.exe" --hidden --config "$config" || fail 'a second start'
kill -0 $app || fail 'the first one ended'
echo 'ok: a second start leaves it to the first'
"$wine" "$programs/fob.exe" --config "$config" agent stop || fail 'the agent does not stop'
within 30 sh -c "! kill -0 $app" || fail 'the app outlives its agent'
wait $app || fail 'the app ended with a failure'
echo 'ok: it ends with its agent'
