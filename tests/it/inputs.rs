//! Files as tools and people write them (`tests/inputs/`): what is read from each, and what is said
//! of it. AWS's example keys in them stand for two keys of kim's.

use crate::home::{DEV, Home, code, text};
use crate::support::repository;
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
        let file = repository().join("tests/inputs").join(path);
        let found = fs::read(&file).unwrap_or_else(|cause| panic!("{}: {cause}", file.display()));
        let found = match found.strip_prefix(b"\xff\xfe") {
            Some(units) => String::from_utf16_lossy(&units_of(units)),
            None => text(&found),
        };
        self.with_keys(&found)
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

fn units_of(bytes: &[u8]) -> Vec<u16> {
    let pairs = bytes.chunks_exact(2);
    pairs
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .collect()
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
fn an_indented_header_never_gives_a_profile_the_keys_of_another() {
    let kim = Kim::new();
    kim.aws_file("credentials", &kim.input("profiles/indented-header"));
    for profile in ["default", "lake"] {
        let ran = kim.profile(profile);
        let said = text(&ran.stderr);
        assert_eq!((code(&ran), kim.stored()), (2, None), "{said}");
        assert!(
            said.contains("line 4 of") && said.contains(".aws/credentials"),
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
        assert!(said.contains(part), "{part}: {said}");
    }
}
