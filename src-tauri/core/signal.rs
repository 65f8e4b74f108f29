//! What ends a process from outside: Ctrl+C, SIGTERM, and what Windows tells the programs of a
//! console.

use std::io;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    CtrlC,
    Terminated,
}

/// Ready once this process has to end. From the call on, and as long as the result is there, the
/// signals do not end it by themselves. Needs a tokio runtime around it.
#[cfg(unix)]
pub fn ended() -> io::Result<impl Future<Output = Ended>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupted.recv() => Ended::CtrlC,
            _ = terminated.recv() => Ended::Terminated,
        }
    })
}

/// The same. After the last three Windows itself ends the process within seconds.
#[cfg(windows)]
pub fn ended() -> io::Result<impl Future<Output = Ended>> {
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_logoff, ctrl_shutdown};
    let mut interrupted = ctrl_c()?;
    let mut broken = ctrl_break()?;
    let mut closed = ctrl_close()?;
    let mut logged_off = ctrl_logoff()?;
    let mut shut_down = ctrl_shutdown()?;
    Ok(async move {
        tokio::select! {
            _ = interrupted.recv() => Ended::CtrlC,
            _ = broken.recv() => Ended::Terminated,
            _ = closed.recv() => Ended::Terminated,
            _ = logged_off.recv() => Ended::Terminated,
            _ = shut_down.recv() => Ended::Terminated,
        }
    })
}
