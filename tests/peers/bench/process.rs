//! A process that is measured from outside: what Linux says of its memory, its wake-ups and its
//! time.

use keyfob_core::clock::Clock;
use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Killed when it is dropped.
pub struct Process(Child);

impl Process {
    /// Returns once it has said the first line about itself.
    pub fn start(command: &mut Command) -> Process {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut said = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut line = String::new();
        said.read_line(&mut line).expect("it says that it is ready");
        assert!(line.contains("is running, pid"), "{line}");
        // It goes on talking.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        Process(child)
    }

    pub fn of(child: Child) -> Process {
        Process(child)
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// The memory of this process alone; only root may ask it of one that is not dumpable.
    pub fn private_memory(&self) -> Option<u64> {
        let rollup = std::fs::read_to_string(self.file("smaps_rollup")).ok()?;
        let kibibytes =
            ["Private_Clean:", "Private_Dirty:"].map(|name| number_after(&rollup, name));
        Some(kibibytes.iter().sum::<u64>() << 10)
    }

    /// What it does in a minute without a request: the middle one of three, since the end of an old
    /// connection falls into one of them, and the time that a virtual machine does not get from its
    /// host counts as that of the program.
    pub fn idle_minute(&self) -> Minute {
        let mut minutes = [(); 3].map(|()| self.minute());
        minutes.sort_by_key(|minute| (minute.wake_ups, minute.busy));
        let [_, middle, _] = minutes;
        middle
    }

    fn minute(&self) -> Minute {
        let before = self.threads();
        wait(Duration::from_secs(60));
        let mut minute = Minute::default();
        for (id, after) in self.threads() {
            // One that ended meanwhile is not there any more, one that began was not there before.
            let (wake_ups, busy) = before.get(&id).copied().unwrap_or_default();
            let wake_ups = after.0 - wake_ups;
            minute.wake_ups += wake_ups;
            minute.busy += after.1.saturating_sub(busy);
            if id == self.id().to_string() {
                minute.wake_ups_of_main = wake_ups;
            }
        }
        minute
    }

    /// By their ids: wake-ups so far, and time on a processor.
    fn threads(&self) -> HashMap<String, (u64, Duration)> {
        let tasks = std::fs::read_dir(self.file("task")).expect("it is running");
        let threads = tasks.flatten().map(|task| {
            // A thread may end meanwhile.
            let read =
                |name: &str| std::fs::read_to_string(task.path().join(name)).unwrap_or_default();
            let wake_ups = number_after(&read("status"), "\nvoluntary_ctxt_switches:");
            let busy = Duration::from_nanos(number_after(&read("schedstat"), ""));
            let id = task.file_name().to_string_lossy().into_owned();
            (id, (wake_ups, busy))
        });
        threads.collect()
    }

    fn file(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.0.id()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Of all its threads, those that have ended too.
pub fn time_on_processors(id: u32) -> Duration {
    const TICKS_A_SECOND: u32 = 100;
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).expect("it is running");
    // Behind the program's name, which may hold anything.
    let (_, rest) = stat.rsplit_once(") ").expect("the name is in brackets");
    let fields = rest.split(' ').skip(11).take(2);
    let ticks: u32 = fields.map(|it| it.parse::<u32>().expect("a number")).sum();
    Duration::from_secs(1) * ticks / TICKS_A_SECOND
}

#[derive(Debug, Default)]
pub struct Minute {
    /// Of the thread on which the scheduler is.
    pub wake_ups_of_main: u64,
    pub wake_ups: u64,
    /// On a processor.
    pub busy: Duration,
}

pub fn wait(pause: Duration) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(Clock::nap(pause));
}

fn number_after(text: &str, name: &str) -> u64 {
    let rest = text.split_once(name).map_or("", |(_, rest)| rest);
    rest.split_whitespace()
        .next()
        .and_then(|word| word.parse().ok())
        .unwrap_or_default()
}
