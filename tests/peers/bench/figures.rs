//! The table that `./x bench` prints and keeps: each figure as a ratio, with its value and its
//! limit.

use jiff::Timestamp;
use keyfob_core::clock::Clock;
use std::fmt::Write;
use std::time::Duration;

#[derive(Debug)]
pub struct Figure {
    what: String,
    ratio: Option<f64>,
    value: String,
    limit: String,
    verdict: &'static str,
}

impl Figure {
    /// Without a limit.
    pub fn anchor(what: impl Into<String>, ratio: f64, value: impl Into<String>) -> Figure {
        Figure {
            what: what.into(),
            ratio: Some(ratio),
            value: value.into(),
            limit: String::new(),
            verdict: "",
        }
    }

    /// `ratio`: to what the limit is a ratio of, or else to the minimal client where that says
    /// something.
    pub fn new(what: impl Into<String>, ratio: Option<f64>, value: impl Into<String>) -> Figure {
        Figure {
            what: what.into(),
            ratio,
            value: value.into(),
            limit: String::new(),
            verdict: "",
        }
    }

    #[must_use]
    pub fn limit(self, limit: impl Into<String>, is_kept: bool) -> Figure {
        Figure {
            limit: limit.into(),
            verdict: if is_kept { "within" } else { "missed" },
            ..self
        }
    }
}

/// Prints the table and leaves it where the repository keeps it. `against`: what a ratio is to,
/// where a line names nothing else.
pub fn publish(path: &str, against: &str, figures: &[Figure]) {
    let mut text = format!(
        "# Figures\n\nWritten by `./x bench`. A ratio is to {against}, measured in the same run, unless the line names \
         something else; times of several runs are medians.\n\n"
    );
    text.push_str("| what | ratio | value | limit | |\n|---|--:|--:|--:|---|\n");
    for Figure {
        what,
        ratio,
        value,
        limit,
        verdict,
    } in figures
    {
        let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        writeln!(text, "| {what} | {ratio} | {value} | {limit} | {verdict} |").expect("text grows");
    }
    writeln!(text, "\n{}", machine()).expect("text grows");
    print!("{text}");
    std::fs::write(path, &text).expect("the checkout can be written to");
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("a processor without a name", |(_, name)| name);
    let now = Timestamp::try_from(Clock::system().now()).expect("it is not the year 10000");
    format!(
        "{cores} x {model}, Linux {}, {}",
        kernel.trim(),
        now.strftime("%Y-%m-%d")
    )
}

pub fn ratio(it: Duration, to: Duration) -> f64 {
    it.as_secs_f64() / to.as_secs_f64()
}

pub fn milliseconds(it: Duration) -> String {
    format!("{:.2} ms", it.as_secs_f64() * 1000.0)
}

pub fn mebibytes(bytes: u64) -> String {
    let kibibytes = u32::try_from(bytes >> 10).expect("less than four tebibytes");
    format!("{:.1} MiB", f64::from(kibibytes) / 1024.0)
}

/// What so many percent are not above.
pub fn percentile(durations: &mut [Duration], percent: usize) -> Duration {
    durations.sort();
    durations[(durations.len() * percent / 100).min(durations.len() - 1)]
}

pub fn median(durations: &mut [Duration]) -> Duration {
    percentile(durations, 50)
}

pub fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let clock = Clock::system();
    let began = clock.now();
    work();
    clock.now().duration_since(began).unwrap_or_default()
}
