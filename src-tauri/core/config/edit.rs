//! STUB until merged.
use super::Config;
use crate::environment::Environment;
use crate::error::{Code, Error, Result};
use std::path::Path;
#[derive(Clone, Debug)]
pub enum Change {
    AddIdentity(NewIdentity),
    MakeDefault(String),
    NotifyBefore(String),
}
#[derive(Clone, Debug)]
pub struct NewIdentity {
    pub name: String,
    pub is_default: bool,
    pub kind: NewKind,
}
#[derive(Clone, Debug)]
pub enum NewKind {
    User { region: Option<String>, mfa_arn: Option<String> },
}
impl Config {
    pub fn change(_path: &Path, _environment: &Environment, _changes: &[Change]) -> Result<()> {
        Err(Error::new(Code::Unsupported, "stub"))
    }
}
