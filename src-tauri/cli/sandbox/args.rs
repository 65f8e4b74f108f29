//! The command line of `fob sandbox`.

use clap::{Args, Subcommand};
use keyfob_core::sandbox::demonstration::ROLE;
use keyfob_core::sandbox::{AwsAction, SandboxFault};
use serde_json::{Value, json};
use std::ffi::OsString;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct SandboxArgs {
    #[command(subcommand)]
    pub control: Option<SandboxCommand>,
    /// The command to run in the sandbox [default: a shell]
    #[arg(last = true, value_name = "CMD", value_hint = clap::ValueHint::CommandWithArguments)]
    pub command: Vec<OsString>,
}

#[derive(Debug, Subcommand)]
pub enum SandboxCommand {
    /// Create an access key and print it as the CSV file of the AWS console
    Key {
        #[arg(default_value = "kim")]
        user: String,
    },
    /// Print an assertion of its identity provider, for `fob login ops --assertion-stdin`
    Assertion {
        /// The ARN of the role
        #[arg(default_value = ROLE)]
        role: String,
    },
    /// Delete an access key; its sessions stay valid, as they do at AWS
    Revoke {
        /// The key ID, as `fob sandbox state` shows it
        key_id: String,
    },
    /// End every session of a user, a role or a role session
    RevokeSessions {
        /// The ARN of the principal
        principal: String,
    },
    /// End every sign-in; sessions made with them stay valid, as they do at AWS
    RevokeSignIns,
    /// Show the calls that the sandbox received
    Journal {
        /// Clear the journal instead
        #[arg(long)]
        clear: bool,
    },
    /// Inject faults into the calls that follow
    ///
    /// KIND is one of wrong_mfa_code, access_denied, expired_token, expired_token_exception,
    /// throttling, internal_failure, service_unavailable, invalid_client, invalid_grant,
    /// slow_down, user_credentials_changed, idp_communication_error, idp_rejected_claim, html,
    /// outage, delay=MILLISECONDS, clock_offset=SECONDS, region_not_enabled=REGION.
    Fault {
        #[arg(value_name = "KIND", required_unless_present = "clear", value_parser = fault)]
        kinds: Vec<SandboxFault>,
        /// Only calls of this action, such as AssumeRole
        #[arg(long, value_parser = action)]
        action: Option<AwsAction>,
        /// Only this number of calls
        #[arg(long)]
        times: Option<u32>,
        /// Remove all faults instead
        #[arg(long, conflicts_with_all = ["kinds", "action", "times"])]
        clear: bool,
    },
    /// Show settings, or change them: session_seconds=60 mfa_code=654321
    Settings {
        #[arg(value_name = "NAME=VALUE", value_parser = setting)]
        changes: Vec<NewSetting>,
    },
    /// Show users, roles, sessions, settings and faults as JSON; no secrets
    State,
}

/// An empty value is none.
#[derive(Clone, Debug)]
pub struct NewSetting {
    pub name: String,
    pub value: String,
}

/// `KIND` or `KIND=VALUE`.
fn fault(text: &str) -> Result<SandboxFault, String> {
    let (kind, value) = text
        .split_once('=')
        .map_or((text, None), |(kind, value)| (kind, Some(value)));
    let mut fault = json!({ "kind": kind });
    if let Some(value) = value {
        let name = match kind {
            "delay" => "milliseconds",
            "clock_offset" => "seconds",
            "region_not_enabled" => "region",
            _ => return Err(format!("{kind} takes no value")),
        };
        fault[name] = value
            .parse::<i64>()
            .map_or_else(|_| value.into(), Value::from);
    }
    serde_json::from_value(fault).map_err(|error| error.to_string())
}

fn action(text: &str) -> Result<AwsAction, String> {
    AwsAction::all()
        .find(|action| action.name() == text)
        .ok_or_else(|| {
            let names: Vec<_> = AwsAction::all().map(AwsAction::name).collect();
            format!("known actions: {}", names.join(", "))
        })
}

fn setting(text: &str) -> Result<NewSetting, &'static str> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok(NewSetting {
        name: name.to_owned(),
        value: value.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_named_with_their_value_behind_an_equals_sign() {
        assert_eq!(fault("throttling"), Ok(SandboxFault::Throttling));
        assert_eq!(
            fault("delay=300"),
            Ok(SandboxFault::Delay { milliseconds: 300 })
        );
        assert_eq!(
            fault("clock_offset=-420"),
            Ok(SandboxFault::ClockOffset { seconds: -420 })
        );
        assert_eq!(
            fault("region_not_enabled=eu-south-1"),
            Ok(SandboxFault::RegionNotEnabled {
                region: "eu-south-1".to_owned()
            })
        );
        for text in [
            "",
            "flood",
            "throttling=3",
            "delay",
            "delay=soon",
            "delay=-1",
        ] {
            assert!(fault(text).is_err(), "{text}");
        }
    }
}
