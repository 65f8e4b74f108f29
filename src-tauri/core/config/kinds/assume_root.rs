//! `aws/assume-root`

use super::footing::{Footing, KindName, Level};
use crate::config::reader::Fields;
use crate::config::values;
use crate::ids::AccountId;
use std::str::FromStr;

pub(crate) const NAME: KindName = KindName::above("aws/assume-root");
pub(super) const NOTHING_FROM_IT: &str =
    "a root session may only carry out its task: nothing can be assumed from it";

#[derive(Clone, Debug)]
pub struct AssumeRoot {
    pub target_principal: AccountId,
    pub task_policy_arn: String,
}

pub(super) fn read(fields: &Fields<'_>, footing: &Footing<'_>) -> Option<AssumeRoot> {
    if footing.is_on_a(Level::Provider) {
        let message = "a root session is assumed from an identity: `via: { identity: NAME }`";
        footing.misfit(fields.problems(), message);
    }
    if footing.is_on(NAME) {
        footing.misfit(fields.problems(), NOTHING_FROM_IT);
    }
    let target_principal = fields.required("principal.target_principal", AccountId::from_str);
    let task_policy_arn = fields.required("principal.task_policy_arn", values::task_policy_arn);
    Some(AssumeRoot {
        target_principal: target_principal?,
        task_policy_arn: task_policy_arn?,
    })
}
