//! Where a sign-in page comes from, as its window says it: a person types a password there. The
//! title has all of the address; where a window manager may hide or cut that, the origin stands
//! above the page, whole, in a part of the window that no page draws in.

use tauri::{Url, WebviewWindow};

/// Once the page is the one that is seen.
pub fn show(window: &WebviewWindow, url: &Url) {
    // What a page writes there itself is not shown.
    let _ = window.set_title(&address(url));
    #[cfg(target_os = "linux")]
    above_the_page(window, origin(url));
}

/// What follows the path may be a secret.
fn address(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

/// Names in other scripts are in the letters that tell them apart.
#[cfg(target_os = "linux")]
fn origin(url: &Url) -> String {
    let origin = url.origin();
    let text = match url.scheme() {
        "http" | "https" => origin.ascii_serialization(),
        _ => "no address of its own".to_owned(),
    };
    let is_here = url.host_str().is_some_and(|host| {
        let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        host == "localhost" || address.is_ok_and(|it| it.is_loopback())
    });
    if url.scheme() == "http" && !is_here {
        format!("{text} (not encrypted)")
    } else {
        text
    }
}

#[cfg(target_os = "linux")]
fn above_the_page(window: &WebviewWindow, text: String) {
    use gtk::prelude::{BoxExt as _, Cast as _, ContainerExt as _, LabelExt as _, WidgetExt as _};
    let shown = window.with_webview(move |page| {
        let page = page.inner();
        let Some(column) = page.parent().and_then(|it| it.downcast::<gtk::Box>().ok()) else {
            return;
        };
        let mut widgets = column.children().into_iter();
        let label = widgets.find_map(|it| it.downcast::<gtk::Label>().ok());
        let label = label.unwrap_or_else(|| {
            let label = gtk::Label::builder()
                .wrap(true)
                .wrap_mode(gtk::pango::WrapMode::Char)
                .margin(6)
                .build();
            column.pack_start(&label, false, false, 0);
            column.reorder_child(&label, 0);
            label
        });
        label.set_text(&text);
        label.show();
    });
    if let Err(error) = shown {
        tracing::warn!(%error, "the address of a sign-in page cannot be shown above it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().expect("an address")
    }

    #[test]
    fn the_address_is_shown_without_what_may_be_secret() {
        let shown = address(&url("https://kim:pw@idp.example:8443/app/aws?token=x#y"));
        assert_eq!(shown, "https://idp.example:8443/app/aws");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn above_the_page_stands_where_it_comes_from_and_whether_others_can_read_along() {
        for (page, shown) in [
            (
                "https://kim@idp.example:8443/app?x#y",
                "https://idp.example:8443",
            ),
            ("http://127.0.0.1:7000/a", "http://127.0.0.1:7000"),
            ("http://[::1]:7000/a", "http://[::1]:7000"),
            ("http://idp.example/a", "http://idp.example (not encrypted)"),
            (
                "http://localhost.example/",
                "http://localhost.example (not encrypted)",
            ),
            (
                "https://b\u{00fc}cher.example/",
                "https://xn--bcher-kva.example",
            ),
            (
                "data:text/html,https://idp.example",
                "no address of its own",
            ),
            ("about:blank", "no address of its own"),
        ] {
            assert_eq!(origin(&url(page)), shown, "{page}");
        }
    }
}
