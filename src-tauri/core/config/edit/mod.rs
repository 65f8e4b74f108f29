//! Changes of the configuration file that are made in a window: only the lines of what changes are
//! touched, and the rest stays byte for byte, comments and all. What is written in a form that only
//! a person should change is refused, with what to write by hand; a changed text is read again and
//! held against the old one before it replaces it.

mod change;
pub(super) mod document;
mod patch;
mod replacement;
mod value;

pub use change::{
    AutoProvision, Change, EntryList, NewIdentity, NewIdentityCenter, NewKind, NewSettings,
    NewWebIdentity, WrittenEntry, added,
};
pub use document::change;
pub(crate) use replacement::Original;
pub(super) use value::NewValue;
