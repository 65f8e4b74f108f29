//! Questions that only the person answers, in a dialog of the system's own: a page that was taken
//! over can neither press its buttons nor do without it.

use keyfob_core::error::{Code, Error, Result};
use tauri::WebviewWindow;
use tokio::sync::oneshot;

#[derive(Debug)]
pub struct NativeQuestion {
    pub title: &'static str,
    pub text: String,
    /// The button that agrees.
    pub yes: &'static str,
}

/// An error unless the person agrees.
pub async fn confirmed(window: &WebviewWindow, question: NativeQuestion) -> Result<()> {
    let (answer, answered) = oneshot::channel();
    let parent = window.clone();
    let shown = window.run_on_main_thread(move || show(&parent, &question, answer));
    if shown.is_ok() && answered.await.unwrap_or(false) {
        return Ok(());
    }
    let message = "the question was closed: nothing was changed";
    Err(Error::new(Code::Cancelled, message))
}

#[cfg(target_os = "linux")]
fn show(parent: &WebviewWindow, question: &NativeQuestion, answer: oneshot::Sender<bool>) {
    use gtk::prelude::*;
    use gtk::{ButtonsType, DialogFlags, MessageDialog, MessageType, ResponseType};

    let NativeQuestion { title, text, yes } = question;
    let dialog = MessageDialog::new(
        parent.gtk_window().ok().as_ref(),
        DialogFlags::MODAL | DialogFlags::DESTROY_WITH_PARENT,
        MessageType::Warning,
        ButtonsType::None,
        title,
    );
    dialog.set_title(title);
    // What a file says ends nowhere early.
    dialog.set_secondary_text(Some(&text.replace('\0', "?")));
    dialog.add_button("Cancel", ResponseType::Cancel);
    dialog.add_button(yes, ResponseType::Accept);
    dialog.set_default_response(ResponseType::Cancel);
    let answer = std::cell::Cell::new(Some(answer));
    dialog.connect_response(move |dialog, response| {
        if let Some(answer) = answer.take() {
            // The page may be gone.
            let _ = answer.send(response == ResponseType::Accept);
            dialog.close();
        }
    });
    dialog.show_all();
}

#[cfg(not(target_os = "linux"))]
fn show(parent: &WebviewWindow, question: &NativeQuestion, answer: oneshot::Sender<bool>) {
    use rfd::{AsyncMessageDialog, MessageButtons, MessageDialogResult, MessageLevel};

    let yes = question.yes.to_owned();
    let dialog = AsyncMessageDialog::new()
        .set_parent(parent)
        .set_level(MessageLevel::Warning)
        .set_title(question.title)
        .set_description(question.text.replace('\0', "?"))
        .set_buttons(MessageButtons::OkCancelCustom(
            yes.clone(),
            "Cancel".to_owned(),
        ))
        .show();
    tauri::async_runtime::spawn(async move {
        // The page may be gone.
        let _ = answer.send(match dialog.await {
            MessageDialogResult::Ok | MessageDialogResult::Yes => true,
            MessageDialogResult::Custom(pressed) => pressed == yes,
            MessageDialogResult::No | MessageDialogResult::Cancel => false,
        });
    });
}
