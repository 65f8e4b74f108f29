//! `aws/process`

use super::footing::KindName;
use crate::config::reader::Fields;
use crate::config::values;

pub(crate) const NAME: KindName = KindName::stand_alone("aws/process");

/// A program that prints credentials in the AWS SDKs' process protocol.
#[derive(Clone, Debug)]
pub struct Process {
    pub command: String,
}

pub(super) fn read(fields: &Fields<'_>) -> Option<Process> {
    let command = fields.required("credentials.process", values::any)?;
    Some(Process { command })
}
