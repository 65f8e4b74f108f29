//! What the page may ask for: each unpacks what was sent, asks the agent or the desk, and returns.
//! Which window may call which is said in `tauri.conf.json`. Secrets come in and never go out.

#![expect(
    clippy::needless_pass_by_value,
    reason = "a command's arguments are its own"
)]

use crate::desk::Desk;
use crate::handover;
use crate::outside;
use crate::snapshot::{AppSnapshot, View};
use crate::windows;
use keyfob_core::agent::api::{
    Answer, Audit, Check, Configure, Configured, Control, Login, Logout, LongLivedKeys, Look,
    Maintain, Mode, Note, Prompt, PromptId, PromptKind, Refresh, Renewal, Reply, Report, Request,
    Secret, SessionDuration, SessionRequest, SignedIn, Target, TypedKeys, VariablesForm, WhyKeys,
};
use keyfob_core::clock::Clock;
use keyfob_core::config::{Change, Config, NewIdentity, NewKind, Severity};
use keyfob_core::error::{Code, Error};
use keyfob_core::view::notice::NoticeKind;
use keyfob_core::view::{form, pasted};
use serde::{Deserialize, Serialize};
use specta::Type;
use std::time::Duration;
use tauri::{AppHandle, Manager, State, WebviewWindow};
use tauri_plugin_autostart::ManagerExt;

type Result<T, E = Error> = std::result::Result<T, E>;

/// What a request has come to, with what is to be told on the way.
#[derive(Clone, Debug, Serialize, Deserialize, Type)]
pub struct Outcome {
    pub notes: Vec<Note>,
    pub reached: Reached,
}

#[derive(Clone, Debug, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum Reached {
    SignedIn(SignedIn),
    Configured(Configured),
    Needs(Box<Prompt>),
}

#[derive(Debug, Deserialize, Type)]
pub struct KeysForm {
    access_key_id: String,
    /// `None`: the pasted one, which is held here.
    #[specta(type = Option<String>)]
    secret_access_key: Option<Typed>,
    mfa_arn: Option<String>,
    session_duration: Option<String>,
}

/// A secret on its way in.
#[derive(Debug, Deserialize)]
#[serde(from = "String")]
pub struct Typed(Secret);

impl From<String> for Typed {
    fn from(text: String) -> Typed {
        Typed(Secret::new(text))
    }
}

/// The fields of the form that are no secret, as they are typed.
#[derive(Debug, Deserialize, Type)]
pub struct KeysDraft {
    access_key_id: String,
    mfa_arn: String,
    session_duration: String,
}

#[derive(Debug, Serialize, Type)]
pub struct FieldProblem {
    field: KeysField,
    message: String,
}

#[derive(Clone, Copy, Debug, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum KeysField {
    AccessKeyId,
    MfaArn,
    SessionDuration,
}

/// What was found in a pasted text; its secret stays here.
#[derive(Debug, Serialize, Type)]
pub struct Pasted {
    access_key_id: String,
    secret_characters: u32,
    mfa_arn: Option<String>,
    session_duration: Option<String>,
}

#[derive(Debug, Serialize, Type)]
pub struct Settings {
    start_at_login: Switch,
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    On,
    Off,
}

#[derive(Debug, Deserialize, Type)]
pub struct NewUser {
    name: String,
    region: String,
    mfa_arn: Option<String>,
}

#[derive(Debug, Serialize, Type)]
pub struct Importable {
    profile: String,
    /// As people read it: `IAM user`, `role through dev`.
    what: String,
    /// Why it cannot be imported.
    obstacle: Option<String>,
}

#[derive(Debug, Serialize, Type)]
pub struct Imported {
    identities: Vec<String>,
    notes: Vec<Note>,
}

/// What this window was opened to show.
#[tauri::command]
#[specta::specta]
pub fn opened(window: WebviewWindow, desk: State<'_, Desk>) -> View {
    desk.opened(window.label())
}

#[tauri::command]
#[specta::specta]
pub fn snapshot(desk: State<'_, Desk>) -> AppSnapshot {
    // What other programs did to the keyring is not told by anybody.
    desk.changed();
    desk.snapshot()
}

/// Looks at keyring and configuration again.
#[tauri::command]
#[specta::specta]
pub async fn retry(desk: State<'_, Desk>) -> Result<AppSnapshot> {
    desk.host_configured().await;
    Ok(desk.refresh().await)
}

#[tauri::command]
#[specta::specta]
pub async fn sign_in(
    window: WebviewWindow,
    desk: State<'_, Desk>,
    identity: String,
    renewal: Renewal,
) -> Result<Outcome> {
    let login = Login {
        identity,
        duration: None,
        renewal,
        mfa_code: None,
    };
    desk.ask(
        window.label(),
        Request::Session(SessionRequest::Login(login)),
    )
    .await
    .and_then(outcome)
}

/// Opens a prompt for long-lived keys although nobody needs them: the identity's, or those it is
/// reached with.
#[tauri::command]
#[specta::specta]
pub async fn enter_keys(
    window: WebviewWindow,
    desk: State<'_, Desk>,
    identity: String,
) -> Result<Outcome> {
    let snapshot = desk.snapshot();
    let configure = Configure {
        identity: snapshot.keys_of(&identity).to_owned(),
        keys: None,
        check: Check::WithSts,
    };
    let mut outcome = desk
        .ask(
            window.label(),
            Request::Maintain(Maintain::Configure(configure)),
        )
        .await
        .and_then(outcome)?;
    // Not the person's own wish then: the form says what became of the old ones.
    if snapshot.is_revoked(&identity)
        && let Reached::Needs(prompt) = &mut outcome.reached
        && let PromptKind::Keys {
            why: why @ WhyKeys::Asked,
            ..
        } = &mut prompt.kind
    {
        *why = WhyKeys::Revoked;
    }
    Ok(outcome)
}

#[tauri::command]
#[specta::specta]
pub async fn answer_keys(
    window: WebviewWindow,
    desk: State<'_, Desk>,
    prompt: PromptId,
    keys: KeysForm,
) -> Result<Outcome> {
    let KeysForm {
        access_key_id,
        secret_access_key,
        mfa_arn,
        session_duration,
    } = keys;
    let secret = secret_access_key
        .map(|Typed(secret)| secret)
        .or_else(|| desk.pasted(window.label()));
    let missing = || {
        Error::new(Code::InvalidInput, "the secret access key is empty").hint("type or paste it")
    };
    let keys = TypedKeys {
        access_key_id,
        secret_access_key: secret.ok_or_else(missing)?,
        mfa_arn: mfa_arn.as_deref().and_then(form::filled),
        session_duration: session_duration.as_deref().and_then(form::filled),
    };
    let outcome = answer(&window, &desk, prompt, Answer::Keys(keys)).await?;
    desk.hold_pasted(window.label(), None);
    Ok(outcome)
}

#[tauri::command]
#[specta::specta]
pub async fn answer_code(
    window: WebviewWindow,
    desk: State<'_, Desk>,
    prompt: PromptId,
    code: String,
) -> Result<Outcome> {
    form::mfa_code(&code).map_err(|why| Error::new(Code::InvalidInput, why))?;
    answer(
        &window,
        &desk,
        prompt,
        Answer::MfaCode(code.trim().to_owned()),
    )
    .await
}

#[tauri::command]
#[specta::specta]
pub async fn answer_passphrase(
    window: WebviewWindow,
    desk: State<'_, Desk>,
    prompt: PromptId,
    passphrase: String,
) -> Result<Outcome> {
    answer(
        &window,
        &desk,
        prompt,
        Answer::Passphrase(Secret::new(passphrase)),
    )
    .await
}

async fn answer(
    window: &WebviewWindow,
    desk: &Desk,
    prompt: PromptId,
    answer: Answer,
) -> Result<Outcome> {
    let outcome = desk
        .ask(
            window.label(),
            Request::Control(Control::Answer { prompt, answer }),
        )
        .await
        .and_then(outcome);
    desk.changed();
    outcome
}

#[tauri::command]
#[specta::specta]
pub async fn cancel(window: WebviewWindow, desk: State<'_, Desk>, prompt: PromptId) -> Result<()> {
    // What is answered is the failure of what was asked for: that is what was wanted.
    let _ = desk
        .ask(window.label(), Request::Control(Control::Cancel { prompt }))
        .await;
    desk.hold_pasted(window.label(), None);
    desk.changed();
    Ok(())
}

/// The address of a browser prompt, in the browser.
#[tauri::command]
#[specta::specta]
pub fn open_browser(desk: State<'_, Desk>, prompt: PromptId) -> Result<()> {
    let snapshot = desk.snapshot();
    let prompts = snapshot.prompts().iter();
    let address = prompts
        .map(|open| &open.prompt)
        .find(|it| it.id == prompt)
        .and_then(|it| match &it.kind {
            PromptKind::Browser { address, .. } => Some(address),
            PromptKind::Keys { .. }
            | PromptKind::Mfa { .. }
            | PromptKind::KeyringPassphrase { .. } => None,
        });
    let address =
        address.ok_or_else(|| Error::new(Code::InvalidInput, "this prompt is no longer open"))?;
    outside::open(address, "the browser")
}

/// What somebody pasted into the form: a CSV file, a profile, export lines, JSON. The secret stays
/// here.
#[tauri::command]
#[specta::specta]
pub fn paste(window: WebviewWindow, desk: State<'_, Desk>, text: String) -> Result<Pasted> {
    let text = zeroize::Zeroizing::new(text);
    if text.len() > pasted::LONGEST {
        return Err(pasted::too_long("what was pasted"));
    }
    let TypedKeys {
        access_key_id,
        secret_access_key,
        mfa_arn,
        session_duration,
    } = pasted::keys(&text)?;
    let secret_characters = secret_access_key.length();
    desk.hold_pasted(window.label(), Some(secret_access_key));
    Ok(Pasted {
        access_key_id,
        secret_characters,
        mfa_arn,
        session_duration,
    })
}

/// What is wrong with the fields that are no secret, as they are typed.
#[tauri::command]
#[specta::specta]
pub fn check_keys(draft: KeysDraft) -> Vec<FieldProblem> {
    let checks = [
        (
            KeysField::AccessKeyId,
            form::access_key_id(&draft.access_key_id),
        ),
        (KeysField::MfaArn, form::mfa_arn(&draft.mfa_arn)),
        (
            KeysField::SessionDuration,
            form::session_duration(&draft.session_duration),
        ),
    ];
    checks
        .into_iter()
        .filter_map(|(field, checked)| checked.err().map(|message| FieldProblem { field, message }))
        .collect()
}

#[tauri::command]
#[specta::specta]
pub async fn preview_logout(
    window: WebviewWindow,
    desk: State<'_, Desk>,
    target: Target,
    long_lived_keys: LongLivedKeys,
) -> Result<Report> {
    removed(
        &window,
        &desk,
        Logout {
            target,
            long_lived_keys,
            mode: Mode::DryRun,
        },
    )
    .await
}

#[tauri::command]
#[specta::specta]
pub async fn log_out(
    window: WebviewWindow,
    desk: State<'_, Desk>,
    target: Target,
    long_lived_keys: LongLivedKeys,
) -> Result<Report> {
    let report = removed(
        &window,
        &desk,
        Logout {
            target,
            long_lived_keys,
            mode: Mode::Run,
        },
    )
    .await;
    desk.changed();
    report
}

async fn removed(window: &WebviewWindow, desk: &Desk, logout: Logout) -> Result<Report> {
    match desk
        .ask(window.label(), Request::Maintain(Maintain::Logout(logout)))
        .await?
    {
        (_, Reply::Removed(report)) => Ok(report),
        (_, Reply::Needs(prompt)) => Err(prompt.unanswered),
        _ => Err(misunderstood()),
    }
}

/// The audit log of the last days; all of it for `null`.
#[tauri::command]
#[specta::specta]
pub async fn activity(
    window: WebviewWindow,
    desk: State<'_, Desk>,
    days: Option<u32>,
) -> Result<Audit> {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let since = days.and_then(|days| Clock::system().now().checked_sub(DAY * days));
    match desk
        .ask(window.label(), Request::Look(Look::Audit { since }))
        .await?
    {
        (_, Reply::Audit(audit)) => Ok(audit),
        _ => Err(misunderstood()),
    }
}

#[tauri::command]
#[specta::specta]
pub async fn settings(app: AppHandle) -> Result<Settings> {
    let desk = app.state::<Desk>();
    let path = desk.configuration()?;
    // A file that cannot be used at all has one problem, which the snapshot tells.
    let config = Config::load(&path, &desk.environment).ok();
    let problems = config
        .iter()
        .flat_map(Config::problems)
        .map(|problem| ConfigurationProblem {
            severity: match problem.severity {
                Severity::Error => ProblemSeverity::Error,
                Severity::Warning => ProblemSeverity::Warning,
                Severity::Notice => ProblemSeverity::Notice,
            },
            line: u32::try_from(problem.line).unwrap_or(u32::MAX),
            column: u32::try_from(problem.column).unwrap_or(u32::MAX),
            message: problem.message.clone(),
        });
    let identities = config
        .iter()
        .flat_map(Config::identities)
        .map(|it| it.name.to_string());
    let default = config
        .as_ref()
        .and_then(|config| config.default_identity().ok().flatten());
    Ok(Settings {
        start_at_login: match app.autolaunch().is_enabled() {
            Ok(true) => Switch::On,
            Ok(false) | Err(_) => Switch::Off,
        },
        notify_before: config
            .as_ref()
            .map_or_else(String::new, |config| as_written(config.notify_before())),
        notices: desk.preferences().shown(),
        problems: problems.collect(),
        default_identity: default.map(|identity| identity.name.to_string()),
        identities: identities.collect(),
        configuration: path.display().to_string(),
        version: app.package_info().version.to_string(),
    })
}

#[tauri::command]
#[specta::specta]
pub async fn start_at_login(app: AppHandle, to: Switch) -> Result<Settings> {
    set_start_at_login(&app, to)?;
    app.state::<Desk>().changed();
    settings(app).await
}

/// As written in the configuration: `30m`.
#[tauri::command]
#[specta::specta]
pub async fn notify_before(app: AppHandle, duration: String) -> Result<Settings> {
    app.state::<Desk>()
        .write(&[Change::NotifyBefore(duration)])?;
    settings(app).await
}

/// Those that are shown; the others are not.
#[tauri::command]
#[specta::specta]
pub async fn show_notices(app: AppHandle, kinds: Vec<NoticeKind>) -> Result<Settings> {
    let desk = app.state::<Desk>();
    desk.change_preferences(|preferences| preferences.show_only(&kinds, &desk.environment))?;
    settings(app.clone()).await
}

#[tauri::command]
#[specta::specta]
pub fn use_as_default(desk: State<'_, Desk>, identity: String) -> Result<()> {
    make_default(&desk, &identity)
}

/// Whether sessions are renewed ahead of time.
#[tauri::command]
#[specta::specta]
pub async fn refresh(window: WebviewWindow, desk: State<'_, Desk>, to: Refresh) -> Result<()> {
    desk.ask(window.label(), Request::Control(Control::Refresh(to)))
        .await?;
    desk.changed();
    Ok(())
}

#[tauri::command]
#[specta::specta]
pub async fn copy_environment(desk: State<'_, Desk>, identity: String) -> Result<()> {
    environment_to_clipboard(&desk, &identity).await
}

#[tauri::command]
#[specta::specta]
pub fn copy_profile_name(desk: State<'_, Desk>, identity: String) -> Result<()> {
    desk.clipboard.copy(&identity)
}

#[tauri::command]
#[specta::specta]
pub async fn open_console(desk: State<'_, Desk>, identity: String) -> Result<()> {
    console_in_browser(&desk, &identity).await
}

/// In the program that opens such files.
#[tauri::command]
#[specta::specta]
pub fn open_configuration(desk: State<'_, Desk>) -> Result<()> {
    outside::open(desk.configuration()?, "the configuration file")
}

/// Writes an IAM user into the configuration, which is made if there is none; its keys are entered
/// next.
#[tauri::command]
#[specta::specta]
pub async fn add_user(desk: State<'_, Desk>, user: NewUser) -> Result<()> {
    let NewUser {
        name,
        region,
        mfa_arn,
    } = user;
    let kind = NewKind::User {
        region: Some(region),
        mfa_arn,
    };
    // The first one is what is meant when nothing else is named.
    let is_default = desk.is_idle();
    desk.write(&[Change::AddIdentity(NewIdentity {
        name,
        is_default,
        kind,
    })])?;
    desk.take_over().await
}

/// What `~/.aws/config` and `~/.aws/credentials` hold.
#[tauri::command]
#[specta::specta]
pub fn importable(desk: State<'_, Desk>) -> Result<Vec<Importable>> {
    let found = keyfob_core::config::importable(&desk.environment)?.into_iter();
    let written = |it: keyfob_core::config::Importable| Importable {
        profile: it.profile,
        what: it.what.to_string(),
        obstacle: it.obstacle,
    };
    Ok(found.map(written).collect())
}

#[tauri::command]
#[specta::specta]
pub async fn import_profiles(
    window: WebviewWindow,
    desk: State<'_, Desk>,
    names: Vec<String>,
) -> Result<Imported> {
    let (identities, notes) = desk.import(window.label(), &names).await?;
    Ok(Imported { identities, notes })
}

#[tauri::command]
#[specta::specta]
pub async fn try_sandbox(desk: State<'_, Desk>) -> Result<()> {
    desk.host_sandbox().await
}

#[tauri::command]
#[specta::specta]
pub async fn leave_sandbox(desk: State<'_, Desk>) -> Result<()> {
    desk.leave_sandbox().await;
    Ok(())
}

/// Deletes the user's access keys at the sandbox AWS.
#[tauri::command]
#[specta::specta]
pub fn sandbox_revoke(desk: State<'_, Desk>, user: String) -> Result<()> {
    desk.sandbox()?.revoke(&user)
}

/// Makes one at the sandbox AWS and puts it on the clipboard, as the CSV file that AWS hands out.
#[tauri::command]
#[specta::specta]
pub fn sandbox_new_key(desk: State<'_, Desk>, user: String) -> Result<()> {
    let key = desk.sandbox()?.new_key(&user)?;
    desk.clipboard.copy(&key)
}

/// A prompt's window becomes as high as its page, in CSS pixels.
#[tauri::command]
#[specta::specta]
pub fn fit(window: WebviewWindow, height: f64) {
    // Where it does not fit, it scrolls.
    let _ = windows::fit(&window, height);
}

#[tauri::command]
#[specta::specta]
pub fn close_window(window: WebviewWindow) -> Result<()> {
    window.close().map_err(|cause| {
        Error::new(
            Code::ProcessFailed,
            format!("the window cannot be closed: {cause}"),
        )
    })
}

pub async fn environment_to_clipboard(desk: &Desk, identity: &str) -> Result<()> {
    let request = Request::Session(SessionRequest::Variables {
        identity: identity.to_owned(),
        form: VariablesForm::Profile,
    });
    match desk.ask("", request).await? {
        (_, Reply::Variables(variables)) => desk.clipboard.copy(&outside::shell_lines(&variables)),
        _ => Err(misunderstood()),
    }
}

pub async fn console_in_browser(desk: &Desk, identity: &str) -> Result<()> {
    let request = Request::Session(SessionRequest::Console {
        identity: identity.to_owned(),
        destination: None,
    });
    match desk.ask("", request).await? {
        (_, Reply::Console(link)) => {
            outside::open(handover::address(link.url).await?, "the browser")
        }
        (_, Reply::Needs(prompt)) => Err(prompt.unanswered),
        _ => Err(misunderstood()),
    }
}

pub fn make_default(desk: &Desk, identity: &str) -> Result<()> {
    desk.write(&[Change::MakeDefault(identity.to_owned())])?;
    desk.changed();
    Ok(())
}

pub fn set_start_at_login(app: &AppHandle, to: Switch) -> Result<()> {
    let autolaunch = app.autolaunch();
    let done = match to {
        Switch::On => autolaunch.enable(),
        Switch::Off => autolaunch.disable(),
    };
    done.map_err(|cause| {
        Error::new(
            Code::FilesUnwritable,
            format!("start at login cannot be changed: {cause}"),
        )
        .hint("check that the folder for programs started at login is yours")
    })
}

/// `30m`
fn as_written(duration: Duration) -> String {
    let seconds = duration.as_secs().to_string();
    let parsed = seconds.parse::<SessionDuration>();
    parsed.map_or(seconds, |duration| duration.to_string())
}

fn outcome((notes, reply): (Vec<Note>, Reply)) -> Result<Outcome> {
    let reached = match reply {
        Reply::SignedIn(signed_in) => Reached::SignedIn(signed_in),
        Reply::Configured(configured) => Reached::Configured(configured),
        Reply::Needs(prompt) => Reached::Needs(prompt),
        _ => return Err(misunderstood()),
    };
    Ok(Outcome { notes, reached })
}

/// The agent is in this process: nothing can be of another version.
fn misunderstood() -> Error {
    Error::new(Code::Unsupported, "the agent cannot do this for a window")
        .hint("the configuration takes values from an environment that the tray app does not have: use `fob`")
}
