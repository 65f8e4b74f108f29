//! Keeps secrets out of core files, debuggers, swap and the programs that are started; the few
//! calls that need `unsafe`. Best effort: a system that refuses is no reason to stop.

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::{Mutex, PoisonError};

/// Holds the passphrase of the keyring file, unless the configuration names another variable.
pub const KEYRING_PASSWORD: &str = "FOB_KEYRING_PASSWORD";

/// What was taken out of the process's environment.
static TAKEN_OUT: Mutex<BTreeMap<OsString, OsString>> = Mutex::new(BTreeMap::new());

/// Called first thing in `main`. On Linux a process that is not dumpable leaves no core file
/// either, so the limit on core files, which children would inherit, stays as it was.
pub fn harden_process() {
    take_out_of_environment(&[KEYRING_PASSWORD.to_owned()]);
    #[cfg(target_os = "linux")]
    {
        let _ =
            rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    }
    #[cfg(all(unix, not(target_os = "linux")))]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Core);
        limit.current = Some(0);
        let _ = setrlimit(Resource::Core, limit);
    }
}

/// The allocator of both programs. It wipes what is given back, so that nothing is left of a secret
/// in memory that other crates have used for it: answers of AWS, buffers of JSON and of the
/// keyring's cipher, a text that was moved as it grew.
#[derive(Debug)]
pub struct WipingAllocator;

#[expect(unsafe_code, reason = "other crates' memory can be wiped nowhere else")]
// SAFETY: all calls go to the system's allocator as they came; what is written to was its caller's
// until now.
unsafe impl GlobalAlloc for WipingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe {
            at.write_bytes(0, layout.size());
            // Nothing reads it any more: the compiler may not leave it out for that.
            System.dealloc(std::hint::black_box(at), layout);
        }
    }
}

/// From now on only [`Environment::capture`](crate::environment::Environment::capture) knows these
/// variables: no program that is started gets them, whatever starts it. Only for `main`, before
/// there is a second thread.
pub fn take_out_of_environment(names: &[String]) {
    let mut taken_out = TAKEN_OUT.lock().unwrap_or_else(PoisonError::into_inner);
    for name in names.iter().filter(|name| !name.contains(['=', '\0'])) {
        #[expect(clippy::disallowed_methods, reason = "what Environment will not find")]
        let Some(value) = std::env::var_os(name) else {
            continue;
        };
        #[expect(
            unsafe_code,
            reason = "a variable that stays in the environment reaches every child"
        )]
        // SAFETY: `main` has one thread here, so none reads the environment meanwhile.
        unsafe {
            std::env::remove_var(name);
        }
        taken_out.insert(name.into(), value);
    }
}

pub(crate) fn taken_out() -> BTreeMap<OsString, OsString> {
    let taken_out = TAKEN_OUT.lock();
    taken_out.unwrap_or_else(PoisonError::into_inner).clone()
}

/// Asks the system not to swap the pages that hold `secret`. Whole pages are locked, so a later
/// secret on the same page profits; none is unlocked again, since that would uncover its
/// neighbours.
#[cfg(unix)]
pub(crate) fn keep_out_of_swap(secret: &[u8]) {
    if secret.is_empty() {
        return;
    }
    #[expect(
        unsafe_code,
        reason = "mlock changes no memory; the range is a live slice"
    )]
    // SAFETY: the pointer and length come from a slice that is alive for the call.
    let _ = unsafe { rustix::mm::mlock(secret.as_ptr().cast_mut().cast(), secret.len()) };
}

#[cfg(not(unix))]
pub(crate) fn keep_out_of_swap(_secret: &[u8]) {}

/// Signals that go on to a child. They are taken from before it is started, so that none is lost
/// that comes in between.
#[cfg(unix)]
pub mod signals {
    use rustix::process::{Pid, Signal, kill_process};
    use std::mem::MaybeUninit;
    use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

    /// 0: there is none yet.
    static CHILD: AtomicI32 = AtomicI32::new(0);
    /// A bit for each signal that it has not got yet.
    static WAITING: AtomicU64 = AtomicU64::new(0);

    /// Whose signals go on.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Senders {
        All,
        /// Not the terminal (Ctrl+C): it sends them to the child as well.
        Programs,
    }

    /// Whether this process was started so: a child shall be, too.
    pub fn is_ignored(signal: Signal) -> bool {
        let mut found = MaybeUninit::<libc::sigaction>::zeroed();
        #[expect(unsafe_code, reason = "nothing safe says what becomes of a signal")]
        // SAFETY: a null pointer changes nothing, and a zeroed `sigaction` is a valid one.
        let found = unsafe {
            libc::sigaction(signal.as_raw(), std::ptr::null(), found.as_mut_ptr());
            found.assume_init()
        };
        found.sa_sigaction == libc::SIG_IGN
    }

    /// From now on a signal goes on to the child, as `to`.
    pub fn pass_on(signal: Signal, to: Signal, senders: Senders) {
        const KILL_ON_MACOS: i32 = 0x1_0001;
        #[expect(
            unsafe_code,
            reason = "a signal handler: it makes two system calls and nothing else"
        )]
        // SAFETY: kill(2) may be called in a signal handler, and nothing is allocated or locked
        // there.
        let _ = unsafe {
            signal_hook_registry::register_sigaction(signal.as_raw(), move |info| {
                let sent_by_a_program = if cfg!(target_os = "macos") {
                    info.si_code == KILL_ON_MACOS
                } else {
                    info.si_code <= 0
                };
                if sent_by_a_program || senders == Senders::All {
                    WAITING.fetch_or(1 << to.as_raw(), Ordering::SeqCst);
                    deliver();
                }
            })
        };
    }

    /// The one there is from now on.
    pub fn go_to(child: Pid) {
        CHILD.store(child.as_raw_nonzero().get(), Ordering::SeqCst);
        deliver();
    }

    fn deliver() {
        let Some(child) = Pid::from_raw(CHILD.load(Ordering::SeqCst)) else {
            return;
        };
        let waiting = WAITING.swap(0, Ordering::SeqCst);
        let numbers = (1..64).filter(|number| waiting & (1 << number) != 0);
        for signal in numbers.filter_map(Signal::from_named_raw) {
            // It may just have ended. A stopped one gets the signal only once it is woken.
            let _ = kill_process(child, signal);
            let _ = kill_process(child, Signal::CONT);
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::signals::{Senders, go_to, is_ignored, pass_on};
    use rustix::process::{Pid, Signal, getpid, kill_process};
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    #[test]
    fn a_signal_that_comes_before_the_child_does_reaches_it() {
        assert!(!is_ignored(Signal::USR1));
        pass_on(Signal::USR1, Signal::USR2, Senders::Programs);
        kill_process(getpid(), Signal::USR1).expect("this process");
        let script = "trap 'exit 7' USR2; echo; while :; do sleep 0.01; done";
        let mut child = Command::new("sh")
            .args(["-c", script])
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh starts");
        let mut listens = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout)
            .read_line(&mut listens)
            .expect("a line");
        go_to(Pid::from_child(&child));
        let ended = child.wait().expect("it ends");
        assert_eq!(ended.code(), Some(7));
    }
}
