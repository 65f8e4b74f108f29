//! Signing in from a window: the requests, the answers to prompts, and the form for keys. A pasted
//! secret stays here.

#![expect(
    clippy::needless_pass_by_value,
    reason = "a command's arguments are its own"
)]

use crate::actions::misunderstood;
use crate::link::AppRequest;
use crate::outside;
use crate::sign_in_page;
use crate::windows::Windows;
use keyfob_core::agent::api::{
    Answer, Answered, AssignedRoles, BrowserUse, Check, Configure, Configured, Control,
    HeldSession, Login, Maintain, Note, OtherUser, PasteKind, Prompt, PromptId, PromptKind,
    Renewal, Replaces, Reply, Secret, SessionRequest, SignedIn, TypedKeys, WhyKeys,
};
use keyfob_core::error::{Code, Error, Result};
use keyfob_core::view::{form, pasted};
use serde::{Deserialize, Serialize};
use specta::Type;
use tauri::{AppHandle, State, WebviewWindow};

/// The result of a request, with what happened on the way.
#[derive(Clone, Debug, Serialize, Deserialize, Type)]
pub struct SignInOutcome {
    pub notes: Vec<Note>,
    pub reached: SignInResult,
}

#[derive(Clone, Debug, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum SignInResult {
    SignedIn(SignedIn),
    Configured(Configured),
    Listed(AssignedRoles),
    Needs(Box<Prompt>),
}

#[derive(Debug, Deserialize, Type)]
pub struct KeysForm {
    access_key_id: String,
    /// `None`: the pasted one, which is kept here.
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

/// The fields of the form that are not secret, as they are typed.
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
    /// The field is taken all the same.
    is_warning: bool,
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

#[tauri::command]
#[specta::specta]
pub async fn sign_in(
    window: WebviewWindow,
    state: State<'_, Windows>,
    identity: String,
    renewal: Renewal,
) -> Result<SignInOutcome> {
    let login = Login {
        identity,
        duration: None,
        renewal,
        mfa_code: None,
        assertion: None,
        held: HeldSession::Checked,
        browser: BrowserUse::Here,
    };
    state
        .request(window.label(), SessionRequest::Login(login).into())
        .await
        .and_then(outcome)
}

/// Lists the roles that an IAM Identity Center assigns, after a sign-in there if one is needed.
#[tauri::command]
#[specta::specta]
pub async fn list_roles(
    window: WebviewWindow,
    state: State<'_, Windows>,
    provider: String,
) -> Result<SignInOutcome> {
    let request = Maintain::ListRoles {
        provider,
        browser: BrowserUse::Here,
    };
    state
        .request(window.label(), request.into())
        .await
        .and_then(outcome)
}

/// Opens a prompt for long-lived keys although none is due: the identity's, or those of its source.
#[tauri::command]
#[specta::specta]
pub async fn enter_keys(
    window: WebviewWindow,
    state: State<'_, Windows>,
    identity: String,
) -> Result<SignInOutcome> {
    let snapshot = state.snapshot();
    let configure = Configure {
        identity: snapshot.source_of(&identity).to_owned(),
        keys: None,
        check: Check::WithSts,
        other_user: OtherUser::Refused,
        replaces: Replaces::Own,
    };
    let mut outcome = state
        .request(window.label(), Maintain::Configure(configure).into())
        .await
        .and_then(outcome)?;
    // The form then says what became of the old ones.
    if snapshot.is_revoked(&identity)
        && let SignInResult::Needs(prompt) = &mut outcome.reached
        && let PromptKind::Keys {
            why: why @ (WhyKeys::Asked | WhyKeys::Missing),
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
    state: State<'_, Windows>,
    prompt: PromptId,
    keys: KeysForm,
) -> Result<SignInOutcome> {
    let KeysForm {
        access_key_id,
        secret_access_key,
        mfa_arn,
        session_duration,
    } = keys;
    let secret = secret_access_key
        .map(|Typed(secret)| secret)
        .or_else(|| state.open.pasted(window.label()));
    let missing = || {
        Error::new(Code::InvalidInput, "the secret access key is empty").hint("type or paste it")
    };
    let keys = TypedKeys {
        access_key_id,
        secret_access_key: secret.ok_or_else(missing)?,
        // The form shows what was remembered: an empty field is meant.
        mfa_arn: Some(mfa_arn.unwrap_or_default()),
        session_duration: Some(session_duration.unwrap_or_default()),
        file: None,
    };
    let outcome = answer(&window, &state, prompt, Answer::Keys(keys)).await?;
    state.open.keep_pasted(window.label(), None);
    Ok(outcome)
}

#[tauri::command]
#[specta::specta]
pub async fn answer_code(
    window: WebviewWindow,
    state: State<'_, Windows>,
    prompt: PromptId,
    code: String,
) -> Result<SignInOutcome> {
    form::mfa_code(&code).map_err(|why| Error::new(Code::InvalidInput, why))?;
    let code = Answer::MfaCode(code.trim().to_owned());
    answer(&window, &state, prompt, code).await
}

/// What the page of a sign-in ended with.
#[tauri::command]
#[specta::specta]
pub async fn answer_pasted(
    window: WebviewWindow,
    state: State<'_, Windows>,
    prompt: PromptId,
    text: String,
) -> Result<SignInOutcome> {
    let text = Answer::Pasted(Secret::new(text));
    answer(&window, &state, prompt, text).await
}

#[tauri::command]
#[specta::specta]
pub async fn answer_passphrase(
    window: WebviewWindow,
    state: State<'_, Windows>,
    prompt: PromptId,
    passphrase: String,
) -> Result<SignInOutcome> {
    let passphrase = Answer::Passphrase(Secret::new(passphrase));
    answer(&window, &state, prompt, passphrase).await
}

/// Keys of another user than the stored ones are meant.
#[tauri::command]
#[specta::specta]
pub async fn confirm_user(
    window: WebviewWindow,
    state: State<'_, Windows>,
    prompt: PromptId,
) -> Result<SignInOutcome> {
    answer(&window, &state, prompt, Answer::Confirmed).await
}

async fn answer(
    window: &WebviewWindow,
    state: &Windows,
    prompt: PromptId,
    answer: Answer,
) -> Result<SignInOutcome> {
    state
        .request(window.label(), Control::Answer { prompt, answer }.into())
        .await
        .and_then(outcome)
}

/// Of a prompt that ended without an answer from here: the browser's, a program's.
#[tauri::command]
#[specta::specta]
pub async fn follow(
    window: WebviewWindow,
    state: State<'_, Windows>,
    prompt: PromptId,
) -> Result<SignInOutcome> {
    state
        .request(window.label(), Control::Follow { prompt }.into())
        .await
        .and_then(outcome)
}

#[tauri::command]
#[specta::specta]
pub async fn cancel(
    window: WebviewWindow,
    state: State<'_, Windows>,
    prompt: PromptId,
) -> Result<()> {
    // The answer is the failure of the interrupted request, as wanted.
    let _ = state
        .request(window.label(), Control::Cancel { prompt }.into())
        .await;
    state.open.keep_pasted(window.label(), None);
    Ok(())
}

/// What of a sign-in in a browser is for another device.
#[derive(Clone, Copy, Debug, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum CopiedPart {
    Address,
    Code,
}

/// Of an open prompt, to the clipboard.
#[tauri::command]
#[specta::specta]
pub async fn copy_from_prompt(
    state: State<'_, Windows>,
    prompt: PromptId,
    part: CopiedPart,
) -> Result<()> {
    let snapshot = state.snapshot();
    let mut prompts = snapshot.prompts().iter().map(|open| &open.prompt);
    let kind = prompts.find(|it| it.id == prompt).map(|it| &it.kind);
    let text = match (kind, part) {
        (
            Some(PromptKind::Browser { address, .. } | PromptKind::Paste { address, .. }),
            CopiedPart::Address,
        ) => address.clone(),
        (Some(PromptKind::Browser { code, .. }), CopiedPart::Code) => code.clone(),
        (_, _) => return Err(no_longer_open()),
    };
    state.ask(AppRequest::CopyText(text)).await.map(drop)
}

fn no_longer_open() -> Error {
    Error::new(Code::InvalidInput, "this prompt is no longer open")
}

/// Opens the address of a prompt: in the browser, or in a window of ours where what its page ends
/// with is caught.
#[tauri::command]
#[specta::specta]
pub async fn open_browser(
    app: AppHandle,
    state: State<'_, Windows>,
    prompt: PromptId,
) -> Result<()> {
    let snapshot = state.snapshot();
    let mut prompts = snapshot.prompts().iter().map(|open| &open.prompt);
    match prompts.find(|it| it.id == prompt).map(|it| &it.kind) {
        Some(PromptKind::Paste {
            what: PasteKind::SamlAssertion,
            address,
            ..
        }) => sign_in_page::open(&app, prompt, address),
        Some(
            PromptKind::Browser { address, .. }
            | PromptKind::Paste {
                what: PasteKind::SignInCode,
                address,
                ..
            },
        ) => outside::browse(address).await,
        Some(
            PromptKind::Keys { .. }
            | PromptKind::Mfa { .. }
            | PromptKind::OtherUser { .. }
            | PromptKind::Program { .. }
            | PromptKind::KeyringPassphrase { .. },
        )
        | None => Err(no_longer_open()),
    }
}

/// A text pasted into the form: a CSV file, a profile, export lines, JSON. Its secret stays here.
#[tauri::command]
#[specta::specta]
pub fn paste(window: WebviewWindow, state: State<'_, Windows>, text: String) -> Result<Pasted> {
    let text = zeroize::Zeroizing::new(text);
    if text.len() > pasted::LONGEST {
        return Err(pasted::too_long("the pasted text"));
    }
    let TypedKeys {
        access_key_id,
        secret_access_key,
        mfa_arn,
        session_duration,
        file: _,
    } = pasted::keys(&text)?;
    let secret_characters = secret_access_key.length();
    state
        .open
        .keep_pasted(window.label(), Some(secret_access_key));
    Ok(Pasted {
        access_key_id,
        secret_characters,
        mfa_arn,
        session_duration,
    })
}

/// Checks the fields that are not secret, as they are typed.
#[tauri::command]
#[specta::specta]
pub fn check_keys(draft: KeysDraft) -> Vec<FieldProblem> {
    let id = form::access_key_id(&draft.access_key_id);
    let device = form::mfa_arn(&draft.mfa_arn);
    let duration = form::session_duration(&draft.session_duration);
    let warning = form::duration_warning(&draft.session_duration);
    let checks = [
        (KeysField::AccessKeyId, id.err(), false),
        (KeysField::MfaArn, device.err(), false),
        (KeysField::SessionDuration, duration.err(), false),
        (KeysField::SessionDuration, warning, true),
    ];
    let problem = |(field, message, is_warning): (_, Option<_>, _)| {
        Some(FieldProblem {
            field,
            message: message?,
            is_warning,
        })
    };
    checks.into_iter().filter_map(problem).collect()
}

fn outcome(Answered { notes, reply }: Answered) -> Result<SignInOutcome> {
    let reached = match reply {
        Reply::SignedIn(signed_in) => SignInResult::SignedIn(signed_in),
        Reply::Configured(configured) => SignInResult::Configured(configured),
        Reply::RolesListed(listed) => SignInResult::Listed(listed),
        Reply::Needs(prompt) => SignInResult::Needs(prompt),
        _ => return Err(misunderstood()),
    };
    Ok(SignInOutcome { notes, reached })
}
