use super::*;
use crate::clock::Clock;
use crate::config::{AwsFiles, UserSettings};
use crate::files::child;
use crate::files::{Quoting, quote};
use crate::store::keyring::memory_keyring;
use crate::store::profiles::section::config_section;
use crate::store::tests::session;
use crate::store::{Dropped, Store, StoreScope};
use std::path::Path;
use std::time::Duration;

impl<T> Noted<T> {
    /// The value of a result that gave no warning.
    fn quiet(self) -> T {
        assert_eq!(self.warnings, Vec::<String>::new());
        self.value
    }
}

const CONFIGURATION: &str = "/home/kim/config.yaml";

/// A folder with a base, and a state folder beside it.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        Place {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    fn store(&self) -> Store {
        store(self.folder.path(), CONFIGURATION)
    }

    fn files(&self) -> AwsFiles {
        files(self.folder.path())
    }

    fn config(&self) -> String {
        fs::read_to_string(self.files().folder.join("config")).expect("a config file")
    }

    /// Makes the provider's folder with this `config`.
    fn with_config(text: &str) -> Place {
        let place = Place::new();
        fs::create_dir_all(place.files().folder).expect("a folder");
        fs::write(place.files().folder.join("config"), text).expect("a file");
        place
    }
}

fn store(folder: &Path, configuration: &str) -> Store {
    Store::open(StoreScope {
        keyring: memory_keyring(),
        realm: "default".to_owned(),
        configuration: configuration.into(),
        state_folder: folder.join("state"),
        clock: Clock::system(),
    })
}

fn files(folder: &Path) -> AwsFiles {
    let base = folder.join("aws/keyfob");
    AwsFiles {
        folder: base.join("realm/corp-sso"),
        base,
        static_credentials: false,
    }
}

fn with_keys(files: AwsFiles) -> AwsFiles {
    AwsFiles {
        static_credentials: true,
        ..files
    }
}

async fn remove_profile(store: &Store, files: &AwsFiles, identity: &str) -> Result<Dropped> {
    let cleared = store
        .profiles
        .clear(files, &[identity.to_owned()], UpTo::Nothing, Mode::Run)
        .await;
    cleared
        .into_iter()
        .next()
        .expect("each identity is told of")
        .outcome
}

async fn remove_empty_folders(store: &Store, files: &AwsFiles, up_to: UpTo) -> Vec<PathBuf> {
    let mut removed = Vec::new();
    for ClearedProfile {
        part,
        path,
        outcome,
    } in store.profiles.clear(files, &[], up_to, Mode::Run).await
    {
        assert_eq!((part, outcome), (ProfilePart::Folder, Ok(Dropped::Removed)));
        removed.push(path);
    }
    removed
}

fn profile(identity: &str) -> AwsProfile {
    AwsProfile {
        identity: identity.to_owned(),
        region: "eu-central-1".to_owned(),
        program: "/opt/key fob/bin/fob".into(),
        session: Some(session().session),
        settings: UserSettings::none(),
    }
}

#[tokio::test]
async fn a_profile_says_where_credentials_come_from_and_holds_none() {
    let place = Place::new();
    place
        .store()
        .profiles
        .write(&place.files(), &profile("dev-admin"))
        .await
        .expect("written")
        .quiet();
    insta::assert_snapshot!(place.config(), @r#"
    [profile dev-admin]
    # Written by Keyfob from /home/kim/config.yaml
    region = eu-central-1
    credential_process = "/opt/key fob/bin/fob" --config "/home/kim/config.yaml" credential-process dev-admin
    "#);
    assert!(!place.files().folder.join("credentials").exists());
}

#[tokio::test]
async fn writing_again_changes_only_the_section_and_removing_it_leaves_the_rest() {
    let theirs = "# mine\r\n[default]\nregion=x\n; end";
    let place = Place::with_config(theirs);
    let store = place.store();
    for region in ["us-east-1", "eu-west-1"] {
        let profile = AwsProfile {
            region: region.to_owned(),
            ..profile("dev")
        };
        store
            .profiles
            .write(&place.files(), &profile)
            .await
            .expect("written")
            .quiet();
        assert!(
            place.config().starts_with(theirs)
                && place.config().contains(&format!("region = {region}\r\n"))
        );
    }
    assert_eq!(place.config().matches("[profile dev]").count(), 1);
    assert!(store.profiles.has(&place.files(), "dev").expect("readable"));
    assert!(!store.profiles.has(&place.files(), "de").expect("readable"));
    assert_eq!(
        remove_profile(&store, &place.files(), "dev")
            .await
            .expect("removed"),
        Dropped::Removed
    );
    assert_eq!(place.config(), theirs);
    assert_eq!(
        remove_profile(&store, &place.files(), "dev")
            .await
            .expect("removed"),
        Dropped::Absent
    );
    assert_eq!(
        remove_empty_folders(&store, &place.files(), UpTo::Base).await,
        Vec::<PathBuf>::new()
    );
}

#[tokio::test]
async fn keys_are_written_only_where_the_configuration_asks_and_go_when_it_no_longer_does() {
    let place = Place::new();
    let store = place.store();
    store
        .profiles
        .write(&with_keys(place.files()), &profile("dev"))
        .await
        .expect("written")
        .quiet();
    let path = place.files().folder.join("credentials");
    insta::assert_snapshot!(fs::read_to_string(&path).expect("a file"), @r#"
    [dev]
    # Written by Keyfob from /home/kim/config.yaml
    aws_access_key_id = ASIAIOSFODNN7EXAMPLE
    aws_secret_access_key = wJalrXUtnFEMI/K7
    aws_session_token = token"+/=
    "#);
    #[cfg(unix)]
    assert_eq!(child::mode(&path), 0o600);
    assert_eq!(
        store
            .profiles
            .paths(&place.files(), "dev")
            .expect("readable")
            .len(),
        2
    );
    store
        .profiles
        .write(&place.files(), &profile("dev"))
        .await
        .expect("written")
        .quiet();
    assert!(!path.exists());
}

#[tokio::test]
async fn folders_go_only_when_they_are_empty() {
    let place = Place::new();
    let store = place.store();
    assert_eq!(
        remove_profile(&store, &place.files(), "dev")
            .await
            .expect("nothing"),
        Dropped::Absent
    );
    assert_eq!(
        store
            .profiles
            .paths(&place.files(), "dev")
            .expect("nothing"),
        Vec::<PathBuf>::new()
    );
    store
        .profiles
        .write(&place.files(), &profile("dev"))
        .await
        .expect("written")
        .quiet();
    let note = place.files().base.join("note");
    fs::write(&note, "somebody's").expect("a file");
    assert_eq!(
        remove_profile(&store, &place.files(), "dev")
            .await
            .expect("removed"),
        Dropped::Removed
    );
    let provider = vec![place.files().folder];
    assert_eq!(
        remove_empty_folders(&store, &place.files(), UpTo::Provider).await,
        provider
    );
    store
        .profiles
        .write(&place.files(), &profile("dev"))
        .await
        .expect("written")
        .quiet();
    remove_profile(&store, &place.files(), "dev")
        .await
        .expect("removed");
    let removed = remove_empty_folders(&store, &place.files(), UpTo::Base).await;
    assert_eq!(
        removed,
        [place.files().folder, place.files().base.join("realm")]
    );
    assert!(note.exists());
}

#[tokio::test]
async fn a_section_of_another_configuration_stays_and_replacing_it_is_said() {
    let place = Place::new();
    let other = store(place.folder.path(), "/other.yaml");
    other
        .profiles
        .write(&place.files(), &profile("dev"))
        .await
        .expect("written")
        .quiet();
    let mine = place.store();
    let kept = Dropped::Kept {
        configuration: "/other.yaml".to_owned(),
    };
    assert_eq!(
        remove_profile(&mine, &place.files(), "dev")
            .await
            .expect("kept"),
        kept
    );
    assert!(!mine.profiles.has(&place.files(), "dev").expect("readable"));
    assert!(place.config().contains("/other.yaml"));
    let written = mine
        .profiles
        .write(&place.files(), &profile("dev"))
        .await
        .expect("written");
    let warnings = written.warnings;
    assert!(
        warnings.len() == 1
            && warnings[0].contains("/other.yaml")
            && warnings[0].contains(CONFIGURATION)
    );

    // One whose configuration is there stays.
    let there = place.folder.path().join("theirs.yaml");
    fs::write(&there, "").expect("written");
    let there = there.display().to_string();
    let theirs = store(place.folder.path(), &there);
    let (files, ops) = (place.files(), profile("ops"));
    let again = theirs.profiles.write(&files, &ops).await;
    again.expect("written").quiet();
    let before = place.config();
    let refused = mine.profiles.write(&files, &ops).await;
    let error = refused.expect_err("it is theirs");
    assert_eq!(error.code, Code::BelongsElsewhere);
    assert!(error.message.contains(&there), "{error}");
    assert_eq!(place.config(), before);
    let evicted = mine.profiles.evict(&files, "ops").await;
    evicted.expect("the person said so");
    assert!(!place.config().contains("[profile ops]"));

    let by_hand = Place::with_config("[profile dev]\nregion = x\n");
    assert_eq!(
        remove_profile(&by_hand.store(), &by_hand.files(), "dev")
            .await
            .expect("kept"),
        Dropped::Absent
    );
    assert_eq!(by_hand.config(), "[profile dev]\nregion = x\n");
}

#[test]
fn paths_are_quoted_so_that_shells_and_aws_tools_read_them_alike() {
    for path in [
        "/a b/fob",
        "/opt/$HOME/fob",
        "/it's/a \"fob\"",
        "/back\\slash`x`!",
        "/plain",
        "/ümlaut #1",
    ] {
        let quoted = quote(path, Quoting::Posix).expect("quotable");
        assert_eq!(
            shell_words::split(&quoted).expect("one word"),
            [path],
            "{quoted}"
        );
        #[cfg(unix)]
        {
            let script = format!("printf %s {quoted}");
            let shell = std::process::Command::new("sh")
                .args(["-c", &script])
                .output()
                .expect("a shell");
            assert_eq!(String::from_utf8_lossy(&shell.stdout), path, "{quoted}");
        }
    }
    let windows = quote(r"C:\Program Files\fob.exe", Quoting::Windows).expect("quotable");
    assert_eq!(windows, r#""C:\Program Files\fob.exe""#);
    assert_eq!(
        quote("a\"b", Quoting::Windows).expect_err("no way").code,
        Code::InvalidInput
    );
    for path in ["a\nb", "a\0b", "a\rb"] {
        assert_eq!(
            quote(path, Quoting::Posix).expect_err("no way").code,
            Code::InvalidInput
        );
    }
}

#[tokio::test]
async fn names_that_would_break_out_of_their_section_are_refused() {
    let place = Place::new();
    for identity in ["", "a]\n[default", "a b", "dev\u{202e}"] {
        let error = place
            .store()
            .profiles
            .write(&place.files(), &profile(identity))
            .await
            .expect_err(identity);
        assert_eq!(error.code, Code::InvalidInput);
    }
    let elsewhere = AwsFiles {
        folder: place.folder.path().join("other"),
        ..place.files()
    };
    let upwards = AwsFiles {
        folder: place.files().base.join("../up"),
        ..place.files()
    };
    for files in [elsewhere, upwards] {
        let error = place
            .store()
            .profiles
            .write(&files, &profile("dev"))
            .await
            .expect_err("outside");
        assert_eq!(error.code, Code::FilesUnwritable);
        assert!(!files.folder.exists());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn links_are_followed_only_below_the_base() {
    use std::os::unix::fs::symlink;
    let elsewhere = tempfile::tempdir().expect("a folder");
    fs::write(elsewhere.path().join("config"), "theirs").expect("a file");
    let unchanged =
        || fs::read_to_string(elsewhere.path().join("config")).expect("a file") == "theirs";

    let place = Place::new();
    let files = place.files();
    fs::create_dir_all(files.base.join("realm")).expect("a folder");
    symlink(elsewhere.path(), &files.folder).expect("a link");
    for error in [
        place
            .store()
            .profiles
            .write(&files, &profile("dev"))
            .await
            .expect_err("outside"),
        remove_profile(&place.store(), &files, "dev")
            .await
            .expect_err("outside"),
    ] {
        assert_eq!(error.code, Code::FilesUnwritable);
        assert!(error.message.contains("corp-sso"), "{error}");
    }
    fs::remove_file(&files.folder).expect("removed");
    for target in [
        elsewhere.path().join("config"),
        PathBuf::from("config"),
        PathBuf::from("nowhere"),
    ] {
        fs::create_dir_all(&files.folder).expect("a folder");
        let link = files.folder.join("config");
        symlink(target, &link).expect("a link");
        let error = place
            .store()
            .profiles
            .write(&files, &profile("dev"))
            .await
            .expect_err("not to be followed");
        assert_eq!(error.code, Code::FilesUnwritable);
        fs::remove_file(link).expect("removed");
    }
    assert!(unchanged());

    fs::write(files.base.join("kept"), "").expect("a file");
    symlink(files.base.join("kept"), files.folder.join("config")).expect("a link");
    place
        .store()
        .profiles
        .write(&files, &profile("dev"))
        .await
        .expect("it stays below the base")
        .quiet();
    assert!(
        fs::read_to_string(files.base.join("kept"))
            .expect("a file")
            .contains("[profile dev]")
    );
    assert!(
        fs::symlink_metadata(files.folder.join("config"))
            .expect("there")
            .is_symlink()
    );
}

#[tokio::test]
async fn a_base_that_cannot_be_written_is_named() {
    let place = Place::new();
    let files = place.files();
    fs::create_dir_all(files.base.parent().expect("a parent")).expect("a folder");
    fs::write(&files.base, "a file").expect("a file");
    let error = place
        .store()
        .profiles
        .write(&files, &profile("dev"))
        .await
        .expect_err("no folder");
    assert_eq!(error.code, Code::FilesUnwritable);
    // With one kind of separator, as it is shown.
    let shown: PathBuf = files.base.components().collect();
    assert!(
        error.message.contains(&*shown.to_string_lossy()) && !error.hints.is_empty(),
        "{error}"
    );

    let place = Place::new();
    fs::create_dir_all(place.files().folder.join("config")).expect("a folder");
    let error = place
        .store()
        .profiles
        .write(&place.files(), &profile("dev"))
        .await
        .expect_err("no file");
    assert_eq!(error.code, Code::FilesUnwritable);
    assert!(error.message.contains("config"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn folders_and_files_are_private_under_any_umask() {
    let test = "folders_and_files_are_private_under_any_umask";
    if let Some(role) = child::role() {
        let umask = rustix::fs::RawMode::from_str_radix(&role.name, 8).expect("octal");
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(umask));
        let files = with_keys(files(&role.folder));
        return store(&role.folder, CONFIGURATION)
            .profiles
            .write(&files, &profile("dev"))
            .await
            .expect("written")
            .quiet();
    }
    for umask in ["000", "077", "777"] {
        let place = Place::new();
        let files = place.files();
        child::finish(vec![child::start(
            module_path!(),
            test,
            umask,
            place.folder.path(),
        )]);
        fs::set_permissions(
            files.folder.join("config"),
            std::os::unix::fs::PermissionsExt::from_mode(0o644),
        )
        .expect("loosened");
        child::finish(vec![child::start(
            module_path!(),
            test,
            umask,
            place.folder.path(),
        )]);
        let locks = place.folder.path().join("state/default/locks");
        for folder in [
            &files.base,
            &files.base.join("realm"),
            &files.folder,
            &locks,
        ] {
            assert_eq!(
                child::mode(folder),
                0o700,
                "{} under {umask}",
                folder.display()
            );
        }
        for file in [
            files.folder.join("config"),
            files.folder.join("credentials"),
            locks.join("files-corp-sso.lock"),
        ] {
            assert_eq!(
                child::mode(&file),
                0o600,
                "{} under {umask}",
                file.display()
            );
        }
    }
}

fn assert_whole(config: &str, identities: impl Iterator<Item = String>) -> usize {
    let whole = |identity: &str| {
        let section = config_section(&profile(identity), CONFIGURATION).expect("a section");
        config.contains(std::str::from_utf8(&section).expect("text"))
    };
    let present: Vec<_> = identities
        .filter(|identity| config.contains(&format!("[profile {identity}]")))
        .collect();
    assert!(present.iter().all(|identity| whole(identity)), "{config}");
    assert_eq!(
        config.matches("[profile").count(),
        present.len(),
        "{config}"
    );
    present.len()
}

fn identities() -> impl Iterator<Item = String> {
    (0..20).map(|number| format!("dev-{number:02}"))
}

#[tokio::test]
async fn twenty_tasks_at_once_write_twenty_whole_sections() {
    let place = Place::new();
    let writers: Vec<_> = identities()
        .map(|identity| {
            let (store, files) = (place.store(), place.files());
            tokio::spawn(async move { store.profiles.write(&files, &profile(&identity)).await })
        })
        .collect();
    for writer in writers {
        writer.await.expect("no panic").expect("written").quiet();
    }
    assert_eq!(assert_whole(&place.config(), identities()), 20);
}

#[tokio::test]
async fn twenty_processes_at_once_write_twenty_whole_sections() {
    if let Some(role) = child::role() {
        let store = store(&role.folder, CONFIGURATION);
        return store
            .profiles
            .write(&files(&role.folder), &profile(&role.name))
            .await
            .expect("written")
            .quiet();
    }
    let place = Place::new();
    let test = "twenty_processes_at_once_write_twenty_whole_sections";
    child::finish(
        identities()
            .map(|identity| child::start(module_path!(), test, &identity, place.folder.path()))
            .collect(),
    );
    assert_eq!(assert_whole(&place.config(), identities()), 20);
}

#[tokio::test]
async fn killed_at_any_moment_the_files_are_whole() {
    if let Some(role) = child::role() {
        child::say("writing");
        let (store, files) = (store(&role.folder, CONFIGURATION), files(&role.folder));
        loop {
            for identity in identities() {
                store
                    .profiles
                    .write(&files, &profile(&identity))
                    .await
                    .expect("written")
                    .quiet();
            }
            for identity in identities() {
                remove_profile(&store, &files, &identity)
                    .await
                    .expect("removed");
            }
        }
    }
    let place = Place::with_config("# theirs\n");
    for moment in 0..20 {
        let mut writer = child::start(
            module_path!(),
            "killed_at_any_moment_the_files_are_whole",
            "write",
            place.folder.path(),
        );
        child::wait_for(&mut writer, "writing");
        child::pause(Duration::from_millis(moment * 3));
        writer.kill().expect("kill -9");
        writer.wait().expect("gone");
        assert!(place.config().starts_with("# theirs\n"));
        assert_whole(&place.config(), identities());
    }
    place
        .store()
        .profiles
        .write(&place.files(), &profile("last"))
        .await
        .expect("the lock is free")
        .quiet();
    let left = fs::read_dir(place.files().folder)
        .expect("a folder")
        .count();
    assert_eq!(left, 1, "only the file: what the killed left is swept away");
}

#[tokio::test]
async fn a_writer_that_holds_the_folder_makes_the_others_wait() {
    let place = Place::new();
    let held = place
        .store()
        .profiles
        .lock(&place.files())
        .await
        .expect("free");
    let (store, files) = (place.store(), place.files());
    let writing = tokio::spawn(async move { store.profiles.write(&files, &profile("dev")).await });
    Clock::nap(Duration::from_millis(150)).await;
    assert!(!writing.is_finished() && !place.files().folder.exists());
    drop(held);
    writing.await.expect("no panic").expect("written").quiet();
}
