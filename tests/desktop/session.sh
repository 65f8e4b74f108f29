#!/bin/sh
# A desktop of its own, without a screen: session.sh COMMAND… runs COMMAND under Xvfb, a session bus, an unlocked and empty
# keyring and a window manager, in an empty home. Panel and notices are COMMAND's own. Everything ends and is removed when
# COMMAND does.
set -eu

if [ "${KEYFOB_DESKTOP:-}" != inside ]; then
  home=$(mktemp -d)
  # What has just lost its display may still write on its way out.
  remove() {
    tries=0
    until rm -rf "$home" 2>/dev/null; do
      tries=$((tries + 1))
      [ $tries -lt 50 ] || { rm -rf "$home"; return; }
      sleep 0.1
    done
  }
  trap 'rm -rf "$home"' EXIT
  mkdir -m 700 "$home/run" "$home/config" "$home/cache" "$home/data" "$home/tmp"
  # Xvfb picks a free display and writes its number; a lock or socket left by another server is not in the way.
  mkfifo "$home/display"
  # No key repeats itself because a busy machine was late to let go of it.
  Xvfb -displayfd 3 -r -screen 0 1280x900x24 -nolisten tcp 3>"$home/display" 2>"$home/xvfb.log" &
  xvfb=$!
  trap 'kill $xvfb 2>/dev/null || true; wait $xvfb 2>/dev/null || true; remove' EXIT
  read -r number <"$home/display" || { cat "$home/xvfb.log" >&2; exit 1; }
  # The toolchain finds its own folders through HOME unless it is told.
  env -i PATH="$PATH" LANG=C.UTF-8 HOME="$home" TMPDIR="$home/tmp" XDG_RUNTIME_DIR="$home/run" \
    XDG_CONFIG_HOME="$home/config" XDG_CACHE_HOME="$home/cache" XDG_DATA_HOME="$home/data" \
    CARGO_HOME="${CARGO_HOME:-$HOME/.cargo}" RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}" \
    ${CARGO_TARGET_DIR:+CARGO_TARGET_DIR="$CARGO_TARGET_DIR"} ${KEYFOB_SHOTS:+KEYFOB_SHOTS="$KEYFOB_SHOTS"} \
    ${KEYFOB_NODE:+KEYFOB_NODE="$KEYFOB_NODE"} ${KEYFOB_NODE_MODULES:+KEYFOB_NODE_MODULES="$KEYFOB_NODE_MODULES"} \
    DISPLAY=":$number" GDK_BACKEND=x11 GSETTINGS_BACKEND=memory NO_AT_BRIDGE=1 \
    WEBKIT_DISABLE_COMPOSITING_MODE=1 KEYFOB_DESKTOP=inside dbus-run-session -- "$0" "$@"
  exit
fi

# They stay on the bus and the display, and end with them.
printf keyfob | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1
gdbus wait --session --timeout 20 org.freedesktop.secrets
openbox >"$HOME/openbox.log" 2>&1 &
"$@"
