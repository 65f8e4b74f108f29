#!/bin/sh
# A Secret Service of its own, without a screen: keyring.sh COMMAND… runs COMMAND with a session bus and an unlocked,
# empty keyring, in a home where nothing else is. Everything ends and is removed when COMMAND does.
set -eu
if [ "${KEYFOB_KEYRING:-}" != inside ]; then
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  mkdir -m 700 "$folder/run"
  # The toolchain finds its own folders through HOME unless it is told.
  export CARGO_HOME="${CARGO_HOME:-$HOME/.cargo}" RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}"
  HOME=$folder XDG_RUNTIME_DIR=$folder/run XDG_DATA_HOME=$folder/data KEYFOB_KEYRING=inside \
    dbus-run-session -- "$0" "$@"
  exit
fi
# It stays on the bus, and ends with it.
printf keyfob | gnome-keyring-daemon --unlock --components=secrets >/dev/null
gdbus wait --session --timeout 20 org.freedesktop.secrets
unset KEYFOB_KEYRING
"$@"
