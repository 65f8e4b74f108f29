#!/bin/sh
# The real tray app in a real tray: tray.sh KEYFOB starts it, finds its item on the bus, reads its menu, presses Quit.
# Runs inside session.sh. KEYFOB_SCREENSHOT=FILE keeps a picture.
set -eu
keyfob=$1
bus='gdbus call --session --timeout 5'

fail() {
  echo "FAILED: $*" >&2
  [ ! -s "$HOME/keyfob.log" ] || cat "$HOME/keyfob.log" >&2
  exit 1
}

# Reads one property: of BUS-NAME OBJECT INTERFACE PROPERTY
property() {
  $bus --dest "$1" --object-path "$2" --method org.freedesktop.DBus.Properties.Get "$3" "$4"
}

# Waits up to 20 s for COMMAND… to succeed.
eventually() {
  tries=0
  until "$@"; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || return 1
    sleep 0.2
  done
}

# The item that belongs to our process; its bus name is what the watcher lists before the object's path.
find_item() {
  items=$(property org.kde.StatusNotifierWatcher /StatusNotifierWatcher org.kde.StatusNotifierWatcher \
    RegisteredStatusNotifierItems)
  for item in $(printf %s "$items" | grep -o "'[^']*'" | tr -d "'"); do
    name=${item%%/*}
    object=/${item#*/}
    owner=$($bus --dest org.freedesktop.DBus --object-path / --method \
      org.freedesktop.DBus.GetConnectionUnixProcessID "$name" | tr -dc '0-9 ' | sed 's/.* //')
    [ "$owner" != "$pid" ] || return 0
  done
  return 1
}

"$keyfob" >"$HOME/keyfob.log" 2>&1 &
pid=$!
trap 'kill $pid 2>/dev/null || true' EXIT

eventually find_item || fail "the tray lists no item of the app: $items"
echo "item: $item"
menu=$(property "$name" "$object" org.kde.StatusNotifierItem Menu | grep -o "/[^']*")
layout=$($bus --dest "$name" --object-path "$menu" --method com.canonical.dbusmenu.GetLayout 0 -- -1 '[]')
labels=$(printf %s "$layout" | grep -o "'label': <'[^']*'>" | sed "s/.*<'//; s/'>//")
printf 'menu: %s\n' "$(printf %s "$labels" | tr '\n' '|')"
printf '%s\n' "$labels" | grep -q '^Keyfob [0-9]' || fail "the menu does not name the version: $layout"
printf '%s\n' "$labels" | grep -qx Quit || fail "the menu holds no Quit: $layout"

if [ -n "${KEYFOB_SCREENSHOT:-}" ]; then
  sleep 1
  import -window root "$KEYFOB_SCREENSHOT"
fi

# The id stands in front of the properties: <(3, {'label': <'Quit'>}, …
quit=$(printf %s "$layout" | grep -o "([0-9]*, {[^}]*'label': <'Quit'>" | sed 's/.*(\([0-9]*\), {[^(]*$/\1/')
[ -n "$quit" ] || fail "the id of Quit cannot be read: $layout"
$bus --dest "$name" --object-path "$menu" --method com.canonical.dbusmenu.Event "$quit" clicked '<0>' 0 >/dev/null
ended() { ! kill -0 $pid 2>/dev/null; }
eventually ended || fail "Quit did not end the app"
wait $pid || fail "the app ended with exit code $?"
echo "quit: the app ended with exit code 0"
