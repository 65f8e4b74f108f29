//! `fob sandbox key`, `revoke`, `journal`, …: commands to a running sandbox, found by
//! `FOB_SANDBOX_URL`.

use super::args::{NewSetting, SandboxCommand};
use crate::invocation::Invocation;
use crate::stop::Stop;
use crate::terminal::{Shape, one_line, print_exact, print_json};
use keyfob_core::agent::api::AccessKeyId;
use keyfob_core::environment::Environment;
use keyfob_core::error::{Code, Error};
use keyfob_core::sandbox::{FaultSwitch, RecordedCall, SandboxClient, SandboxSettings};
use serde_json::{Value, json};
use std::fmt::Write as _;

pub fn control(invocation: &Invocation, command: &SandboxCommand) -> Result<u8, Stop> {
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
    let sandbox = SandboxClient::at(url)?;
    let terminal = invocation.terminal;
    match command {
        SandboxCommand::Key { user } => key(invocation, &sandbox, user)?,
        SandboxCommand::Assertion { role } => {
            print_exact(&format!("{}\n", sandbox.assertion(role)?))?;
        }
        SandboxCommand::Revoke { key_id } => {
            sandbox.revoke_key(&AccessKeyId::parse(key_id)?)?;
            terminal.say("Revoked");
        }
        SandboxCommand::RevokeSessions { principal } => {
            terminal.say(&format!(
                "Revoked: {} sessions",
                sandbox.revoke_sessions(principal)?
            ));
        }
        SandboxCommand::RevokeSignIns => {
            terminal.say(&format!("Revoked: {} sign-ins", sandbox.revoke_sign_ins()?));
        }
        SandboxCommand::Journal { clear: true } => sandbox.clear_journal()?,
        SandboxCommand::Journal { clear: false } => journal(invocation, &sandbox.journal()?)?,
        SandboxCommand::Fault { clear: true, .. } => sandbox.clear_faults()?,
        SandboxCommand::Fault {
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
        SandboxCommand::Settings { changes } if changes.is_empty() => {
            print_json(&sandbox.state()?.settings)?;
        }
        SandboxCommand::Settings { changes } => {
            sandbox.set_settings(&changed(&sandbox.state()?.settings, changes)?)?;
        }
        SandboxCommand::State => print_json(&sandbox.state()?)?,
    }
    Ok(0)
}

/// Inside a sandbox, a failure names the faults that were injected there and the command that ends
/// them.
pub fn with_faults(stop: Stop, environment: &Environment) -> Stop {
    let Stop::Failed(error) = stop else {
        return stop;
    };
    let url = environment.var("FOB_SANDBOX_URL").ok().flatten();
    let state = url.and_then(|url| SandboxClient::at(url).ok()?.state().ok());
    let mut faults: Vec<String> = Vec::new();
    for switch in state.iter().flat_map(|state| &state.faults) {
        let kind = serde_json::to_value(&switch.fault).map(|fault| fault["kind"].clone());
        faults.extend(kind.ok().and_then(|kind| Some(kind.as_str()?.to_owned())));
    }
    if faults.is_empty() {
        return Stop::Failed(error);
    }
    error
        .hint(format!(
            "the sandbox answers with an injected fault ({}): `fob sandbox fault --clear` ends it",
            faults.join(", ")
        ))
        .into()
}

fn key(invocation: &Invocation, sandbox: &SandboxClient, user: &str) -> Result<(), Stop> {
    let keys = sandbox.create_key(user)?;
    let (id, secret) = (keys.access_key_id.as_str(), keys.secret_access_key.expose());
    match invocation.terminal.shape {
        Shape::Json => print_json(&json!({ "access_key_id": id, "secret_access_key": secret })),
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
            .unwrap_or("anonymous");
        let mut line = format!("{} {} {} by {who}", call.time, call.outcome, call.action);
        for (name, value) in &call.parameters {
            let _ = write!(line, " {name}={value}");
        }
        let _ = writeln!(text, "{}", one_line(&line));
    }
    invocation.terminal.data(&text)
}

/// A number stays text where the setting is text: an MFA code may begin with zero.
fn changed(present: &SandboxSettings, changes: &[NewSetting]) -> Result<SandboxSettings, Error> {
    let refused = |error: serde_json::Error| {
        Error::new(
            Code::InvalidInput,
            format!("no such setting, or a value of the wrong type: {error}"),
        )
    };
    let mut settings = serde_json::to_value(present).map_err(refused)?;
    for NewSetting { name, value } in changes {
        let number = value
            .parse::<u64>()
            .ok()
            .filter(|_| !settings[name].is_string());
        settings[name] = match number {
            Some(number) => number.into(),
            None if settings[name].is_array() => serde_json::from_str(value).map_err(refused)?,
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
    fn settings_change_by_name_and_the_others_stay() {
        let pair = |name: &str, value: &str| NewSetting {
            name: name.to_owned(),
            value: value.to_owned(),
        };
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
        let accounts = r#"[{"id":"012345678901","name":"dev","roles":["Admin"]}]"#;
        let settings = changed(&settings, &[pair("accounts", accounts)]).expect("a list");
        assert_eq!(settings.accounts[0].id, "012345678901");
        assert!(changed(&settings, &[pair("accounts", "dev")]).is_err());
        assert!(changed(&settings, &[pair("colour", "red")]).is_err());
    }
}
