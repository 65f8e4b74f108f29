use super::*;
use clap::CommandFactory;

fn parse(line: &str) -> Result<CommandLine, clap::error::ErrorKind> {
    CommandLine::of(&words(line)).map_err(|error| error.kind())
}

#[test]
fn the_command_line_is_consistent() {
    CommandLine::command().debug_assert();
}

fn words(line: &str) -> Vec<OsString> {
    line.split(' ').map(OsString::from).collect()
}

#[test]
fn the_lines_of_programs_are_read_as_clap_reads_them() {
    let both = |line: &str| {
        [
            CommandLine::of(&words(line)),
            CommandLine::try_parse_from(words(line)),
        ]
    };
    for line in [
        "fob --config /home/kim/config.yaml credential-process dev",
        "fob credential-process help",
        "fob rds token orders",
        "fob --config /home/kim/config.yaml rds token orders",
    ] {
        assert!(CommandLine::of_a_program(&words(line)).is_some(), "{line}");
        let [ours, claps] = both(line).map(|it| format!("{:?}", it.expect(line)));
        assert_eq!(ours, claps);
    }
    for line in [
        "fob --config  credential-process dev",
        "fob --config --json credential-process dev",
        "fob credential-process --help",
        "fob credential-process dev ops",
        "fob credential-process",
        "fob help credential-process",
        "fob rds token orders lake",
        "fob rds token --help",
        "fob rds tokens orders",
        "fob",
    ] {
        assert!(CommandLine::of_a_program(&words(line)).is_none(), "{line}");
        let [ours, claps] = both(line).map(|it| it.expect_err(line).to_string());
        assert_eq!(ours, claps);
    }
}

#[test]
fn global_flags_stand_before_and_after_the_command_and_auth_changes_nothing() {
    for line in [
        "fob --json -i kim --config a.yaml -vv -q --no-input --no-agent --color never whoami --offline",
        "fob whoami --offline --json -i kim --config a.yaml -vv -q --no-input --no-agent --color never",
        "fob --json -i kim auth whoami --offline -q --config a.yaml -vv --no-input --no-agent --color never",
    ] {
        let CommandLine {
            global, command, ..
        } = parse(line).expect(line);
        let command = command.expect("a command").command();
        assert!(
            matches!(
                command,
                Command::Whoami(WhoamiArgs {
                    offline: true,
                    named: IdentityArgs { name: None }
                })
            ),
            "{line}"
        );
        assert!(
            global.json && global.quiet && global.no_input && global.no_agent,
            "{line}"
        );
        assert_eq!(
            (global.identity.as_deref(), global.verbose),
            (Some("kim"), 2),
            "{line}"
        );
        assert_eq!(
            (global.config, global.color),
            (Some("a.yaml".into()), ColorChoice::Never),
            "{line}"
        );
    }
}

#[test]
fn the_command_of_exec_keeps_its_own_flags() {
    let line =
        parse("fob exec kim --duration 2h -- aws --json -i x --help").expect("a command line");
    let Some(Command::Exec(exec)) = line.command.map(CommandEntry::command) else {
        panic!("exec")
    };
    assert_eq!(exec.command, ["aws", "--json", "-i", "x", "--help"]);
    assert_eq!(
        (
            exec.named.name.as_deref(),
            exec.with.duration.map(SessionDuration::seconds)
        ),
        (Some("kim"), Some(7200))
    );
    assert!(!line.global.json && line.global.identity.is_none());
}

#[test]
fn what_cannot_be_meant_is_wrong_usage() {
    for line in [
        "fob login --duration 12x",
        "fob login --duration 0",
        "fob login --mfa-code 12345",
        "fob login kim --provider corp-sso",
        "fob login -i kim --provider corp-sso",
        "fob env --duration 1h",
        "fob user configure --stdin --csv a.csv",
        "fob exec kim",
        "fob exec kim aws",
        "fob credential-process",
        "fob logout kim --all",
        "fob logout --all --provider corp-sso",
        "fob logout --all --keep-provider",
        "fob logout -i kim --provider corp-sso",
        "fob auth auth login",
        "fob auth",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
}
