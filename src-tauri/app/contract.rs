//! The commands and events between the page and the app, typed; `ui/api/app.ts` is generated from
//! them.

use crate::commands;
use crate::snapshot::{DoctorProgress, Show, SnapshotChanged};
use tauri::Wry;
use tauri_specta::{Builder, ErrorHandlingMode, collect_commands, collect_events};

pub fn builder() -> Builder<Wry> {
    Builder::<Wry>::new()
        .commands(collect_commands![
            commands::opened,
            commands::snapshot,
            commands::retry,
            commands::sign_in::sign_in,
            commands::sign_in::list_roles,
            commands::sign_in::enter_keys,
            commands::sign_in::answer_keys,
            commands::sign_in::answer_code,
            commands::sign_in::answer_passphrase,
            commands::sign_in::answer_pasted,
            commands::sign_in::confirm_user,
            commands::sign_in::cancel,
            commands::sign_in::follow,
            commands::sign_in::open_browser,
            commands::sign_in::copy_from_prompt,
            commands::sign_in::paste,
            commands::sign_in::check_keys,
            commands::preview_logout,
            commands::log_out,
            commands::rotate_key,
            commands::activity,
            commands::settings::settings,
            commands::settings::start_at_login,
            commands::settings::notify_before,
            commands::settings::key_age,
            commands::settings::show_notices,
            commands::settings::use_as_default,
            commands::refresh,
            commands::doctor,
            commands::fix_what_is_safe,
            commands::copy_remedy,
            commands::copy_environment,
            commands::copy_profile_name,
            commands::open_console,
            commands::copy_database_token,
            commands::open_database_terminal,
            commands::settings::open_configuration,
            commands::settings::untrusted_parts,
            commands::settings::trust_configuration,
            commands::settings::add_user,
            commands::settings::add_identity_center,
            commands::roles::assigned_roles,
            commands::roles::keep_roles,
            commands::roles::keep_all_roles,
            commands::settings::importable,
            commands::settings::import_profiles,
            commands::try_sandbox,
            commands::leave_sandbox,
            commands::sandbox_revoke,
            commands::sandbox_new_key,
            commands::fit,
            commands::close_window,
        ])
        .events(collect_events![SnapshotChanged, Show, DoctorProgress])
        .error_handling(ErrorHandlingMode::Throw)
        .disable_serde_phases()
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyfob_core::environment::Environment;
    use std::collections::BTreeSet;
    use std::path::Path;

    const HEADER: &str = "// The commands and events of the window, generated from src-tauri/app by its tests.\n\
        // Not to be edited by hand: KEYFOB_WRITE_API=1 cargo test --features app --bin keyfob \
        contract::\n\
        // Points in time are RFC 3339 text in UTC, durations whole seconds.";

    #[test]
    fn the_typescript_of_the_window_is_what_the_types_say() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/api/app.ts");
        let exporter = specta_typescript::Typescript::default().header(HEADER);
        let folder = tempfile::tempdir().expect("a folder");
        let fresh = folder.path().join("app.ts");
        builder()
            .export(exporter, &fresh)
            .expect("every type has a form in TypeScript");
        let now = std::fs::read_to_string(&fresh).expect("it was just written");
        if Environment::capture().raw("KEYFOB_WRITE_API").is_some() {
            std::fs::write(&path, now).expect("the repository can be written to");
            return;
        }
        let kept = std::fs::read_to_string(&path)
            .unwrap_or_default()
            .replace("\r\n", "\n");
        assert!(kept == now, "{} is not what the types say", path.display());
    }

    /// What is not named in the manifest is open to every window, and what no window may call is of
    /// no use.
    #[test]
    fn every_command_is_named_in_the_manifest_and_allowed_to_a_window() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let read = |path: &str| {
            std::fs::read_to_string(folder.join(path)).expect("it is in the repository")
        };
        let quoted = |text: &str| -> BTreeSet<String> {
            text.split('"')
                .skip(1)
                .step_by(2)
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let source = read("src-tauri/app/contract.rs");
        let registered: BTreeSet<String> = source
            .lines()
            .filter_map(|line| line.trim().strip_prefix("commands::")?.strip_suffix(','))
            .filter_map(|path| path.rsplit("::").next())
            .map(str::to_owned)
            .collect();
        assert!(
            registered.len() > 30,
            "the list of commands is read: {registered:?}"
        );
        let manifest = read("src-tauri/build.rs");
        let (_, manifest) = manifest
            .split_once("COMMANDS: &[&str] = &[")
            .expect("the manifest's list");
        let (manifest, _) = manifest.split_once("];").expect("its end");
        assert_eq!(quoted(manifest), registered);
        let config: serde_json::Value =
            serde_json::from_str(&read("tauri.conf.json")).expect("JSON");
        let allowed: BTreeSet<String> = config["app"]["security"]["capabilities"]
            .as_array()
            .expect("a list")
            .iter()
            .flat_map(|capability| capability["permissions"].as_array().expect("a list"))
            .filter_map(|permission| {
                Some(
                    permission
                        .as_str()?
                        .strip_prefix("allow-")?
                        .replace('-', "_"),
                )
            })
            .collect();
        assert_eq!(allowed, registered);
    }

    /// A prompt's window answers its prompt; it reads no log, changes no file and removes no
    /// session.
    #[test]
    fn a_prompts_window_can_do_nothing_but_answer() {
        let text =
            std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tauri.conf.json"));
        let config: serde_json::Value =
            serde_json::from_str(&text.expect("it is there")).expect("JSON");
        let capabilities = config["app"]["security"]["capabilities"]
            .as_array()
            .expect("a list");
        let of_prompts = capabilities
            .iter()
            .find(|it| it["windows"][0] == "prompt-*")
            .expect("one for prompts");
        let allowed = of_prompts["permissions"].to_string();
        for command in [
            "log-out",
            "rotate-key",
            "settings",
            "doctor",
            "fix-what-is-safe",
            "key-age",
            "activity",
            "use-as-default",
            "add-user",
            "sign-in",
            "copy-environment",
        ] {
            assert!(
                !allowed.contains(&format!("allow-{command}\"")),
                "{command}"
            );
        }
        let of_main = capabilities
            .iter()
            .find(|it| it["windows"][0] == "main")
            .expect("one for the main window");
        let of_main = of_main["permissions"].to_string();
        for permission in of_prompts["permissions"].as_array().expect("a list") {
            // The main window keeps its size.
            let is_there = of_main.contains(&permission.to_string());
            assert!(is_there || permission == "allow-fit", "{permission}");
        }
    }
}
