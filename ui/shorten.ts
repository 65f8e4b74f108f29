// Long names, ARNs and paths as they are shown.

/** A path below the home folder begins with `~`. */
export function tilde(path: string, home: string): string {
  const inside = home !== "" && path.startsWith(home) && /^[/\\]/.test(path.slice(home.length));
  return inside ? `~${path.slice(home.length)}` : path;
}

/** The middle goes, because start and end tell them apart. */
export function shorten(whole: string, room: number): string {
  const half = Math.floor((room - 1) / 2);
  return whole.length <= room ? whole : `${whole.slice(0, half)}…${whole.slice(-half)}`;
}
