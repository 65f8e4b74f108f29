//! Files that cannot be used at all, and places where none is.

use super::*;
use std::fmt::Write;

fn refused(bytes: impl AsRef<[u8]>) -> Error {
    Home::with(bytes).load().map(|_| ()).expect_err("a refusal")
}

#[test]
fn a_file_without_a_configuration_is_refused_with_what_it_holds() {
    for (bytes, why) in [
        (b"".as_slice(), "is empty"),
        (b"# nothing\n", "is empty"),
        (b"\xff\xfe\x00a", "NUL"),
        (b"\x7fELF\x02\x01\x01\x00\x00", "NUL"),
        (b"auth: \xe9", "is not UTF-8 text: byte 7 is wrong"),
        (b"just text", "holds a single value instead of a mapping"),
        (b"- auth", "holds a list instead of a mapping"),
        (b"Auth: {}", "has no top-level key `auth`"),
        (
            b"auth: []",
            "line 1, column 7: `auth` holds a list instead of a mapping",
        ),
        (
            b"auth: {}\nother: 1\nauth: {}",
            "has the top-level key `auth` twice, on lines 1 and 3",
        ),
        (b"auth: {", "not YAML"),
        (
            b"auth: {}\n---\nauth: {}",
            "line 2, column 1: a second YAML document",
        ),
        (b"auth:\n\t- a", "line 2, column"),
    ] {
        let error = refused(bytes);
        assert_eq!((error.code, error.exit_code()), (Code::ConfigInvalid, 2));
        assert!(
            error.message.contains(why) && error.message.contains("config.yaml"),
            "{why}: {}",
            error.message
        );
    }
}

#[test]
fn a_huge_file_is_refused_without_reading_it() {
    let home = Home::with("");
    let file = std::fs::File::create(home.file()).expect("a file");
    file.set_len(100 * 1024 * 1024 * 1024)
        .expect("a sparse file");
    let error = home.load().expect_err("a refusal");
    assert!(
        error.message.ends_with("is larger than 1 MiB"),
        "{}",
        error.message
    );

    let mut largest = b"auth: {}\n#".to_vec();
    largest.resize(1024 * 1024, b'x');
    assert!(Home::with(&largest).load().is_ok());
    largest.push(b'x');
    assert!(refused(&largest).message.ends_with("is larger than 1 MiB"));
}

#[test]
fn nesting_and_aliases_that_explode_are_refused() {
    let nested: Vec<String> = (0..500)
        .map(|depth| format!("{}auth:\n", " ".repeat(depth)))
        .collect();
    assert!(
        refused(nested.concat())
            .message
            .contains("nested more than 64 levels deep")
    );
    assert!(
        refused(format!("auth: {}", "{a: ".repeat(10_000)))
            .message
            .contains("config.yaml cannot be used: line 1")
    );
    let mut laughs = "a0: &a0 [x]\n".to_owned();
    for level in 1..12 {
        let aliases = format!("*a{}, ", level - 1).repeat(10);
        writeln!(laughs, "a{level}: &a{level} [{aliases}]").expect("memory");
    }
    assert!(
        refused(laughs)
            .message
            .contains("repeat more than 10000 values")
    );
}

#[test]
fn a_missing_file_says_where_it_was_looked_for_and_how_to_make_one() {
    let home = Home::with("auth: {}");
    let environment = home.environment(&[
        ("XDG_CONFIG_HOME", "/nowhere/at/all"),
        ("APPDATA", "/nowhere/at/all"),
    ]);
    let error = crate::config::locate(None, &environment).expect_err("no file");
    assert_eq!((error.code, error.exit_code()), (Code::ConfigNotFound, 2));
    assert!(error.message.contains("config.yaml"), "{}", error.message);
    assert!(
        error.hints.iter().any(|hint| hint.contains("aws/user")),
        "{:?}",
        error.hints
    );

    let gone = home.path().join("gone.yaml");
    let error = crate::config::locate(Some(&gone), &environment).expect_err("no file");
    assert!(
        error.message.contains("gone.yaml") && error.message.contains("--config"),
        "{}",
        error.message
    );
    assert_eq!(
        Config::load(&gone, &environment).expect_err("no file").code,
        Code::ConfigNotFound
    );
    let below_a_file = home.file().join("config.yaml");
    assert_eq!(
        crate::config::locate(Some(&below_a_file), &environment)
            .expect_err("no file")
            .code,
        Code::ConfigNotFound
    );
    assert_eq!(
        crate::config::locate(Some(Path::new("")), &environment)
            .expect_err("no path")
            .code,
        Code::Usage
    );
}

#[test]
fn the_command_line_beats_the_variable_which_beats_the_users_own_file() {
    let home = Home::with("auth: {}");
    let own = home
        .environment(&[])
        .config_folder()
        .expect("a folder")
        .join("config.yaml");
    std::fs::create_dir_all(own.parent().expect("a folder")).expect("a folder");
    std::fs::write(&own, "auth: {}").expect("a file");
    let named = home.path().join("named.yaml");
    std::fs::write(&named, "auth: {}").expect("a file");

    let with_variable = home.environment(&[("FOB_CONFIG", &named.to_string_lossy())]);
    assert_eq!(
        crate::config::locate(Some(&home.file()), &with_variable),
        Ok(home.file())
    );
    assert_eq!(crate::config::locate(None, &with_variable), Ok(named));
    for environment in [
        home.environment(&[]),
        home.environment(&[("FOB_CONFIG", "")]),
    ] {
        assert_eq!(crate::config::locate(None, &environment), Ok(own.clone()));
    }
}

#[test]
fn a_folder_is_not_a_file() {
    let home = Home::with("auth: {}");
    let error = Config::load(&home.path(), &home.environment(&[])).expect_err("a folder");
    assert_eq!(error.code, Code::ConfigInvalid);
    assert!(error.message.ends_with("is a folder"), "{}", error.message);
}

#[cfg(unix)]
#[test]
fn symbolic_links_are_followed_unless_they_loop_and_devices_are_not_read() {
    use std::os::unix::fs::symlink;
    let home = Home::with("auth: {}");
    let (link, one, two) = (
        home.path().join("link"),
        home.path().join("one"),
        home.path().join("two"),
    );
    symlink(home.file(), &link).expect("a link");
    symlink(&one, &two).expect("a link");
    symlink(&two, &one).expect("a link");
    let environment = home.environment(&[]);
    assert_eq!(
        Config::load(&link, &environment)
            .expect("a configuration")
            .path(),
        home.file()
    );
    assert_eq!(
        crate::config::locate(Some(&one), &environment),
        Ok(one.clone())
    );
    let error = Config::load(&one, &environment).expect_err("a loop");
    assert_eq!(error.code, Code::FilesUnwritable);
    assert!(
        error.message.contains("one: ") && error.message.contains("symbolic links"),
        "{}",
        error.message
    );
    let error = Config::load(Path::new("/dev/zero"), &environment).expect_err("a device");
    assert!(
        error.message.ends_with("is not a regular file"),
        "{}",
        error.message
    );
}

#[cfg(unix)]
#[test]
fn a_path_that_would_break_a_line_of_another_programs_file_is_refused() {
    let home = Home::with("auth: {}");
    let odd = home.path().join("a\nb.yaml");
    std::fs::copy(home.file(), &odd).expect("a copy");
    let error = Config::load(&odd, &home.environment(&[])).expect_err("a refusal");
    assert_eq!(error.code, Code::ConfigInvalid);
    assert!(
        error.message.contains("control characters") && !error.message.contains('\n'),
        "{}",
        error.message
    );
}

#[test]
fn without_a_home_a_named_configuration_can_still_be_checked() {
    let home = Home::with(
        "auth: {identities: {dev: {kind: aws/user}, there: {kind: aws/user, spec: {files: {base_path: /x}}}}}",
    );
    let nothing = Environment::of::<&str, &str>([]);
    assert_eq!(
        crate::config::locate(None, &nothing)
            .expect_err("no home")
            .code,
        Code::Usage
    );
    let config = Config::load(&home.file(), &nothing).expect("a configuration");
    assert_eq!(worst(&config), None);
    let error = chain(&config, "dev").expect_err("no home");
    assert!(error.message.contains("is not set"), "{}", error.message);
    assert!(chain(&config, "there").is_ok());

    let error = Config::load(
        &Home::with("auth: {keyring: {type: file}}").file(),
        &nothing,
    )
    .expect_err("no home");
    assert!(error.message.contains("is not set"), "{}", error.message);
}

#[cfg(unix)]
#[test]
fn an_environment_that_is_not_utf_8_is_named() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    let odd = OsString::from_vec(vec![b'a', 0xff]);
    let home =
        Home::with("auth: {identities: {dev: {kind: aws/user, credentials: {region: !env ODD}}}}");
    let environment = Environment::of([
        (OsString::from("HOME"), home.path().into()),
        ("ODD".into(), odd.clone()),
    ]);
    let config = Config::load(&home.file(), &environment).expect("a configuration");
    assert!(
        shown(&config).contains("the environment variable ODD is not valid UTF-8"),
        "{}",
        shown(&config)
    );
    assert_eq!(
        chain(&config, "dev").expect_err("a broken link").code,
        Code::ConfigInvalid
    );

    for name in ["FOB_KEYRING", "FOB_AWS_FILES_BASE_PATH"] {
        let environment = Environment::of([
            (OsString::from("HOME"), home.path().into()),
            (name.into(), odd.clone()),
        ]);
        let failed = Config::load(&home.file(), &environment)
            .and_then(|config| chain(&config, "dev").map(|_| ()));
        assert!(failed.expect_err("a refusal").message.contains(name));
    }
}
