//! What both shells show, as data: the words of notices, the checks of a form, pasted keys.

pub mod form;
pub mod notice;
pub mod pasted;
