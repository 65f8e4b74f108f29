//! Files and folders of our own: private from the first instant, replaced whole or not at all.
//! Never widens the rights of other folders, never leaves half a file.

mod command;
pub mod ini;
mod lock;
mod ownership;
mod private;
mod temporary;
mod watch;

pub use command::{FobCommand, is_gone, program_of, words_of};
#[cfg(test)]
pub(crate) use command::{Quoting, quote};
pub use lock::{FILE_LOCK_LIMIT, FileLock, Generation, Patience, Stamp, holder_of};
pub use ownership::check_unshared;
pub use private::{
    append, create_folder, file_name, make_private, open_private, read, remove, replace,
    unfinished, unwritable,
};
pub use temporary::TemporaryFolder;
pub use watch::FileWatch;

#[cfg(test)]
#[path = "tests/child.rs"]
pub(crate) mod child;
