// The time that the page shows: moves once a minute, on the minute, and with each snapshot.

class Clock {
  now = $state(Date.now());

  tick = () => {
    this.now = Date.now();
  };

  /** Timers stop while the machine sleeps, so the clock also ticks when the page becomes visible. */
  run(): () => void {
    let timer: ReturnType<typeof setTimeout>;
    const next = () => {
      this.tick();
      timer = setTimeout(next, 60_000 - (Date.now() % 60_000));
    };
    next();
    document.addEventListener("visibilitychange", this.tick);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", this.tick);
    };
  }
}

export const clock = new Clock();
