//! The files that are opened in the folders of what is remembered, as Linux tells.

use rustix::fs::inotify;
use std::fs;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;

/// Since the last count.
pub struct Opens(OwnedFd);

impl Opens {
    /// `state`: of a realm.
    pub fn below(state: &Path) -> Opens {
        let watch = inotify::init(inotify::CreateFlags::NONBLOCK).expect("inotify");
        for folder in ["locks", "marks"] {
            let folder = state.join(folder);
            fs::create_dir_all(&folder).expect("a folder");
            inotify::add_watch(&watch, &folder, inotify::WatchFlags::OPEN).expect("watched");
        }
        Opens(watch)
    }

    pub fn count(&self) -> usize {
        let mut buffer = vec![MaybeUninit::uninit(); 64 << 10];
        let mut reader = inotify::Reader::new(&self.0, &mut buffer);
        let mut count = 0;
        while let Ok(event) = reader.next() {
            // The folder itself has no name.
            count += usize::from(event.file_name().is_some());
        }
        count
    }
}
