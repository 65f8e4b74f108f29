//! Changes of the file on the disk: made where it was missing, replaced whole, and left alone when
//! something fails.

use super::*;

fn user(name: &str) -> Change {
    Change::AddIdentity(NewIdentity {
        name: name.to_owned(),
        is_default: true,
        kind: NewKind::User {
            region: None,
            mfa_arn: None,
        },
        settings: Box::default(),
    })
}

fn names_in(folder: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.expect("an entry").file_name().into_string()
    };
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| name(entry).expect("text"))
        .collect();
    names.sort();
    names
}

#[test]
fn a_missing_file_is_made_with_its_folder_for_its_owner_only() {
    let home = Home {
        folder: tempfile::tempdir().expect("a folder"),
    };
    let path = home.path().join("deep/keyfob/config.yaml");
    let environment = home.environment(&[]);
    for change in [
        Change::MakeDefault("dev".to_owned()),
        Change::NotifyBefore("30m".to_owned()),
    ] {
        let error =
            crate::config::change(&path, &environment, &[change]).expect_err("nothing to change");
        assert_eq!(error.code, Code::ConfigNotFound);
    }
    assert!(names_in(&home.path()).is_empty());
    crate::config::change(
        &path,
        &environment,
        &[user("dev"), Change::NotifyBefore("45m".to_owned())],
    )
    .expect("made");
    assert_eq!(
        std::fs::read_to_string(&path).expect("a file"),
        "# Keyfob's configuration. Made by Keyfob, and yours to edit: comments and order are kept.\n\
         auth:\n  identities:\n    dev:\n      kind: aws/user\n      default: true\n  notify:\n    before: 45m\n"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode =
            |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o7777;
        let folder = path.parent().expect("a folder");
        assert_eq!(
            (mode(&path), mode(folder), mode(&home.path().join("deep"))),
            (0o600, 0o700, 0o700)
        );
    }
    let config = Config::load(&path, &environment).expect("a configuration");
    assert_eq!(
        config
            .default_identity()
            .map(|it| it.map(|it| it.name.as_str())),
        Ok(Some("dev"))
    );
}

#[test]
fn all_changes_are_made_or_none() {
    let text = "# mine\nauth: {identities: {dev: {kind: aws/user}}}\n";
    let home = Home::with(text);
    let changes = [user("new"), Change::MakeDefault("nobody".to_owned())];
    assert!(crate::config::change(&home.file(), &home.environment(&[]), &changes).is_err());
    assert_eq!(std::fs::read_to_string(home.file()).expect("a file"), text);
    crate::config::change(&home.file(), &home.environment(&[]), &[]).expect("nothing to do");
    assert_eq!(names_in(&home.path()), ["config.yaml"]);
}

#[test]
fn what_is_wrong_only_among_the_others_is_refused() {
    let role = |via: &str| {
        Change::AddIdentity(NewIdentity {
            name: "new".to_owned(),
            is_default: false,
            kind: NewKind::AssumeRole {
                via: via.to_owned(),
                role_arn: "arn:aws:iam::123456789012:role/r".to_owned(),
                external_id: None,
                session_name: None,
                region: None,
                duration: None,
            },
            settings: Box::default(),
        })
    };
    let text = "auth:\n  unknown: 1\n  identities:\n    dev: {kind: aws/user}\n    root: {kind: aws/assume-root, \
                via: {identity: dev}, principal: {target_principal: \"420000000025\", task_policy_arn: \
                \"arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials\"}}\n";
    let home = Home::with(text);
    let error = crate::config::change(&home.file(), &home.environment(&[]), &[role("root")])
        .expect_err("a refusal");
    assert!(
        error
            .message
            .contains("a root session may only carry out its task"),
        "{error}"
    );
    assert_eq!(std::fs::read_to_string(home.file()).expect("a file"), text);
    crate::config::change(&home.file(), &home.environment(&[]), &[role("dev")])
        .expect("the unknown key is old");
}

#[test]
fn an_unchanged_file_is_not_written() {
    let home = Home::with("auth: {identities: {dev: {kind: aws/user, default: true}}}");
    let modified = || {
        std::fs::metadata(home.file())
            .and_then(|metadata| metadata.modified())
            .expect("a time")
    };
    let before = modified();
    crate::config::change(
        &home.file(),
        &home.environment(&[]),
        &[Change::MakeDefault("DEV".to_owned())],
    )
    .expect("nothing");
    assert_eq!(modified(), before);
}

#[cfg(unix)]
#[test]
fn the_mode_of_a_file_is_kept_and_a_link_stays_a_link() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let home = Home::with("auth: {}\n");
    std::fs::set_permissions(home.file(), std::fs::Permissions::from_mode(0o640)).expect("a mode");
    let (dotfiles, link) = (home.path().join("dotfiles"), home.path().join("link.yaml"));
    std::fs::create_dir(&dotfiles).expect("a folder");
    std::fs::rename(home.file(), dotfiles.join("keyfob.yaml")).expect("moved");
    symlink("dotfiles/keyfob.yaml", &link).expect("a link");
    crate::config::change(&link, &home.environment(&[]), &[user("dev")]).expect("changed");
    assert!(
        std::fs::symlink_metadata(&link)
            .expect("there")
            .is_symlink()
    );
    let real = dotfiles.join("keyfob.yaml");
    assert_eq!(
        std::fs::metadata(&real)
            .expect("there")
            .permissions()
            .mode()
            & 0o7777,
        0o640
    );
    assert!(
        std::fs::read_to_string(&real)
            .expect("a file")
            .contains("dev:")
    );
    assert_eq!(names_in(&dotfiles), ["keyfob.yaml"]);

    let nowhere = home.path().join("nowhere.yaml");
    symlink("missing.yaml", &nowhere).expect("a link");
    let error = crate::config::change(&nowhere, &home.environment(&[]), &[user("dev")])
        .expect_err("a refusal");
    assert!(
        error
            .message
            .contains("nowhere.yaml is a link that leads nowhere"),
        "{error}"
    );
}

#[cfg(unix)]
#[test]
fn where_nothing_can_be_written_the_path_is_named_and_nothing_lost() {
    use std::os::unix::fs::PermissionsExt;
    let text = "auth: {identities: {}}\n";
    let home = Home::with(text);
    let set = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
    };
    let refused = || {
        crate::config::change(&home.file(), &home.environment(&[]), &[user("dev")])
            .expect_err("a refusal")
    };
    set(&home.file(), 0o400);
    let error = refused();
    assert!(
        error.message.contains("config.yaml: it is read-only")
            && error.code == Code::FilesUnwritable,
        "{error}"
    );
    set(&home.file(), 0o600);
    set(&home.path(), 0o500);
    // Root writes anywhere.
    if tempfile::tempfile_in(home.path()).is_err() {
        let error = refused();
        assert!(
            error.message.contains(&home.file().display().to_string()),
            "{error}"
        );
        let missing = home.path().join("new/config.yaml");
        let error = crate::config::change(&missing, &home.environment(&[]), &[user("dev")])
            .expect_err("a refusal");
        assert!(error.message.contains("new/config.yaml"), "{error}");
    }
    set(&home.path(), 0o700);
    assert_eq!(std::fs::read_to_string(home.file()).expect("a file"), text);
    assert_eq!(names_in(&home.path()), ["config.yaml"]);
}

#[test]
fn a_file_that_is_broken_is_refused_as_the_reader_refuses_it() {
    for text in ["auth: [", "just text", "auth: {}\nauth: {}"] {
        let home = Home::with(text);
        let error = crate::config::change(&home.file(), &home.environment(&[]), &[user("dev")])
            .expect_err("a refusal");
        assert_eq!(error.message, home.load().expect_err("broken").message);
        assert_eq!(std::fs::read_to_string(home.file()).expect("a file"), text);
    }
    let home = Home::with([0xff, 0xfe]);
    let error = crate::config::change(&home.file(), &home.environment(&[]), &[user("dev")])
        .expect_err("a refusal");
    assert!(error.message.contains("is not UTF-8"), "{error}");
}
