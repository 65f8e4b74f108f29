//! What an agent is for.

/// What an agent works for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The process it is in: prompts that cannot be answered here fail.
    InProcess,
    /// All processes of the user: prompts stay open until they are answered, and sessions stay
    /// fresh.
    Hosted,
}
