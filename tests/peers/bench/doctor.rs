//! `fob doctor` on a machine without a fault.

use crate::figures::{Figure, median, milliseconds, timed};
use crate::stage::{FOB, Stage};
use std::time::Duration;

const RUNS: usize = 5;
const LIMIT: Duration = Duration::from_secs(3);

pub fn doctor() -> Figure {
    let stage = Stage::new("doctor", 10);
    stage
        .home
        .run(&[&FOB, "login", "role-1", "--no-input"])
        .ok();
    let once = || timed(|| stage.home.run(&[&FOB, "doctor"]).ok());
    let mut took: Vec<Duration> = (0..RUNS).map(|_| once()).collect();
    let took = median(&mut took);
    Figure::new(
        "`fob doctor` where nothing is broken",
        None,
        milliseconds(took),
    )
    .limit(milliseconds(LIMIT), took <= LIMIT)
}
