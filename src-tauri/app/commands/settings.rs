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
    Change, Config, ImportSource, NewIdentity, NewKind, Problem, Severity, Trust,
    importable as found,
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
            .map_or_else(String::new, |config| as_written(config.notify_before())),
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
    state.ask(AppRequest::Edit(change)).await.map(drop)
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

/// Writes an IAM user into the configuration, which is made if there is none; its keys are entered
/// next.
#[tauri::command]
#[specta::specta]
pub async fn add_user(state: State<'_, Windows>, user: NewUser) -> Result<()> {
    let NewUser { name, region } = user;
    let kind = NewKind::User {
        region: Some(region),
        // The form for the keys asks for it.
        mfa_arn: None,
    };
    let new = NewIdentity {
        name,
        // The first one is used where none is named.
        is_default: matches!(
            state.snapshot().configuration,
            Configuration::Missing { .. }
        ),
        kind,
    };
    edit(&state, Change::AddIdentity(new)).await
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

/// `30m`
fn as_written(duration: Duration) -> String {
    let seconds = duration.as_secs().to_string();
    let parsed = seconds.parse::<SessionDuration>();
    parsed.map_or(seconds, |duration| duration.to_string())
}
