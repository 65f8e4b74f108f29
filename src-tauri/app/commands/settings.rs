//! The configuration and the desktop's own settings, shown and changed in a window; identities
//! added to the configuration.

#![expect(
    clippy::needless_pass_by_value,
    reason = "a command's arguments are its own"
)]

use crate::actions::misunderstood;
use crate::autostart::StartAtLogin;
use crate::confirmation::{NativeQuestion, confirmed};
use crate::link::AppRequest;
use crate::outside;
use crate::preferences::Preferences;
use crate::snapshot::Configuration;
use crate::windows::Windows;
use keyfob_core::agent::api::{Answered, Note, Reply, SessionDuration};
use keyfob_core::config::{
    Change, Config, ImportSource, NewIdentity, NewIdentityCenter, NewKind, Problem, Severity,
    Trust, importable as found,
};
use keyfob_core::error::{Code, Error, Result};
use keyfob_core::view::notice::NoticeKind;
use serde::{Deserialize, Serialize};
use specta::Type;
use std::time::Duration;
use tauri::{AppHandle, Manager, State, WebviewWindow};

#[derive(Debug, Serialize, Type)]
pub struct DesktopSettings {
    start_at_login: StartAtLogin,
    /// As written: `30m`.
    notify_before: String,
    /// How old an access key may become; `null`: as old as it will.
    key_age_days: Option<u32>,
    notices: Vec<NoticeKind>,
    configuration: String,
    problems: Vec<ConfigurationProblem>,
    default_identity: Option<String>,
    identities: Vec<String>,
    version: String,
}

#[derive(Debug, Serialize, Type)]
pub struct ConfigurationProblem {
    severity: ProblemSeverity,
    /// From 1.
    line: u32,
    /// From 1.
    column: u32,
    message: String,
}

#[derive(Clone, Copy, Debug, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum ProblemSeverity {
    Error,
    Warning,
    Notice,
}

#[derive(Debug, Deserialize, Type)]
pub struct NewUser {
    name: String,
    region: String,
    signs_in_with: SignsInWith,
}

#[derive(Clone, Copy, Debug, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum SignsInWith {
    AccessKeys,
    /// The user's sign-in to the AWS console.
    Console,
}

#[derive(Debug, Deserialize, Type)]
pub struct NewCenter {
    start_url: String,
    region: String,
}

#[derive(Debug, Serialize, Type)]
pub struct ImportableProfile {
    profile: String,
    /// As people read it: `IAM user`, `role through dev`.
    what: String,
    /// Why it cannot be imported.
    obstacle: Option<String>,
    /// What becomes of it otherwise than it is written.
    notes: Vec<String>,
}

#[derive(Debug, Serialize, Type)]
pub struct ImportedProfiles {
    identities: Vec<String>,
    notes: Vec<Note>,
}

impl ConfigurationProblem {
    fn of(problem: &Problem) -> ConfigurationProblem {
        ConfigurationProblem {
            severity: match problem.severity {
                Severity::Error => ProblemSeverity::Error,
                Severity::Warning => ProblemSeverity::Warning,
                Severity::Notice => ProblemSeverity::Notice,
            },
            line: u32::try_from(problem.line).unwrap_or(u32::MAX),
            column: u32::try_from(problem.column).unwrap_or(u32::MAX),
            message: problem.message.clone(),
        }
    }
}

#[tauri::command]
#[specta::specta]
pub async fn settings(app: AppHandle) -> Result<DesktopSettings> {
    let state = app.state::<Windows>();
    let path = state.configuration();
    // A file that cannot be used at all has one problem, which is in the snapshot.
    let config = Config::load(&path, &state.environment).ok();
    let problems = config.iter().flat_map(Config::problems);
    let identities = config
        .iter()
        .flat_map(Config::identities)
        .map(|it| it.name.to_string());
    let default = config
        .as_ref()
        .and_then(|config| config.default_identity().ok().flatten());
    Ok(DesktopSettings {
        start_at_login: StartAtLogin::now(&app),
        notify_before: config
            .as_ref()
            .map_or_else(String::new, |config| as_written(config.notify().before)),
        key_age_days: config
            .as_ref()
            .and_then(|config| Some(days(config.notify().key_age?))),
        notices: Preferences::load(&state.environment).shown(),
        problems: problems.map(ConfigurationProblem::of).collect(),
        default_identity: default.map(|identity| identity.name.to_string()),
        identities: identities.collect(),
        configuration: path.display().to_string(),
        version: app.package_info().version.to_string(),
    })
}

#[tauri::command]
#[specta::specta]
pub async fn start_at_login(app: AppHandle, to: StartAtLogin) -> Result<DesktopSettings> {
    to.set(&app)?;
    app.state::<Windows>().ask(AppRequest::Look).await?;
    settings(app).await
}

/// As written in the configuration: `30m`.
#[tauri::command]
#[specta::specta]
pub async fn notify_before(app: AppHandle, duration: String) -> Result<DesktopSettings> {
    edit(&app.state::<Windows>(), Change::NotifyBefore(duration)).await?;
    settings(app).await
}

/// How old an access key may become; `null`: as old as it will.
#[tauri::command]
#[specta::specta]
pub async fn key_age(app: AppHandle, days: Option<u32>) -> Result<DesktopSettings> {
    let age = days.map_or_else(|| "off".to_owned(), |days| format!("{days}d"));
    edit(&app.state::<Windows>(), Change::KeyAge(age)).await?;
    settings(app).await
}

/// Those that are shown; the others are not.
#[tauri::command]
#[specta::specta]
pub async fn show_notices(app: AppHandle, kinds: Vec<NoticeKind>) -> Result<DesktopSettings> {
    app.state::<Windows>()
        .ask(AppRequest::ShowNotices(kinds))
        .await?;
    settings(app).await
}

#[tauri::command]
#[specta::specta]
pub async fn use_as_default(state: State<'_, Windows>, identity: String) -> Result<()> {
    edit(&state, Change::MakeDefault(identity)).await
}

async fn edit(state: &Windows, change: Change) -> Result<()> {
    state.ask(AppRequest::Edit(vec![change])).await.map(drop)
}

/// In the program that opens such files.
#[tauri::command]
#[specta::specta]
pub async fn open_configuration(state: State<'_, Windows>) -> Result<()> {
    outside::open(state.configuration(), "the configuration file").await
}

/// What the configuration does that is not trusted yet, a line each.
#[tauri::command]
#[specta::specta]
pub fn untrusted_parts(state: State<'_, Windows>) -> Result<Vec<String>> {
    let config = Config::load(&state.configuration(), &state.environment)?;
    missing_trust(&config, &Trust::of(&state.environment)?)
}

fn missing_trust(config: &Config, trust: &Trust) -> Result<Vec<String>> {
    let missing = trust.missing(config)?;
    Ok(missing.iter().map(ToString::to_string).collect())
}

/// Trusts the configuration, if it still does exactly what was shown and the person says so outside
/// of the page.
#[tauri::command]
#[specta::specta]
pub async fn trust_configuration(
    window: WebviewWindow,
    state: State<'_, Windows>,
    shown: Vec<String>,
) -> Result<()> {
    let config = Config::load(&state.configuration(), &state.environment)?;
    let trust = Trust::of(&state.environment)?;
    if missing_trust(&config, &trust)? != shown {
        let message = "the configuration has changed again meanwhile";
        return Err(Error::new(Code::ConfigUntrusted, message).hint("look at what it does now"));
    }
    let question = NativeQuestion {
        title: "Trust this configuration?",
        text: format!("{}\n\nIt {}", config.path().display(), shown.join("\nIt ")),
        yes: "Trust it",
    };
    confirmed(&window, question).await?;
    trust.add(&config).await?;
    state.ask(AppRequest::Retry).await.map(drop)
}

/// Writes a user into the configuration, which is made if there is none; keys are entered, or the
/// browser opened, next.
#[tauri::command]
#[specta::specta]
pub async fn add_user(state: State<'_, Windows>, user: NewUser) -> Result<()> {
    let NewUser {
        name,
        region,
        signs_in_with,
    } = user;
    let region = Some(region);
    let kind = match signs_in_with {
        SignsInWith::AccessKeys => NewKind::User {
            region,
            // The form for the keys asks for it.
            mfa_arn: None,
        },
        SignsInWith::Console => NewKind::Login { region },
    };
    let new = NewIdentity {
        name,
        // The first one is used where none is named.
        is_default: matches!(
            state.snapshot().configuration,
            Configuration::Missing { .. }
        ),
        kind,
        settings: Box::default(),
    };
    edit(&state, Change::AddIdentity(new)).await
}

/// Writes an IAM Identity Center into the configuration, unless it is there, and returns its name:
/// the roles that it assigns are listed next.
#[tauri::command]
#[specta::specta]
pub async fn add_identity_center(state: State<'_, Windows>, center: NewCenter) -> Result<String> {
    let NewCenter { start_url, region } = center;
    let config = Config::load(&state.configuration(), &state.environment).ok();
    let providers = config.iter().flat_map(Config::providers);
    let taken: Vec<String> = providers.map(|it| it.name.to_string()).collect();
    let address = start_url.trim().trim_end_matches(['#', '/']);
    let is_it = |config: &Config, name: &str| {
        let source = config.provider(name).and_then(|it| config.source(it));
        let signs_in_at = source.ok().and_then(|it| it.kind.facts().sign_in_address);
        signs_in_at.is_some_and(|it| it.eq_ignore_ascii_case(address))
    };
    let known = |name: &&String| config.as_ref().is_some_and(|config| is_it(config, name));
    if let Some(name) = taken.iter().find(known) {
        return Ok(name.clone());
    }
    let name = name_of_center(address, &taken);
    let new = NewIdentityCenter {
        name: name.clone(),
        start_url,
        region,
        only_written: false,
    };
    edit(&state, Change::AddIdentityCenter(new)).await?;
    Ok(name)
}

/// `corp` of `https://corp.awsapps.com/start`.
fn name_of_center(start_url: &str, taken: &[String]) -> String {
    let host = start_url.split_once("://").map_or("", |(_, rest)| rest);
    let first = host.split(['.', '/', ':']).next().unwrap_or_default();
    let is_name = |text: &&str| {
        let is_kept = |it: char| it.is_ascii_alphanumeric() || it == '-';
        !text.is_empty() && !text.starts_with('-') && text.len() <= 40 && text.chars().all(is_kept)
    };
    let first = Some(first).filter(is_name).unwrap_or("sso");
    let is_free = |name: &String| !taken.iter().any(|it| it.eq_ignore_ascii_case(name));
    let numbered = (2..).map(|number| format!("{first}-{number}"));
    let mut names = [first.to_owned()].into_iter().chain(numbered);
    names.find(is_free).unwrap_or_default()
}

/// What `~/.aws/config` and `~/.aws/credentials` hold.
#[tauri::command]
#[specta::specta]
pub fn importable(state: State<'_, Windows>) -> Result<Vec<ImportableProfile>> {
    let profiles = found(&state.environment, ImportSource::Aws)?;
    let shown = profiles.into_iter().map(|it| ImportableProfile {
        profile: it.profile,
        what: it.what.to_string(),
        obstacle: it.obstacle,
        notes: it.notes,
    });
    Ok(shown.collect())
}

#[tauri::command]
#[specta::specta]
pub async fn import_profiles(
    state: State<'_, Windows>,
    names: Vec<String>,
) -> Result<ImportedProfiles> {
    let Answered { notes, reply } = state.ask(AppRequest::Import(names)).await?.answered()?;
    match reply {
        Reply::Imported { identities } => Ok(ImportedProfiles { identities, notes }),
        _ => Err(misunderstood()),
    }
}

/// Those that have begun.
fn days(age: Duration) -> u32 {
    u32::try_from(age.as_secs().div_ceil(24 * 60 * 60)).unwrap_or(u32::MAX)
}

/// `30m`
fn as_written(duration: Duration) -> String {
    let seconds = duration.as_secs().to_string();
    let parsed = seconds.parse::<SessionDuration>();
    parsed.map_or(seconds, |duration| duration.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_center_goes_by_its_start_url() {
        let taken = ["corp".to_owned(), "Corp-2".to_owned()];
        for (start_url, name) in [
            ("https://acme.awsapps.com/start", "acme"),
            ("https://corp.awsapps.com/start", "corp-3"),
            ("https://ssoins-1.portal.eu-central-1.app.aws", "ssoins-1"),
            ("https://-/start", "sso"),
            ("nothing", "sso"),
        ] {
            assert_eq!(name_of_center(start_url, &taken), name, "{start_url}");
        }
    }
}
