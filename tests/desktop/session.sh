#!/bin/sh
# A desktop of its own, without a screen: session.sh COMMAND… runs COMMAND under Xvfb, a session bus and a panel with a
# tray, in an empty home. Everything ends and is removed when COMMAND does.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

if [ "${KEYFOB_DESKTOP:-}" != inside ]; then
  home=$(mktemp -d)
  trap 'rm -rf "$home"' EXIT
  mkdir -m 700 "$home/run" "$home/config" "$home/cache"
  mkdir -p "$home/config/xfce4/xfconf/xfce-perchannel-xml"
  cp "$here/panel.xml" "$home/config/xfce4/xfconf/xfce-perchannel-xml/xfce4-panel.xml"
  # Xvfb picks a free display and writes its number; a lock or socket left by another server is not in the way.
  mkfifo "$home/display"
  Xvfb -displayfd 3 -screen 0 800x600x24 -nolisten tcp 3>"$home/display" 2>"$home/xvfb.log" &
  xvfb=$!
  trap 'kill $xvfb 2>/dev/null || true; wait $xvfb 2>/dev/null || true; rm -rf "$home"' EXIT
  read -r number <"$home/display" || { cat "$home/xvfb.log" >&2; exit 1; }
  env -i PATH="$PATH" LANG=C.UTF-8 HOME="$home" XDG_RUNTIME_DIR="$home/run" XDG_CONFIG_HOME="$home/config" \
    XDG_CACHE_HOME="$home/cache" DISPLAY=":$number" GDK_BACKEND=x11 NO_AT_BRIDGE=1 \
    WEBKIT_DISABLE_COMPOSITING_MODE=1 KEYFOB_DESKTOP=inside dbus-run-session -- "$0" "$@"
  exit
fi

xfce4-panel --disable-wm-check >"$HOME/panel.log" 2>&1 &
panel=$!
trap 'kill $panel 2>/dev/null || true' EXIT
tries=0
until gdbus wait --session --timeout 1 org.kde.StatusNotifierWatcher 2>/dev/null; do
  tries=$((tries + 1))
  [ $tries -lt 20 ] || { echo "no tray host came up:" >&2; cat "$HOME/panel.log" >&2; exit 1; }
done
"$@"
