//! `fob env`: variables on stdout, or in a file that only this user can read.

use crate::args::{EnvArgs, VariablesFormat};
use crate::conversation::expect_reply;
use crate::invocation::Invocation;
use crate::render::{self, Lifetime};
use crate::sign_in::sign_in_when_due;
use crate::stop::Stop;
use crate::terminal::{Shape, print_exact, print_to_people};
use keyfob_core::agent::api::{Request, SessionRequest, VariablesForm};
use keyfob_core::clock::Clock;
use keyfob_core::environment::Environment;
use keyfob_core::error::{Code, Error, Result};
use keyfob_core::files;
use keyfob_core::view::time::until;
use std::path::Path;

pub fn env(invocation: &Invocation, args: &EnvArgs) -> Result<u8, Stop> {
    let format = match (args.format, invocation.terminal.shape) {
        (Some(format), _) => format,
        (None, Shape::Json) => VariablesFormat::Json,
        (None, Shape::Text) => usual_format(&invocation.environment),
    };
    if format == VariablesFormat::Github && args.out.is_some() {
        return Err(Error::new(
            Code::Usage,
            "`--out` replaces a file, but GITHUB_ENV must be appended to",
        )
        .hint("fob env --format github >> \"$GITHUB_ENV\"")
        .into());
    }
    let (identity, mut conversation) =
        invocation.about(args.named.name.as_deref(), invocation.person)?;
    let form = if args.static_keys {
        VariablesForm::Static
    } else {
        VariablesForm::Profile
    };
    if form == VariablesForm::Static {
        let browser = invocation.environment.browser();
        sign_in_when_due(&mut conversation, &identity, args.duration, browser)?;
    }
    let request = Request::Session(SessionRequest::Variables {
        identity: identity.clone(),
        form,
    });
    let variables = expect_reply!(conversation.ask(request, None)?, Variables)?;
    let until = variables
        .expires_at
        .map(|end| until(end, Clock::system().now()));
    if let Some(path) = &args.out {
        let text = render::variables(
            format,
            &variables,
            Some(Lifetime {
                identity: &identity,
                until: until.as_deref(),
            }),
        )?;
        write_private(path, &text)?;
        invocation
            .terminal
            .say(&format!("Wrote {}", path.display()));
        return Ok(0);
    }
    if (format, form) == (VariablesFormat::Github, VariablesForm::Static) {
        // The runner reads commands from stderr too, and stdout goes to the file.
        print_to_people(&render::masks(&variables));
    }
    print_exact(&render::variables(format, &variables, None)?)?;
    Ok(0)
}

fn usual_format(environment: &Environment) -> VariablesFormat {
    let shell = environment
        .raw("SHELL")
        .map(Path::new)
        .and_then(Path::file_stem)
        .and_then(|name| name.to_str());
    match shell {
        Some("fish") => VariablesFormat::Fish,
        Some("pwsh" | "powershell") => VariablesFormat::PowerShell,
        None if cfg!(windows) => VariablesFormat::PowerShell,
        Some(_) | None => VariablesFormat::Bash,
    }
}

/// Whole, and private from the first instant.
fn write_private(path: &Path, text: &str) -> Result<()> {
    files::replace(&Path::new(".").join(path), text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_follows_the_shell() {
        for (shell, format) in [
            ("/usr/bin/fish", VariablesFormat::Fish),
            ("/usr/bin/pwsh", VariablesFormat::PowerShell),
            ("/bin/zsh", VariablesFormat::Bash),
            #[cfg(not(windows))]
            ("", VariablesFormat::Bash),
            #[cfg(windows)]
            ("", VariablesFormat::PowerShell),
        ] {
            assert_eq!(
                usual_format(&Environment::of([("SHELL", shell)])),
                format,
                "{shell}"
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_written_file_is_private_whatever_was_there_before() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("aws.env");
        std::fs::write(&path, "old and much longer than what follows").expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("changed");
        write_private(&path, "new").expect("written");
        let mode = std::fs::metadata(&path)
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(
            (
                std::fs::read_to_string(&path).expect("text").as_str(),
                mode & 0o777
            ),
            ("new", 0o600)
        );
        assert_eq!(
            std::fs::read_dir(folder.path()).expect("a folder").count(),
            1,
            "nothing is left beside it"
        );
        let error = write_private(&folder.path().join("missing/aws.env"), "new")
            .expect_err("no such folder");
        assert_eq!(error.code, Code::FilesUnwritable);
    }
}
