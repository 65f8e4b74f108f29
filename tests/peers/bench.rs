//! What `./x bench` measures: figures only as ratios between two things of one run, because the machines differ and are
//! noisy. Runs where `tests/peers/keyring.sh` provides a Secret Service.

#![allow(dead_code, reason = "the stage is shared with the tests, which use more of it")]

#[path = "home.rs"]
mod home;
#[path = "loopback.rs"]
mod loopback;
#[path = "terminal.rs"]
mod terminal;

use home::Home;
use keyfob_core::clock::Clock;
use loopback::Loopback;
use std::fmt::Write;
use std::time::Duration;

const FOB: &str = env!("CARGO_BIN_EXE_fob");
const IDENTITIES: usize = 50;
const ROUNDS: usize = 3;

fn main() {
    let (_sandbox, home) = stage();
    println!("Logging out, with a real Secret Service; the best of {ROUNDS} rounds of one run");
    let clearing = best(|| {
        home.run(&["sh", "-c", &each("printf x | secret-tool store --label=bench bench $i")]).ok();
        timed(|| home.run(&["sh", "-c", &each("secret-tool clear bench $i")]).ok())
    });
    let all = best(|| {
        home.run(&["sh", "-c", &each(&format!("{FOB} login role-$i --no-input"))]).ok();
        timed(|| home.run(&[FOB, "logout", "--all", "--yes"]).ok())
    });
    let one = best(|| {
        home.run(&[FOB, "login", "role-1", "--no-input"]).ok();
        timed(|| home.run(&[FOB, "logout", "role-1"]).ok())
    });
    let ratio = |it: Duration| it.as_secs_f64() / clearing.as_secs_f64();
    println!("{IDENTITIES} x `secret-tool clear`           1.00   ({} ms)", clearing.as_millis());
    println!("`fob logout --all`, {IDENTITIES} identities  {:.2}   ({} ms; at most 1.50)", ratio(all), all.as_millis());
    println!("`fob logout`, one identity          {:.2}   ({} ms; at most 1000 ms)", ratio(one), one.as_millis());
}

fn stage() -> (Loopback, Home) {
    let sandbox = Loopback::start();
    let mut home = Home::new();
    let mut config = "auth:\n  realm: bench\n  identities:\n    dev: { kind: aws/user }\n".to_owned();
    for n in 1..=IDENTITIES {
        writeln!(
            config,
            "    role-{n}: {{ kind: aws/assume-role, via: {{ identity: dev }}, principal: {{ assume_role: \"arn:aws:iam::420000000025:role/deploy\" }} }}"
        )
        .expect("text grows");
    }
    std::fs::write(home.path("config.yaml"), config).expect("the home can be written to");
    let path = home.path("config.yaml");
    home.set("FOB_CONFIG", path.to_str().expect("temporary folders have plain names"));
    home.set("AWS_ENDPOINT_URL", &sandbox.url());
    let key = sandbox.keys("kim").remove(0);
    let csv =
        format!("Access key ID,Secret access key\n{},{}\n", key.access_key_id.as_str(), key.secret_access_key.expose());
    home.feed(&[FOB, "user", "configure", "dev", "--stdin"], &csv).ok();
    (sandbox, home)
}

fn each(command: &str) -> String {
    format!("for i in $(seq {IDENTITIES}); do {command} >/dev/null || exit 1; done")
}

fn best(mut round: impl FnMut() -> Duration) -> Duration {
    (0..ROUNDS).map(|_| round()).min().expect("there is at least one round")
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let clock = Clock::system();
    let began = clock.now();
    work();
    clock.now().duration_since(began).unwrap_or_default()
}
