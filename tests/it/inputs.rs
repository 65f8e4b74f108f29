//! Files as tools and people write them (`tests/inputs/`): what is read from each, and what is said
//! of it. AWS's example keys in them stand for two keys of kim's.

use crate::home::{DEV, Home, code, text};
use crate::support::{native, repository};
use keyfob_core::secret::Keys;
use std::fs;
use std::process::Output;

const EXAMPLES: [[&str; 2]; 2] = [
    [
        "AKIAIOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    ],
    [
        "AKIAI44QH8DHBEXAMPLE",
        "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY",
    ],
];

struct Kim {
    home: Home,
    keys: [Keys; 2],
}

impl Kim {
    fn new() -> Kim {
        let home = Home::with(DEV);
        let keys = [
            home.key(),
            home.sandbox().create_key("kim").expect("a second key"),
        ];
        Kim { home, keys }
    }

    fn input(&self, path: &str) -> String {
        self.with_keys(&text(&input(path)))
    }

    fn with_keys(&self, found: &str) -> String {
        let mut found = found.to_owned();
        for (keys, [id, secret]) in self.keys.iter().zip(EXAMPLES) {
            found = found
                .replace(id, keys.access_key_id.as_str())
                .replace(secret, keys.secret_access_key.expose());
        }
        found
    }

    /// As one of the files in `~/.aws`.
    fn aws_file(&self, name: &str, content: &str) {
        let folder = self.home.path().join(".aws");
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(name), content).expect("a file");
    }

    fn profile(&self, name: &str) -> Output {
        self.home
            .run(&["user", "configure", "dev", "--profile", name])
    }

    /// Which of the two keys is stored.
    fn stored(&self) -> Option<usize> {
        let keyring = self.home.keyring();
        let is_stored = |keys: &Keys| {
            keyring.values().any(|value| {
                value.contains(keys.access_key_id.as_str())
                    && value.contains(keys.secret_access_key.expose())
            })
        };
        self.keys.iter().position(is_stored)
    }
}

fn input(path: &str) -> Vec<u8> {
    let file = repository().join("tests/inputs").join(path);
    fs::read(&file).unwrap_or_else(|cause| panic!("{}: {cause}", file.display()))
}

fn utf16(text: &str) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

#[test]
fn a_profile_is_found_however_aws_tools_write_it() {
    for (input, file, profile, key) in [
        ("indented-keys", "credentials", "lake", 0),
        ("upper-case", "credentials", "lake", 0),
        ("colon", "credentials", "lake", 0),
        ("in-config", "config", "lake house", 0),
        ("twice", "credentials", "lake", 1),
    ] {
        let kim = Kim::new();
        kim.aws_file(file, &kim.input(&format!("profiles/{input}")));
        let ran = kim.profile(profile);
        let said = text(&ran.stderr);
        assert_eq!(
            (code(&ran), kim.stored()),
            (0, Some(key)),
            "{input}: {said}"
        );
        assert_eq!(said.contains("written twice"), input == "twice", "{said}");
        if input == "twice" {
            assert!(said.contains("line 1 and in line 7"), "{said}");
        }
    }
}

#[test]
fn a_setting_written_twice_is_said_and_a_profile_without_keys_names_the_one_that_has_them() {
    let kim = Kim::new();
    let pair = |[id, secret]: [&str; 2]| {
        format!("aws_access_key_id = {id}\naws_secret_access_key = {secret}\n")
    };
    let both = format!("[lake]\n{}\n{}", pair(EXAMPLES[0]), pair(EXAMPLES[1]));
    kim.aws_file("credentials", &kim.with_keys(&both));
    kim.aws_file(
        "config",
        "[profile role]\nrole_arn = arn:aws:iam::420000000025:role/x\nsource_profile = lake\n",
    );
    let ran = kim.profile("lake");
    let said = text(&ran.stderr);
    assert_eq!((code(&ran), kim.stored()), (0, Some(1)), "{said}");
    for (key, lines) in [
        ("aws_access_key_id", "in line 2 and in line 5"),
        ("aws_secret_access_key", "in line 3 and in line 6"),
    ] {
        assert!(
            said.contains(&format!("{key} is written twice in ")),
            "{said}"
        );
        assert!(said.contains(lines), "{said}");
    }
    let ran = kim.profile("role");
    let said = text(&ran.stderr);
    assert_eq!(code(&ran), 2, "{said}");
    assert!(said.contains("from another one: --profile lake"), "{said}");
}

#[test]
fn an_indented_header_never_gives_a_profile_the_keys_of_another() {
    let kim = Kim::new();
    kim.aws_file("credentials", &kim.input("profiles/indented-header"));
    for profile in ["default", "lake"] {
        let ran = kim.profile(profile);
        let said = text(&ran.stderr);
        assert_eq!((code(&ran), kim.stored()), (2, None), "{said}");
        assert!(
            said.contains("line 4 of") && said.contains(&native(".aws/credentials")),
            "{said}"
        );
    }
}

#[test]
fn keys_of_the_credentials_file_count_whole_before_those_of_the_config_file() {
    let kim = Kim::new();
    let pair = |[id, secret]: [&str; 2]| {
        kim.with_keys(&format!(
            "aws_access_key_id = {id}\naws_secret_access_key = {secret}\n"
        ))
    };
    let config = format!(
        "[profile lake]\n{}aws_session_token = old\n",
        pair(EXAMPLES[0])
    );
    kim.aws_file("config", &config);
    kim.aws_file("credentials", &format!("[lake]\n{}", pair(EXAMPLES[1])));
    let ran = kim.profile("lake");
    assert_eq!(
        (code(&ran), kim.stored()),
        (0, Some(1)),
        "{}",
        text(&ran.stderr)
    );
    let ran = kim.profile("lakes");
    let said = text(&ran.stderr);
    assert_eq!(code(&ran), 2, "{said}");
    for part in [
        "`lakes`",
        "available profiles: lake",
        ".aws/credentials",
        ".aws/config",
    ] {
        assert!(said.contains(&native(part)), "{part}: {said}");
    }
}

#[test]
fn a_csv_file_is_read_however_a_spreadsheet_saves_it() {
    for name in ["blank-rows", "cr-only", "semicolon", "sep", "tab", "utf16"] {
        let kim = Kim::new();
        let content = input(&format!("csv/{name}.csv"));
        let content = if content.starts_with(b"\xff\xfe") {
            let (pairs, _) = content.as_chunks::<2>();
            let units: Vec<u16> = pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
            utf16(&kim.with_keys(&String::from_utf16(&units[1..]).expect("UTF-16")))
        } else {
            kim.with_keys(&text(&content)).into_bytes()
        };
        let file = kim.home.path().join("keys.csv");
        fs::write(&file, content).expect("a file");
        let path = file.to_str().expect("UTF-8");
        let ran = kim.home.run(&["user", "configure", "dev", "--csv", path]);
        let said = text(&ran.stderr);
        assert_eq!((code(&ran), kim.stored()), (0, Some(0)), "{name}: {said}");
        assert!(said.contains("still contains the keys"), "{name}: {said}");
    }
}

#[test]
fn keys_are_pasted_as_aws_and_shells_print_them() {
    for name in [
        "cmd.txt",
        "create-access-key.json",
        "powershell.txt",
        "process.json",
    ] {
        let kim = Kim::new();
        let pasted = kim.input(&format!("paste/{name}"));
        let ran = kim
            .home
            .run_with_input(&["user", "configure", "dev", "--stdin"], &pasted);
        assert_eq!(
            (code(&ran), kim.stored()),
            (0, Some(0)),
            "{name}: {}",
            text(&ran.stderr)
        );
    }
}
