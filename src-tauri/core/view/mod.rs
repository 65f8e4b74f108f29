//! What both shells show, as data and in words: states, times, notices, the checks of a form,
//! pasted keys.

pub mod form;
pub mod log;
pub mod notice;
pub mod pasted;
pub mod state;
pub mod time;
