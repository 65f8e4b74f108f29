//! Keeps secrets out of core files, debuggers and swap. Best effort: a system that refuses is no
//! reason to stop.

/// Called first thing in `main`. On Linux a process that is not dumpable leaves no core file
/// either, so the limit on core files, which children would inherit, stays as it was.
pub fn harden_process() {
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
