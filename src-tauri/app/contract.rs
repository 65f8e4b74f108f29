//! The commands and events between the page and the app, typed; `ui/api/app.ts` is generated from them.

use crate::commands;
use crate::snapshot::{Show, SnapshotChanged};
use tauri::Wry;
use tauri_specta::{Builder, ErrorHandlingMode, collect_commands, collect_events};

pub fn builder() -> Builder<Wry> {
    Builder::<Wry>::new()
        .commands(collect_commands![
            commands::opened,
            commands::snapshot,
            commands::retry,
            commands::sign_in,
            commands::enter_keys,
            commands::answer_keys,
            commands::answer_code,
            commands::answer_passphrase,
            commands::cancel,
            commands::open_browser,
            commands::paste,
            commands::check_keys,
            commands::preview_logout,
            commands::log_out,
            commands::activity,
            commands::settings,
            commands::start_at_login,
            commands::notify_before,
            commands::show_notices,
            commands::use_as_default,
            commands::refresh,
            commands::copy_environment,
            commands::copy_profile_name,
            commands::open_console,
            commands::open_configuration,
            commands::add_user,
            commands::importable,
            commands::import_profiles,
            commands::try_sandbox,
            commands::leave_sandbox,
            commands::sandbox_revoke,
            commands::sandbox_new_key,
            commands::fit,
            commands::close_window,
        ])
        .events(collect_events![SnapshotChanged, Show])
        .error_handling(ErrorHandlingMode::Throw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyfob_core::environment::Environment;
    use std::path::Path;

    const HEADER: &str = "// The commands and events of the window, generated from src-tauri/app by its tests.\n\
        // Not to be edited by hand: KEYFOB_WRITE_API=1 cargo test --features app --bin keyfob contract::\n\
        // Points in time are RFC 3339 text in UTC, durations whole seconds.";

    #[test]
    fn the_typescript_of_the_window_is_what_the_types_say() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/api/app.ts");
        let exporter = specta_typescript::Typescript::default().header(HEADER);
        let folder = tempfile::tempdir().expect("a folder");
        let fresh = folder.path().join("app.ts");
        builder().export(exporter, &fresh).expect("every type has a form in TypeScript");
        let now = std::fs::read_to_string(&fresh).expect("it was just written");
        if Environment::capture().raw("KEYFOB_WRITE_API").is_some() {
            std::fs::write(&path, now).expect("the repository can be written to");
            return;
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
        assert!(kept == now, "{} is not what the types say", path.display());
    }
}
