#!/bin/sh
# wine.sh PROGRAM ARGUMENT…: runs a Windows program under Wine. The repository is at Z:\src for it.
set -eu
export WINEPREFIX=/wine WINEDEBUG=-all WINEDLLOVERRIDES=mscoree,mshtml=
[ -e "$WINEPREFIX/system.reg" ] || wineboot -i >&2
CARGO_MANIFEST_DIR='Z:\src' INSTA_WORKSPACE_ROOT='Z:\src' exec wine "$@"
