//! Prepares the tray app's build (icons, manifest, permissions), and lets `fob` start with one
//! library less; Keyfob's own library needs none of it.

/// Naming the commands closes them to every window without a capability for them in
/// `tauri.conf.json`.
#[cfg(feature = "app")]
const COMMANDS: &[&str] = &[
    "activity",
    "add_identity_center",
    "add_user",
    "answer_code",
    "answer_keys",
    "answer_passphrase",
    "answer_pasted",
    "assigned_roles",
    "cancel",
    "check_keys",
    "close_window",
    "confirm_user",
    "copy_database_token",
    "copy_environment",
    "copy_from_prompt",
    "copy_profile_name",
    "copy_remedy",
    "doctor",
    "fix_what_is_safe",
    "enter_keys",
    "fit",
    "follow",
    "import_profiles",
    "importable",
    "keep_all_roles",
    "keep_roles",
    "leave_sandbox",
    "list_roles",
    "log_out",
    "rotate_key",
    "notify_before",
    "key_age",
    "open_browser",
    "open_configuration",
    "open_console",
    "open_database_terminal",
    "opened",
    "paste",
    "preview_logout",
    "refresh",
    "retry",
    "sandbox_new_key",
    "sandbox_revoke",
    "settings",
    "show_notices",
    "sign_in",
    "snapshot",
    "start_at_login",
    "trust_configuration",
    "try_sandbox",
    "untrusted_parts",
    "use_as_default",
];

/// Programs that run `fob` over and over wait for each start. Loading the compiler's run-time
/// library takes longer than the agent's answer: what is needed of it is linked in.
#[expect(
    clippy::disallowed_methods,
    reason = "cargo says it to a build script in no other way"
)]
fn link_run_time_library() -> std::io::Result<()> {
    let is = |name, value| std::env::var(name).is_ok_and(|it| it == value);
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        let folder = std::env::var("OUT_DIR").map_err(std::io::Error::other)?;
        // Found before the library of that name.
        std::fs::write(format!("{folder}/libgcc_s.so"), "INPUT(-lgcc_eh)\n")?;
        println!("cargo::rustc-link-arg-bin=fob=-L{folder}");
    }
    Ok(())
}

fn main() {
    link_run_time_library().expect("the build's own folder can be written");
    #[cfg(feature = "app")]
    {
        let commands = tauri_build::AppManifest::new().commands(COMMANDS);
        tauri_build::try_build(tauri_build::Attributes::new().app_manifest(commands))
            .expect("tauri.conf.json, icons/ and ui/ hold what the build needs");
    }
}
