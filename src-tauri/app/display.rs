//! The end of the display. GDK ends the process at once when the X server is gone, so what this app
//! keeps in folders is removed just before. (On Wayland GDK leaves no such moment.)

use std::ffi::c_int;
use std::sync::{Once, OnceLock};
use x11_dl::xlib::{Display, Xlib};

type Handler = unsafe extern "C" fn(*mut Display) -> c_int;

static LAST_WORK: OnceLock<LastWork> = OnceLock::new();

struct LastWork {
    run: Box<dyn Fn() + Send + Sync>,
    /// Several threads may notice, and none ends the process before the work is done.
    done: Once,
    /// GDK's own, which ends the process.
    then: Option<Handler>,
}

/// To be called once GTK has its display.
pub fn when_lost(run: impl Fn() + Send + Sync + 'static) {
    // Without Xlib there is no X server to lose.
    let Ok(xlib) = Xlib::open() else {
        return;
    };
    #[expect(unsafe_code, reason = "GDK has no such signal")]
    // SAFETY: the handler lives as long as the process, and ends it.
    let then = unsafe { (xlib.XSetIOErrorHandler)(Some(lost)) };
    let run = Box::new(run);
    LAST_WORK.get_or_init(|| LastWork {
        run,
        done: Once::new(),
        then,
    });
}

#[expect(unsafe_code, reason = "called by Xlib")]
unsafe extern "C" fn lost(display: *mut Display) -> c_int {
    if let Some(LastWork { run, done, then }) = LAST_WORK.get() {
        done.call_once(run);
        if let Some(then) = then {
            // SAFETY: what Xlib would have called.
            unsafe { then(display) };
        }
    }
    std::process::exit(1)
}
