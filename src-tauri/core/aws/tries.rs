//! How often a call is made that no SDK makes, and how long it may take.

use super::client::{ATTEMPT_TIMEOUT, CALL_TIMEOUT, Tries};
use super::fault::{Fault, FaultKind, TIMED_OUT};
use aws_smithy_async::future::timeout::Timeout;
use aws_smithy_async::rt::sleep::{AsyncSleep, TokioSleep};
use std::time::Duration;

/// Before the second attempt; before each further one twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Again and again while the server is out of reach.
pub(super) async fn tried<T, F>(tries: Tries, mut attempt: impl FnMut() -> F) -> Result<T, Fault>
where
    F: Future<Output = Result<T, Fault>>,
{
    let all = async {
        let (mut left, mut pause) = (tries.attempts(), FIRST_PAUSE);
        loop {
            left -= 1;
            match in_time(attempt(), ATTEMPT_TIMEOUT).await {
                Err(fault) if fault.kind == FaultKind::Unreachable && left > 0 => {
                    tracing::debug!(left, "AWS out of reach, trying again");
                    TokioSleep::new().sleep(pause).await;
                    pause *= 2;
                }
                outcome => return outcome,
            }
        }
    };
    in_time(all, CALL_TIMEOUT).await
}

async fn in_time<T>(
    work: impl Future<Output = Result<T, Fault>>,
    longest: Duration,
) -> Result<T, Fault> {
    let timed = Timeout::new(work, TokioSleep::new().sleep(longest)).await;
    timed.unwrap_or_else(|_| Err(Fault::unreachable(TIMED_OUT)))
}
