//! In the tray an app mostly waits. What its start, or a window, needed of its own code is given
//! back then; the little that is needed again is still at hand in the system's cache.

use keyfob_core::clock::Clock;
use rustix::mm::{Advice, madvise};
use std::time::Duration;

/// By then all that follows from a start is done.
const AFTER: Duration = Duration::from_secs(3);

pub async fn give_code_back() {
    Clock::nap(AFTER).await;
    let here = give_code_back as *const () as usize;
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let Some((start, end)) = maps.lines().find_map(|line| code_around(here, line)) else {
        return;
    };
    #[expect(
        unsafe_code,
        reason = "code that is mapped from a file and written by nobody is read again unchanged"
    )]
    // A system that refuses keeps it.
    let _ = unsafe { madvise(start as *mut _, end - start, Advice::LinuxDontNeed) };
}

/// A line of the map, where it is code with this address in it.
fn code_around(address: usize, line: &str) -> Option<(usize, usize)> {
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let number = |text| usize::from_str_radix(text, 16).ok();
    let (start, end) = (number(start)?, number(end)?);
    (rest.starts_with("r-xp ") && (start..end).contains(&address)).then_some((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_code_that_this_is_part_of_is_given_back() {
        let line = "5000-9000 r-xp 00361000 fe:00 557 /usr/bin/keyfob";
        assert_eq!(code_around(0x5000, line), Some((0x5000, 0x9000)));
        assert_eq!(code_around(0x9000, line), None);
        assert_eq!(code_around(0x6000, &line.replace("r-xp", "r--p")), None);
        assert_eq!(code_around(0x6000, &line.replace("r-xp", "rwxp")), None);
    }

    #[test]
    fn the_program_goes_on_without_what_it_gave_back() {
        let here = code_around as *const () as usize;
        let maps = std::fs::read_to_string("/proc/self/maps").expect("readable");
        assert_eq!(
            maps.lines().filter_map(|it| code_around(here, it)).count(),
            1
        );
        tauri::async_runtime::block_on(give_code_back());
        assert_eq!(code_around(0, "nonsense"), None);
    }
}
