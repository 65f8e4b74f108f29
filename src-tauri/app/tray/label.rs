//! The text of a submenu on Linux. muda packs it into a box with an icon and then sets the text of
//! the line itself, which shows nothing: here the label inside is found and set. Its text
//! from before identifies it.

use gtk::prelude::*;

/// On the thread that owns the menus.
pub fn replace(shown: &str, wanted: &str) {
    for window in gtk::Window::list_toplevels() {
        if let Some(menu) = window.downcast_ref::<gtk::Window>().and_then(BinExt::child)
            && let Some(label) = menu
                .downcast_ref::<gtk::Menu>()
                .and_then(|menu| submenu_label(menu, shown))
        {
            // An underline in it would mark a letter otherwise.
            label.set_label(&wanted.replace('_', "__"));
        }
    }
}

fn submenu_label(menu: &gtk::Menu, shown: &str) -> Option<gtk::Label> {
    let items = menu
        .children()
        .into_iter()
        .filter_map(|it| it.downcast::<gtk::MenuItem>().ok());
    let packed = items
        .filter(|item| item.submenu().is_some())
        .filter_map(|item| item.child()?.downcast::<gtk::Box>().ok());
    let labels = packed
        .flat_map(|packed| packed.children())
        .filter_map(|it| it.downcast::<gtk::Label>().ok());
    labels.into_iter().find(|label| label.text() == shown)
}
