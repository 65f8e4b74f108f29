// The time as the page shows it: moves once a minute, on the minute, and when something happens.

class Clock {
  now = $state(Date.now());

  tick = () => {
    this.now = Date.now();
  };

  /** Timers rest while a machine sleeps, so the page also looks when it is seen again. */
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
