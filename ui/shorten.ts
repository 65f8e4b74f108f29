// Long names, ARNs and paths: the middle goes, because start and end tell them apart.
export function shorten(whole: string, room: number): string {
  const half = Math.floor((room - 1) / 2);
  return whole.length <= room ? whole : `${whole.slice(0, half)}…${whole.slice(-half)}`;
}
