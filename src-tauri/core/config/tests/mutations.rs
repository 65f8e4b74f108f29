//! Sample files, damaged at random: whatever comes out is a configuration or an error, soon, and
//! never a panic.

use super::*;
use proptest::prelude::*;
use std::time::Duration;

#[derive(Clone, Debug)]
pub(super) enum Damage {
    Flip(usize, u8),
    Delete(usize, usize),
    Insert(usize, Vec<u8>),
    RepeatLine(usize, usize),
    Truncate(usize),
}

pub(super) fn damage() -> impl Strategy<Value = Damage> {
    let pieces = prop_oneof![
        prop::collection::vec(any::<u8>(), 1..8),
        prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ": ",
            "- ",
            "? ",
            "&a ",
            "*a",
            "<<: ",
            "!env ",
            "!!",
            "\n",
            "\n  ",
            "\t",
            "'",
            "\"",
            "|\n",
            "#",
            "---\n",
            "%TAG",
            "~",
            "\0",
            "é",
            "\u{feff}",
            ", ",
            "aws/user",
            "via",
            "identity: ",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    prop_oneof![
        (any::<usize>(), any::<u8>()).prop_map(|(at, with)| Damage::Flip(at, with)),
        (any::<usize>(), 1..40_usize).prop_map(|(at, count)| Damage::Delete(at, count)),
        (any::<usize>(), pieces).prop_map(|(at, piece)| Damage::Insert(at, piece)),
        (any::<usize>(), any::<usize>()).prop_map(|(from, to)| Damage::RepeatLine(from, to)),
        any::<usize>().prop_map(Damage::Truncate),
    ]
}

pub(super) fn apply(mut bytes: Vec<u8>, damage: &Damage) -> Vec<u8> {
    let length = bytes.len();
    let within = |at: usize| at % (length + 1);
    match damage {
        Damage::Flip(at, with) => {
            if let Some(byte) = bytes.get_mut(within(*at)) {
                *byte ^= with;
            }
        }
        Damage::Delete(at, count) => {
            drop(bytes.drain(within(*at)..length.min(within(*at) + count)));
        }
        Damage::Insert(at, piece) => {
            drop(bytes.splice(within(*at)..within(*at), piece.iter().copied()));
        }
        Damage::RepeatLine(from, to) => {
            let mut lines: Vec<Vec<u8>> = bytes
                .split(|byte| *byte == b'\n')
                .map(<[u8]>::to_vec)
                .collect();
            let line = lines[from % lines.len()].clone();
            lines.insert(to % lines.len(), line);
            bytes = lines.join(&b'\n');
        }
        Damage::Truncate(at) => bytes.truncate(within(*at)),
    }
    bytes
}

/// Everything that can be asked of a configuration.
fn ask(config: &Config) {
    assert!(
        config
            .problems()
            .is_sorted_by_key(|problem| (problem.line, problem.column))
    );
    for problem in config.problems() {
        assert!(
            problem.line > 0 && problem.column > 0 && !problem.message.contains(['\n', '\0']),
            "{problem:?}"
        );
    }
    for identity in config.identities() {
        match config.chain(identity) {
            Ok(chain) => assert_eq!(chain.names(), config.chain_names(identity)),
            // A refusal always says where.
            Err(error) => assert!(
                error.code == Code::Unsupported || error.message.contains("line "),
                "{error}"
            ),
        }
    }
    for provider in config.providers() {
        let is_found = config
            .source(provider)
            .is_ok_and(|source| source.name == provider.name.as_str());
        assert_eq!(is_found, is_usable(config, provider));
        assert!(config.files(provider).is_ok());
    }
    let _ = config.default_identity();
}

fn is_usable(config: &Config, provider: &Provider) -> bool {
    let is_its_own = |problem: &&Problem| {
        problem.severity == Severity::Error
            && problem.subject == Blocked::Provider(provider.name.key())
    };
    config.usable().is_ok()
        && provider.is_supported
        && !config.problems().iter().any(|it| is_its_own(&it))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_file_is_a_configuration_or_an_error_and_never_a_panic(
        sample in prop::sample::select(vec![SAMPLE, ATMOS]),
        damages in prop::collection::vec(damage(), 1..12),
    ) {
        let bytes = damages.iter().fold(sample.as_bytes().to_vec(), apply);
        let home = Home::with(&bytes);
        let clock = crate::clock::Clock::system();
        let started = clock.now();
        match home.load() {
            Ok(config) => ask(&config),
            Err(error) => prop_assert!(matches!(error.code, Code::ConfigInvalid), "{error}"),
        }
        let took = clock.now().duration_since(started).unwrap_or_default();
        prop_assert!(took < Duration::from_secs(5), "took {took:?}");
    }
}

/// As much nonsense as may be read.
#[test]
fn a_file_full_of_nonsense_is_answered_soon() {
    let fill = |start: &str, lines: usize, line: fn(usize) -> String| {
        start
            .chars()
            .chain((0..lines).flat_map(|at| line(at).chars().collect::<Vec<_>>()))
            .collect::<String>()
    };
    let identities = "auth:\n  identities:\n";
    let files = [
        fill("auth:\n", 20_000, |at| format!("  unknown{at}: {at}\n")),
        fill(identities, 20_000, |at| format!("    \"n ame{at}\":\n")),
        fill(identities, 3_000, |at| {
            format!("    it-{at}: {{kind: aws/assume-role, via: {{identity: if-{at}}}}}\n")
        }),
        fill(
            "auth:\n  identities:\n    dev:\n      kind: aws/user\n",
            20_000,
            |at| format!("      {at}: 1\n"),
        ),
    ];
    let clock = crate::clock::Clock::system();
    for file in files {
        let started = clock.now();
        let config = load(&file);
        ask(&config);
        let took = clock.now().duration_since(started).unwrap_or_default();
        assert!(
            config.problems().len() > 3_000 && took < Duration::from_secs(30),
            "took {took:?}"
        );
    }
}
