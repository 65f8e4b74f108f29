#!/bin/sh
# sid.sh FOLDER COMMAND…: runs COMMAND in a Debian sid in FOLDER, made when missing, with this checkout at /src. Its Rust, its
# source of the standard library and its cross compilers are of one age, and nothing outside FOLDER changes. As root:
# for chroot and mounts, which end with COMMAND.
set -eu
root=$1
shift
if [ "$(id -u)" != 0 ]; then
  echo 'This needs root, for chroot and mounts: try again with sudo.' >&2
  exit 1
fi
certificates=etc/ssl/certs/ca-certificates.crt
if [ ! -e "$root/complete" ]; then
  rm -rf "$root"
  mkdir -p "$root"
  mirror=$(sed -n 's/^URIs: //p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -n 1)
  debootstrap --variant=minbase sid "$root" "${mirror:-http://deb.debian.org/debian}" >&2
  # A mirror may be days behind, or a machine's clock ahead. What was installed is not kept twice.
  printf '%s\n' 'Acquire::Check-Valid-Until "false";' 'Acquire::Check-Date "false";' \
    'APT::Keep-Downloaded-Packages "false";' >"$root/etc/apt/apt.conf.d/99keyfob"
  touch "$root/complete"
fi
mkdir -p "$root/etc/ssl/certs" "$root/src"
cp -L "/$certificates" "$root/$certificates"
cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
export KEYFOB_SID="$root" KEYFOB_CHECKOUT="$PWD"
exec unshare --mount --pid --fork --kill-child --propagation private sh -c '
  mount --rbind /dev "$KEYFOB_SID/dev"
  mount --rbind /sys "$KEYFOB_SID/sys"
  mount -t proc proc "$KEYFOB_SID/proc"
  mount --bind "$KEYFOB_CHECKOUT" "$KEYFOB_SID/src"
  exec chroot "$KEYFOB_SID" env -i HOME=/root PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
    KEYFOB_SID="$KEYFOB_SID" ${CARGO_BUILD_JOBS:+CARGO_BUILD_JOBS="$CARGO_BUILD_JOBS"} \
    ${https_proxy:+https_proxy="$https_proxy"} ${http_proxy:+http_proxy="$http_proxy"} \
    CARGO_HTTP_CAINFO="$0" SSL_CERT_FILE="$0" CARGO_TARGET_DIR=/target CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0 \
    RUSTC_BOOTSTRAP=1 sh -c "cd /src && exec \"\$@\"" sh "$@"
' "/$certificates" "$@"
