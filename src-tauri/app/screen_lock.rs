//! The lock of the screen: Linux desktops announce it on the session bus. Elsewhere nothing does; a
//! machine that sleeps is noticed by the agent.

/// Calls `locked` whenever the screen is locked, on a thread of its own. Returns at once.
#[cfg(not(target_os = "linux"))]
pub fn watch(_locked: impl FnMut() + Send + 'static) {}

#[cfg(target_os = "linux")]
pub fn watch(locked: impl FnMut() + Send + 'static) {
    let thread = std::thread::Builder::new()
        .name("screen-lock".to_owned())
        .spawn(move || {
            if let Err(error) = on_the_bus(locked) {
                tracing::warn!(%error, "the lock of the screen cannot be watched");
            }
        });
    if let Err(error) = thread {
        tracing::warn!(%error, "the lock of the screen cannot be watched");
    }
}

#[cfg(target_os = "linux")]
fn on_the_bus(mut locked: impl FnMut()) -> zbus::Result<()> {
    use zbus::blocking::{Connection, MessageIterator};
    use zbus::message::Type;
    /// GNOME, and the others.
    const INTERFACES: [&str; 2] = ["org.gnome.ScreenSaver", "org.freedesktop.ScreenSaver"];
    let bus = Connection::session()?;
    let rule = zbus::MatchRule::builder()
        .msg_type(Type::Signal)
        .member("ActiveChanged")?
        .build();
    for message in MessageIterator::for_match_rule(rule, &bus, None)? {
        let message = message?;
        let header = message.header();
        let is_about_it = header
            .interface()
            .is_some_and(|it| INTERFACES.contains(&it.as_str()));
        if is_about_it
            && message
                .body()
                .deserialize::<bool>()
                .is_ok_and(|is_active| is_active)
        {
            locked();
        }
    }
    Ok(())
}
