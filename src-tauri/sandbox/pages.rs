//! Pages for a browser: questions, and their outcome. A question is answered by posting its form
//! back to its own address; `refuse` in the form refuses.

use super::answer::HttpAnswer;
use super::protocol::escape;
use super::refusal::AwsRefusal;

pub(super) const REFUSE: &str = "refuse";

/// Of HTML.
pub(super) fn page(title: &str, body: &str) -> HttpAnswer {
    HttpAnswer::page(format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta \
         charset=\"utf-8\"><title>{title}</title></head><body>{body}</body></html>\n"
    ))
}

/// A title and a sentence, both plain text.
pub(super) fn notice(title: &str, text: &str) -> HttpAnswer {
    let (title, text) = (escape(title), escape(text));
    page(&title, &format!("<h1>{title}</h1><p>{text}</p>"))
}

/// One button, with a switch to refuse. `text` is plain, `fields` is HTML.
pub(super) fn question(title: &str, text: &str, fields: &str, button: &str) -> HttpAnswer {
    let (title, text) = (escape(title), escape(text));
    let body = format!(
        "<h1>{title}</h1><p>{text}</p><form method=\"post\">{fields}<p><button>{button}</button></p>\
         <p><label><input type=\"checkbox\" name=\"{REFUSE}\"> Refuse</label></p></form>"
    );
    page(&title, &body)
}

/// What answers in the place of AWS in some networks.
pub(super) fn of_a_hotel() -> HttpAnswer {
    let mut page = page("Welcome", "<p>Accept the terms of this network.</p>");
    page.outcome = "html";
    page
}

pub(super) fn refused(refusal: &AwsRefusal) -> HttpAnswer {
    let title = format!(
        "HTTP Status {} - {}",
        refusal.status,
        escape(&refusal.message)
    );
    page(&title, &format!("<p>{title}</p>")).because_of(refusal)
}
