#!/bin/sh
# wine.sh PROGRAM ARGUMENT…: runs a Windows program under Wine. The repository is at Z:\src for it.
set -eu
export WINEPREFIX=/wine WINEDEBUG=-all WINEDLLOVERRIDES=mscoree,mshtml=
if [ ! -e "$WINEPREFIX/complete" ]; then
  rm -rf "$WINEPREFIX"
  wineboot -i >&2
  # Its server writes the registry down when it ends; killed before, it leaves a Windows without services.
  /usr/lib/x86_64-linux-gnu/wine/wineserver -w
  touch "$WINEPREFIX/complete"
fi
console=$WINEPREFIX/drive_c/console.exe source=${0%/*}/console.c
[ "$console" -nt "$source" ] || x86_64-w64-mingw32-gcc -O1 "$source" -o "$console"
export KEYFOB_CONSOLE='C:\console.exe'
CARGO_MANIFEST_DIR='Z:\src' INSTA_WORKSPACE_ROOT='Z:\src' exec wine "$@"
