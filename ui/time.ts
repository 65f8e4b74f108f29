// Points in time and durations as users read them, rounded: after signing in for twelve hours, twelve are left.
import { texts } from "./texts";

const MINUTE = 60;
const HOUR = 3600;

export function secondsLeft(until: string, now: number): number {
  return Math.floor((Date.parse(until) - now) / 1000);
}

/** `35 h`, `59 min`; `null` when it is over. */
export function timeLeft(until: string | null, now: number): string | null {
  if (until === null) return null;
  const seconds = secondsLeft(until, now);
  if (seconds <= 0) return null;
  if (seconds < MINUTE) return texts.time.moments;
  const minutes = Math.round(seconds / MINUTE);
  return minutes < 60 ? texts.time.minutes(minutes) : texts.time.hours(Math.round(seconds / HOUR));
}

/** Between 0 and 1; `null` where the start or the expiry is unknown. */
export function shareLeft(from: string | null, until: string | null, now: number): number | null {
  if (from === null || until === null) return null;
  const life = Date.parse(until) - Date.parse(from);
  if (!(life > 0)) return null;
  return Math.min(1, Math.max(0, (Date.parse(until) - now) / life));
}

/** In the form of a configuration: `36h`, `90m`, `45s`. */
export function written(seconds: number): string {
  if (seconds % HOUR === 0) return `${seconds / HOUR}h`;
  if (seconds % MINUTE === 0) return `${seconds / MINUTE}m`;
  return `${seconds}s`;
}

/** `14:02`, with the day where it is not today. */
export function moment(at: string, now: number): string {
  const date = new Date(at);
  const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(date);
  const days = daysBetween(new Date(now), date);
  if (days === 0) return clock;
  if (days === 1) return texts.time.tomorrow(clock);
  if (days === -1) return texts.time.yesterday(clock);
  return texts.time.onDay(day(at), clock);
}

/** `24 Nov` */
export function day(at: string): string {
  return new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" }).format(new Date(at));
}

/** Whole days. */
export function daysSince(at: string, now: number): number {
  return Math.max(0, Math.floor((now - Date.parse(at)) / 86_400_000));
}

function daysBetween(from: Date, to: Date): number {
  const midnight = (date: Date) => Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return Math.round((midnight(to) - midnight(from)) / 86_400_000);
}
