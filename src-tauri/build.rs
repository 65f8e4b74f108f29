//! Prepares the tray app's build (icons, manifest, permissions); the library and the CLI need none of it.

fn main() {
    #[cfg(feature = "app")]
    {
        // Naming the commands closes them to every window whose capability does not allow them; there are none yet.
        let commands = tauri_build::AppManifest::new().commands(&[]);
        tauri_build::try_build(tauri_build::Attributes::new().app_manifest(commands))
            .expect("tauri.conf.json, icons/ and ui/ hold what the build needs");
    }
}
