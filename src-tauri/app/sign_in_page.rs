//! The sign-in page of a SAML identity provider, in a window of its own: it may lead anywhere, can
//! call no command, keeps its cookies apart from every other page, and what it would send to AWS
//! answers the prompt instead.

mod address;

use crate::link::AppRequest;
use crate::windows::{NAME, Windows};
use keyfob_core::agent::api::{Answer, Control, PromptId, Secret, page_folder};
use keyfob_core::config::Config;
use keyfob_core::error::{Code, Error, Result};
use percent_encoding::percent_decode_str;
use std::path::PathBuf;
use tauri::webview::{NewWindowFeatures, NewWindowResponse};
use tauri::{AppHandle, Manager, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder};

const LABEL: &str = "page-";
const HANDS_OVER: &str = include_str!("sign_in_page.js");
const HANDED_OVER: &str = "SAMLResponse=";
/// In CSS pixels.
const SIZE: (f64, f64) = (520.0, 700.0);
const AWS: [&str; 3] = [
    "signin.aws.amazon.com",
    "signin.amazonaws.cn",
    "signin.amazonaws-us-gov.com",
];

/// Brings it up if it is there.
pub fn open(app: &AppHandle, prompt: PromptId, address: &str) -> Result<()> {
    let label = format!("{LABEL}{prompt}");
    if let Some(window) = app.get_webview_window(&label) {
        // A window manager may refuse it.
        let _ = window.unminimize().and(window.set_focus());
        return Ok(());
    }
    let windows = app.state::<Windows>();
    let config = Config::load(&windows.configuration(), &windows.environment)?;
    let folder = page_folder(&windows.environment, config.realm(), address)?;
    let failed = |cause: &dyn std::fmt::Display| {
        let message = format!("the sign-in page cannot be shown: {cause}");
        Error::new(Code::ProcessFailed, message)
    };
    let url: Url = address.parse().map_err(|cause| failed(&cause))?;
    let page = SignInPage {
        app: app.clone(),
        prompt,
        folder,
    };
    let window = page.window(&label, WebviewUrl::External(url), None);
    let window = window.map_err(|cause| failed(&cause))?;
    // Before the prompt. A window manager may refuse it.
    let _ = window.set_focus();
    Ok(())
}

/// Those with a prompt that is no longer open.
pub fn close_answered(app: &AppHandle) {
    let snapshot = app.state::<Windows>().snapshot();
    let is_open = |label: &str| {
        let shown = |id: PromptId| is_of(label, id);
        snapshot.prompts().iter().any(|it| shown(it.prompt.id))
    };
    close(app, |label| label.starts_with(LABEL) && !is_open(label));
}

fn close(app: &AppHandle, which: impl Fn(&str) -> bool) {
    let windows = app.webview_windows().into_iter();
    for (_, window) in windows.filter(|(label, _)| which(label)) {
        // It is closing already. To close it would be to give the sign-in up.
        let _ = window.destroy();
    }
}

/// By the person, who gives the sign-in up with it. A window that the page opened is its own
/// matter.
pub fn closed(app: &AppHandle, label: &str) {
    let prompt = label.strip_prefix(LABEL).map(str::parse::<PromptId>);
    if let Some(Ok(prompt)) = prompt {
        send(app, Control::Cancel { prompt });
    }
}

/// The window with the prompt says what came of it.
fn send(app: &AppHandle, control: Control) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let request = AppRequest::Agent(control.into());
        let _ = app.state::<Windows>().ask(request).await;
    });
}

fn is_of(label: &str, prompt: PromptId) -> bool {
    let rest = label.strip_prefix(LABEL);
    rest.and_then(|it| it.split('-').next()) == Some(&prompt.to_string())
}

#[derive(Clone)]
struct SignInPage {
    app: AppHandle,
    prompt: PromptId,
    folder: PathBuf,
}

impl SignInPage {
    /// Also for the windows that the page opens; what those are like is given then.
    fn window(
        &self,
        label: &str,
        url: WebviewUrl,
        opened: Option<NewWindowFeatures>,
    ) -> tauri::Result<WebviewWindow> {
        let (going, opening, own) = (self.clone(), self.clone(), label.to_owned());
        let builder = WebviewWindowBuilder::new(&self.app, label, url)
            .title(NAME)
            // As the prompt is, which would cover it.
            .always_on_top(true)
            .inner_size(SIZE.0, SIZE.1)
            .data_directory(self.folder.clone())
            .initialization_script_for_all_frames(HANDS_OVER)
            .on_download(|_, _| false)
            .on_page_load(|window, page| address::show(&window, page.url()))
            .on_navigation(move |url| going.may_go_to(url))
            .on_new_window(move |_, features| {
                let label = format!("{own}-{}", opening.app.webview_windows().len());
                let blank = Url::parse("about:blank").expect("an address");
                let url = WebviewUrl::External(blank);
                match opening.window(&label, url, Some(features)) {
                    Ok(window) => NewWindowResponse::Create { window },
                    Err(error) => {
                        tracing::warn!(%error, "a window of a sign-in page cannot be opened");
                        NewWindowResponse::Deny
                    }
                }
            });
        match opened {
            Some(features) => builder.window_features(features),
            None => builder.center(),
        }
        .build()
    }

    fn may_go_to(&self, url: &Url) -> bool {
        if !is_for_aws(url) {
            return is_a_page(url);
        }
        if let Some(assertion) = url.fragment().and_then(|it| it.strip_prefix(HANDED_OVER)) {
            let text = percent_decode_str(assertion).decode_utf8_lossy();
            self.answer(Secret::new(text.into_owned()));
        }
        false
    }

    fn answer(&self, assertion: Secret) {
        let (prompt, answer) = (self.prompt, Answer::Pasted(assertion));
        send(&self.app, Control::Answer { prompt, answer });
        close(&self.app, |label| is_of(label, prompt));
    }
}

/// AWS's sign-in address, of each partition and region.
fn is_for_aws(url: &Url) -> bool {
    let is_aws = |host: &str| {
        AWS.iter().any(|aws| {
            host.strip_suffix(aws)
                .is_some_and(|it| it.is_empty() || it.ends_with('.'))
        })
    };
    let is_saml = |path: &str| path == "/saml" || path.starts_with("/saml/");
    url.scheme() == "https" && url.host_str().is_some_and(is_aws) && is_saml(url.path())
}

/// No file, and no page of ours.
fn is_a_page(url: &Url) -> bool {
    let is_ours = |host: &str| ["tauri.localhost", "ipc.localhost"].contains(&host);
    match url.scheme() {
        "http" | "https" => !url.host_str().is_some_and(is_ours),
        scheme => ["about", "blob", "data"].contains(&scheme),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().expect("an address")
    }

    #[test]
    fn what_is_for_aws_is_known_in_every_partition_and_region() {
        for address in [
            "https://signin.aws.amazon.com/saml",
            "https://signin.aws.amazon.com/saml/acs/SAMLSP0123",
            "https://eu-central-1.signin.aws.amazon.com/saml?x=1",
            "https://signin.amazonaws.cn/saml#SAMLResponse=x",
            "https://us-gov-west-1.signin.amazonaws-us-gov.com/saml",
        ] {
            assert!(is_for_aws(&url(address)), "{address}");
        }
        for address in [
            "http://signin.aws.amazon.com/saml",
            "https://signin.aws.amazon.com/samlx",
            "https://signin.aws.amazon.com/console",
            "https://notsignin.aws.amazon.com/saml",
            "https://signin.aws.amazon.com.example/saml",
            "https://idp.example/saml",
        ] {
            assert!(!is_for_aws(&url(address)), "{address}");
        }
    }

    #[test]
    fn a_page_leads_to_pages_but_to_no_file_and_to_none_of_ours() {
        for address in [
            "https://idp.example/a",
            "http://localhost:7000/",
            "about:blank",
        ] {
            assert!(is_a_page(&url(address)), "{address}");
        }
        for address in [
            "file:///etc/passwd",
            "tauri://localhost/",
            "ipc://localhost/sign_in",
            "https://tauri.localhost/",
        ] {
            assert!(!is_a_page(&url(address)), "{address}");
        }
    }

    #[test]
    fn a_window_that_a_page_opened_is_of_the_same_prompt() {
        assert!(is_of("page-7", 7) && is_of("page-7-2", 7));
        assert!(!is_of("page-71", 7) && !is_of("prompt-7", 7));
    }
}
