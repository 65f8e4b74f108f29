//! Logging out beside the least that can be done with a real Secret Service; the best of a few
//! rounds.

use crate::figures::{Figure, milliseconds, ratio, timed};
use crate::stage::{FOB, Stage};
use std::time::Duration;

const IDENTITIES: usize = 50;
const ROUNDS: usize = 3;

pub fn logout() -> Vec<Figure> {
    let stage = Stage::new("logout", IDENTITIES);
    let home = &stage.home;
    let clearing = best(|| {
        home.run(&[
            "sh",
            "-c",
            &each("printf x | secret-tool store --label=bench bench $i"),
        ])
        .ok();
        timed(|| {
            home.run(&["sh", "-c", &each("secret-tool clear bench $i")])
                .ok()
        })
    });
    let all = best(|| {
        home.run(&[
            "sh",
            "-c",
            &each(&format!("{} login role-$i --no-input", *FOB)),
        ])
        .ok();
        timed(|| home.run(&[&FOB, "logout", "--all", "--yes"]).ok())
    });
    let one = best(|| {
        home.run(&[&FOB, "login", "role-1", "--no-input"]).ok();
        timed(|| home.run(&[&FOB, "logout", "role-1"]).ok())
    });
    let to_clearing = |it: Duration| ratio(it, clearing);
    vec![
        Figure::anchor(
            format!("{IDENTITIES} x `secret-tool clear`: the 1.00 of the next two"),
            1.0,
            milliseconds(clearing),
        ),
        Figure::new(
            format!("`fob logout --all`, {IDENTITIES} identities"),
            Some(to_clearing(all)),
            milliseconds(all),
        )
        .limit("1.50", to_clearing(all) <= 1.5),
        Figure::new(
            "`fob logout`, one identity",
            Some(to_clearing(one)),
            milliseconds(one),
        )
        .limit("1000 ms", one <= Duration::from_secs(1)),
    ]
}

fn each(command: &str) -> String {
    format!("for i in $(seq {IDENTITIES}); do {command} >/dev/null || exit 1; done")
}

fn best(mut round: impl FnMut() -> Duration) -> Duration {
    (0..ROUNDS)
        .map(|_| round())
        .min()
        .expect("there is at least one round")
}
