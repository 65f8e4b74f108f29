//! The text of a submenu on Linux. muda sets it on the item, where GTK drops it: the label that is shown lies in a box
//! inside (muda 0.20).

use gtk::prelude::*;

/// Of every submenu that says `from`, on the thread that owns the menus.
pub fn set_text(from: &str, to: &str) {
    let windows = gtk::Window::list_toplevels().into_iter();
    // Each menu is in a window of its own, shown or not.
    let menus = windows.filter_map(|it| it.downcast::<gtk::Window>().ok()?.child()?.downcast::<gtk::Menu>().ok());
    for item in menus.flat_map(|menu| menu.children()) {
        let label = item.downcast::<gtk::MenuItem>().ok().and_then(|item| label_in_box(&item));
        if let Some(label) = label.filter(|label| label.label() == as_written(from)) {
            label.set_label(&as_written(to));
        }
    }
}

fn label_in_box(item: &gtk::MenuItem) -> Option<gtk::Label> {
    let inside = item.child()?.downcast::<gtk::Box>().ok()?.children();
    inside.into_iter().find_map(|it| it.downcast::<gtk::Label>().ok())
}

/// One underscore would underline the next letter.
fn as_written(text: &str) -> String {
    text.replace('_', "__")
}
