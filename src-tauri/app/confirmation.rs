//! Questions that only the person answers, in a dialog of the system's own: a page that was taken
//! over can neither press its buttons nor do without it.

use keyfob_core::error::{Code, Error, Result};
use rfd::{AsyncMessageDialog, MessageButtons, MessageDialogResult, MessageLevel};
use tauri::WebviewWindow;

pub struct NativeQuestion<'a> {
    pub title: &'a str,
    pub text: &'a str,
    /// The button that agrees.
    pub yes: &'a str,
}

/// An error unless the person agrees.
pub async fn confirmed(window: &WebviewWindow, question: NativeQuestion<'_>) -> Result<()> {
    let NativeQuestion { title, text, yes } = question;
    // What a file says ends nowhere early. GTK is given the text as a format (rfd 0.17).
    let text = text.replace('\0', "?");
    let text = if cfg!(target_os = "linux") {
        text.replace('%', "%%")
    } else {
        text
    };
    let buttons = MessageButtons::OkCancelCustom(yes.to_owned(), "Cancel".to_owned());
    let dialog = AsyncMessageDialog::new()
        .set_parent(window)
        .set_level(MessageLevel::Warning)
        .set_title(title)
        .set_description(text)
        .set_buttons(buttons);
    let agreed = match dialog.show().await {
        MessageDialogResult::Ok | MessageDialogResult::Yes => true,
        MessageDialogResult::Custom(pressed) => pressed == yes,
        MessageDialogResult::No | MessageDialogResult::Cancel => false,
    };
    if agreed {
        return Ok(());
    }
    Err(Error::new(
        Code::Cancelled,
        "the question was closed: nothing was changed",
    ))
}
