//! Completion as bash and zsh do it: the real shells, the script that `fob completion` prints,
//! names of the configuration.

use crate::home::Home;
use std::process::Command;

const CONFIG: &str = r"auth:
  providers:
    corp-sso: { kind: aws/iam-identity-center, region: eu-central-1, start_url: https://corp.awsapps.com/start }
  identities:
    dev-admin: { kind: aws/user }
    dev-ops: { kind: aws/user }
    prod: { kind: aws/user }
  databases:
    orders: { engine: postgres, host: db.example, user: app, via: { identity: prod } }
    orders-old: { engine: postgres, host: db.example, user: app, via: { identity: prod } }
";

/// What a shell prints that runs `script` with `fob` on its path.
fn shell(program: &str, home: &Home, script: &str) -> Vec<String> {
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_fob"))
        .parent()
        .expect("a folder")
        .display()
        .to_string();
    let flags: &[&str] = if program == "zsh" {
        &["-f", "-c"]
    } else {
        &["--norc", "-c"]
    };
    let mut shell = Command::new(program);
    shell
        .args(flags)
        .arg(script)
        .env_clear()
        .env("HOME", home.path())
        .env("FOB_CONFIG", home.config());
    shell
        .env("PATH", format!("{folder}:/usr/local/bin:/usr/bin:/bin"))
        .env("TERM", "dumb")
        .current_dir(home.path());
    let ran = shell.output().unwrap_or_else(|cause| {
        panic!("{program} is needed for this test: {cause}; ./x test installs it")
    });
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(
        ran.status.success(),
        "{program}: {said}{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    said.lines()
        .map(|line| line.trim().to_owned())
        .filter(|line| !line.is_empty())
        .collect()
}

/// Calls the function that the script registered, as bash does when Tab is pressed after `words`.
fn bash(home: &Home, words: &[&str]) -> Vec<String> {
    let quoted = words
        .iter()
        .map(|word| format!("'{word}'"))
        .collect::<Vec<_>>()
        .join(" ");
    let script = format!(
        "source <(fob completion bash); set -- $(complete -p fob); while [ \"$1\" != -F ]; do shift; done
         COMP_WORDS=({quoted}); COMP_CWORD={}; COMP_TYPE=9; COMP_LINE='{}'; COMP_POINT=${{#COMP_LINE}}
         \"$2\" fob '{}' ''; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.len() - 1,
        words.join(" "),
        words[words.len() - 1],
    );
    shell("bash", home, &script)
}

/// The same in zsh; `compadd` and `_describe` would draw a menu, here they say what they were
/// given.
fn zsh(home: &Home, words: &[&str]) -> Vec<String> {
    let quoted = words
        .iter()
        .map(|word| format!("'{word}'"))
        .collect::<Vec<_>>()
        .join(" ");
    let script = format!(
        "compdef() {{ registered=$1 }}; source <(fob completion zsh)
         _describe() {{ print -l -- \"${{(@P)${{@[$#]}}}}\" }}; compadd() {{ print -l -- \"$@\" }}
         words=({quoted}); CURRENT={}; $registered",
        words.len(),
    );
    shell("zsh", home, &script)
}

#[test]
fn bash_completes_identities_providers_and_databases_from_the_configuration() {
    let home = Home::with(CONFIG);
    assert_eq!(
        bash(&home, &["fob", "logout", "dev-"]),
        ["dev-admin", "dev-ops"]
    );
    assert_eq!(
        bash(&home, &["fob", "logout", "--provider", "c"]),
        ["corp-sso"]
    );
    assert_eq!(
        bash(&home, &["fob", "login", "--provider", "aws"]),
        ["aws-user"]
    );
    assert_eq!(bash(&home, &["fob", "repair", "p"]), ["prod"]);
    assert_eq!(
        bash(&home, &["fob", "rds", "token", "o"]),
        ["orders", "orders-old"]
    );
    assert_eq!(
        bash(
            &home,
            &["fob", "rds", "token", "--host", "h", "--user", "u", "p"]
        ),
        ["prod"]
    );
    assert!(bash(&home, &["fob", "logo"]).contains(&"logout".to_owned()));
}

#[test]
fn zsh_completes_identities_and_providers_from_the_configuration() {
    let home = Home::with(CONFIG);
    let offered = |words: &[&str]| zsh(&home, words).join("\n");
    let identities = offered(&["fob", "logout", "dev-"]);
    assert!(
        identities.contains("dev-admin") && identities.contains("dev-ops"),
        "{identities}"
    );
    assert!(!identities.contains("prod"), "{identities}");
    let providers = offered(&["fob", "logout", "--provider", "c"]);
    assert!(
        providers.contains("corp-sso") && !providers.contains("aws-user"),
        "{providers}"
    );
}
