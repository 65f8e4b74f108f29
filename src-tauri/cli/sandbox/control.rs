//! `fob sandbox key`, `revoke`, `journal`, …: what can be done to a running sandbox, found by
//! `FOB_SANDBOX_URL`.

use crate::invocation::Invocation;
use crate::stop::Stop;
use crate::terminal::{Shape, one_line, print_exact, print_json};
use clap::Subcommand;
use keyfob_core::agent::api::AccessKeyId;
use keyfob_core::error::{Code, Error};
use keyfob_core::sandbox::{
    self, FaultSwitch, RecordedCall, SandboxFault, SandboxSettings, StsAction,
};
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt::Write as _;

#[derive(Debug, Subcommand)]
pub enum Control {
    /// Make an access key and print it as the CSV file that AWS hands out
    Key {
        #[arg(default_value = "kim")]
        user: String,
    },
    /// Delete an access key; sessions made with it live on, as they do at AWS
    Revoke {
        /// `fob sandbox state` shows them
        key_id: String,
    },
    /// End every session of a user, a role or a role session
    RevokeSessions {
        /// Its ARN
        principal: String,
    },
    /// Show what was asked of the sandbox
    Journal {
        /// Forget it instead
        #[arg(long)]
        clear: bool,
    },
    /// Misbehave from now on
    ///
    /// KIND is one of wrong_mfa_code, access_denied, expired_token, expired_token_exception,
    /// throttling, internal_failure, service_unavailable, outage, delay=MILLISECONDS,
    /// clock_offset=SECONDS, region_not_enabled=REGION.
    Fault {
        #[arg(value_name = "KIND", required_unless_present = "clear", value_parser = fault, allow_hyphen_values = true)]
        kinds: Vec<SandboxFault>,
        /// Only calls of this action, such as AssumeRole
        #[arg(long, value_parser = action)]
        action: Option<StsAction>,
        /// Only so many calls
        #[arg(long)]
        times: Option<u32>,
        /// End all faults instead
        #[arg(long, conflicts_with_all = ["kinds", "action", "times"])]
        clear: bool,
    },
    /// Show settings, or change them: session_seconds=60 mfa_code=654321
    Settings {
        #[arg(value_name = "NAME=VALUE", value_parser = setting)]
        changes: Vec<(String, String)>,
    },
    /// Show users, roles, sessions, settings and faults as JSON; no secrets
    State,
}

pub fn control(invocation: &Invocation, control: &Control) -> Result<u8, Stop> {
    let url = invocation
        .environment
        .var("FOB_SANDBOX_URL")?
        .ok_or_else(|| {
            Error::new(
                Code::Usage,
                "there is no sandbox here: FOB_SANDBOX_URL is not set",
            )
            .hint(
                "`fob sandbox` opens a shell inside one; `fob sandbox -- CMD` runs a command there",
            )
        })?;
    let sandbox = sandbox::SandboxClient::at(url)?;
    let terminal = invocation.terminal;
    match control {
        Control::Key { user } => key(invocation, &sandbox, user)?,
        Control::Revoke { key_id } => {
            sandbox.revoke_key(&AccessKeyId::parse(key_id)?)?;
            terminal.say("Revoked");
        }
        Control::RevokeSessions { principal } => {
            terminal.say(&format!(
                "Revoked: {} sessions",
                sandbox.revoke_sessions(principal)?
            ));
        }
        Control::Journal { clear: true } => sandbox.clear_journal()?,
        Control::Journal { clear: false } => journal(invocation, &sandbox.journal()?)?,
        Control::Fault { clear: true, .. } => sandbox.clear_faults()?,
        Control::Fault {
            kinds,
            action,
            times,
            clear: false,
        } => {
            for fault in kinds {
                sandbox.inject(&FaultSwitch {
                    fault: fault.clone(),
                    action: *action,
                    times: *times,
                })?;
            }
        }
        Control::Settings { changes } if changes.is_empty() => {
            print_json(&sandbox.state()?.settings)?;
        }
        Control::Settings { changes } => {
            sandbox.set_settings(&changed(&sandbox.state()?.settings, changes)?)?;
        }
        Control::State => print_json(&sandbox.state()?)?,
    }
    Ok(0)
}

fn key(invocation: &Invocation, sandbox: &sandbox::SandboxClient, user: &str) -> Result<(), Stop> {
    #[derive(Serialize)]
    struct Key<'a> {
        access_key_id: &'a str,
        secret_access_key: &'a str,
    }
    let keys = sandbox.create_key(user)?;
    let (id, secret) = (keys.access_key_id.as_str(), keys.secret_access_key.expose());
    match invocation.terminal.shape {
        Shape::Json => print_json(&Key {
            access_key_id: id,
            secret_access_key: secret,
        }),
        Shape::Text => print_exact(&format!("Access key ID,Secret access key\n{id},{secret}\n")),
    }
}

fn journal(invocation: &Invocation, calls: &[RecordedCall]) -> Result<(), Stop> {
    if invocation.terminal.shape == Shape::Json {
        return print_json(&json!({ "calls": calls }));
    }
    let mut text = String::new();
    for call in calls {
        let who = call
            .principal
            .as_deref()
            .or(call.access_key_id.as_deref())
            .unwrap_or("nobody");
        let mut line = format!("{} {} {} by {who}", call.time, call.outcome, call.action);
        for (name, value) in &call.parameters {
            let _ = write!(line, " {name}={value}");
        }
        let _ = writeln!(text, "{}", one_line(&line));
    }
    invocation.terminal.data(&text)
}

/// The fault's one number or word comes behind `=`.
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

fn action(text: &str) -> Result<StsAction, String> {
    StsAction::ALL
        .into_iter()
        .find(|action| action.name() == text)
        .ok_or_else(|| {
            let names = StsAction::ALL.map(StsAction::name);
            format!("known actions: {}", names.join(", "))
        })
}

fn setting(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text
        .split_once('=')
        .ok_or("a setting is written NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// A number stays text where the setting is text: an MFA code may begin with zero.
fn changed(
    present: &SandboxSettings,
    changes: &[(String, String)],
) -> Result<SandboxSettings, Error> {
    let refused = |error: serde_json::Error| {
        Error::new(
            Code::InvalidInput,
            format!("this setting does not exist: {error}"),
        )
    };
    let mut settings = serde_json::to_value(present).map_err(refused)?;
    for (name, value) in changes {
        let number = value
            .parse::<u64>()
            .ok()
            .filter(|_| !settings[name].is_string());
        settings[name] = match number {
            Some(number) => number.into(),
            None if value.is_empty() => Value::Null,
            None => value.as_str().into(),
        };
    }
    serde_json::from_value(settings).map_err(refused)
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

    #[test]
    fn settings_change_by_name_and_the_others_stay() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let settings = changed(
            &SandboxSettings::default(),
            &[pair("session_seconds", "60"), pair("mfa_code", "012345")],
        )
        .expect("both");
        assert_eq!(
            (settings.session_seconds, settings.mfa_code.as_str()),
            (Some(60), "012345")
        );
        let settings =
            changed(&settings, &[pair("session_seconds", "")]).expect("back to what is asked for");
        assert_eq!(
            (settings.session_seconds, settings.mfa_code.as_str()),
            (None, "012345")
        );
        assert!(changed(&settings, &[pair("colour", "red")]).is_err());
    }
}
