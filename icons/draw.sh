#!/bin/sh
# Draws every icon from the one drawing below: `icons/draw.sh` needs rsvg-convert, icotool and png2icns
# (Debian: librsvg2-bin icoutils icnsutils). The results are committed, so a build needs none of them.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The mark at the lower right tells the health by its shape; colour only says it again. Each is cut out of the fob with a
# rim (black in the mask), then drawn.
rim='<circle cx="12.4" cy="12.4" r="4.3" fill="#000"/>'
dot='<circle cx="12.4" cy="12.4" r="2.9"/>'
half='<circle cx="12.4" cy="12.4" r="2.4" fill="none" stroke-width="1.1"/><path d="M12.4 9.5a2.9 2.9 0 0 1 0 5.8z" stroke="none"/>'
# A full disc with the exclamation mark left open.
call='<path fill-rule="evenodd" stroke="none" d="M12 8a4 4 0 0 1 0 8a4 4 0 0 1 0-8zM11.1 9v3.6h1.8v-3.6zM11.1 13.4v1.6h1.8v-1.6z"/>'
call_rim='<circle cx="12" cy="12" r="5.2" fill="#000"/>'
bars='<path d="M10.9 9.9v5M13.9 9.9v5" fill="none" stroke-width="1.7" stroke-linecap="round"/>'
slash='<path d="M1.6 1.6l12.8 12.8" fill="none" stroke-width="1.5" stroke-linecap="round"/>'
slash_rim='<path d="M0 0l16 16" stroke="#000" stroke-width="4.2"/>'

# fob LINE MARK-COLOUR RIM MARK: ring, body and button, in one weight of line, on a grid of 16.
fob() {
  printf '<mask id="cut"><rect width="16" height="16" fill="#fff"/>%s</mask>' "$3"
  printf '<g mask="url(#cut)" fill="none" stroke="%s" stroke-width="1.5">' "$1"
  printf '<circle cx="12.03" cy="3.97" r="2.25"/><path d="M3.94 6.62L8.50 5.10A1.9 1.9 0 0 1 10.90 7.50L9.38 12.06A4.3 4.3 0 1 1 3.94 6.62z"/>'
  printf '<circle cx="5.3" cy="10.7" r="1" fill="%s" stroke="none"/></g>' "$1"
  printf '<g fill="%s" stroke="%s">%s</g>' "$2" "$2" "$4"
}

svg() { # VIEWBOX CONTENT
  printf '<svg xmlns="http://www.w3.org/2000/svg" viewBox="%s">%s</svg>\n' "$1" "$2"
}

png() { # SVG SIZE OUT
  rsvg-convert -w "$2" -h "$2" "$1" -o "$3"
}

tray() { # NAME COLOUR RIM MARK
  # Middle grey stands out from a light panel and from a dark one.
  svg "0 0 16 16" "$(fob '#868c92' "$2" "$3" "$4")" >"$work/$1.svg"
  png "$work/$1.svg" 48 "tray/$1.png"
  svg "0 0 16 16" "$(fob '#000' '#000' "$3" "$4")" >"$work/$1-template.svg"
  png "$work/$1-template.svg" 48 "tray/$1-template.png"
}

mkdir -p tray
tray ok '#1d9a8a' "$rim" "$dot"
# Nothing is signed in: no mark at all.
tray idle '#868c92' '' ''
tray paused '#868c92' "$rim" "$bars"
tray due '#c98a12' "$rim" "$half"
tray attention '#d64533' "$call_rim" "$call"
tray offline '#868c92' "$slash_rim" "$slash"

# The app's own icon: the fob on a plain rounded tile.
tile='<rect x="1" y="1" width="30" height="30" rx="7" fill="#17635e"/>'
svg "0 0 32 32" "$tile<g transform=\"translate(7.2 6.4) scale(1.2)\">$(fob '#fff' '#8be0cb' "$rim" "$dot")</g>" >icon.svg
for size in 16 32 48 64 128 256 512; do png icon.svg $size "$work/$size.png"; done
cp "$work/32.png" 32x32.png
cp "$work/128.png" 128x128.png
cp "$work/256.png" 128x128@2x.png
cp "$work/512.png" icon.png
icotool -c -o icon.ico "$work/16.png" "$work/32.png" "$work/48.png" "$work/64.png" -r "$work/256.png"
png2icns icon.icns "$work/16.png" "$work/32.png" "$work/48.png" "$work/128.png" "$work/256.png" "$work/512.png" >/dev/null
