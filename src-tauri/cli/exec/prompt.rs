//! The identity in the prompt of `fob shell`, and in the title of its window. Bash, zsh and fish
//! read a start file of ours, which reads the user's own first; other shells get a plain prompt. A
//! prompt that already shows FOB_IDENTITY is left as it is.

use super::folder::runtime_folder;
use keyfob_core::environment::Environment;
use keyfob_core::error::Result;
use keyfob_core::files::TemporaryFolder;
use std::path::Path;
use std::process::Command;

const BASH: &str = r#"[ -r ~/.bashrc ] && . ~/.bashrc
__fob_prompt() {
  case $PS1 in
    *FOB_IDENTITY* | "($FOB_IDENTITY) "*) return ;;
  esac
  PS1="($FOB_IDENTITY) $PS1"
  case $TERM in
    dumb | linux) ;;
    *) PS1="$PS1\[\e]0;fob: $FOB_IDENTITY\a\]" ;;
  esac
}
case $(declare -p PROMPT_COMMAND 2>/dev/null) in
  "declare -a"*) PROMPT_COMMAND+=("__fob_prompt 2>/dev/null") ;;
  *) PROMPT_COMMAND="${PROMPT_COMMAND:+$PROMPT_COMMAND
}__fob_prompt 2>/dev/null" ;;
esac
"#;

/// Read first, with ZDOTDIR as this program set it.
const ZSHENV: &str = r#"__fob_folder=$ZDOTDIR
if (( ${+FOB_ZDOTDIR} )); then export ZDOTDIR=$FOB_ZDOTDIR; else unset ZDOTDIR; fi
unset FOB_ZDOTDIR
[[ -r ${ZDOTDIR:-$HOME}/.zshenv ]] && . "${ZDOTDIR:-$HOME}/.zshenv"
__fob_zdotdir=$ZDOTDIR
ZDOTDIR=$__fob_folder
"#;

const ZSHRC: &str = r#"if [[ -n $__fob_zdotdir ]]; then export ZDOTDIR=$__fob_zdotdir; else unset ZDOTDIR; fi
[[ $HISTFILE == $__fob_folder/* ]] && HISTFILE=${ZDOTDIR:-$HOME}/${HISTFILE:t}
unset __fob_folder __fob_zdotdir
[[ -r ${ZDOTDIR:-$HOME}/.zshrc ]] && . "${ZDOTDIR:-$HOME}/.zshrc"
__fob_prompt() {
  [[ $PROMPT == *FOB_IDENTITY* || $PROMPT == "($FOB_IDENTITY) "* ]] || PROMPT="($FOB_IDENTITY) $PROMPT"
  [[ $TERM == (dumb|linux) ]] || print -n "\e]0;fob: $FOB_IDENTITY\a"
}
autoload -Uz add-zsh-hook && add-zsh-hook precmd __fob_prompt
"#;

const FISH: &str = r#"functions -q fish_prompt; and functions -c fish_prompt __fob_prompt
function fish_prompt
    string match -q '*FOB_IDENTITY*' (functions __fob_prompt); or echo -n "($FOB_IDENTITY) "
    functions -q __fob_prompt; and __fob_prompt
end
function fish_title
    echo "fob: $FOB_IDENTITY"
end
"#;

/// Set up for `command`, a shell; the files live as long as the result.
pub fn show_identity(
    command: &mut Command,
    identity: &str,
    environment: &Environment,
) -> Result<TemporaryFolder> {
    let folder = TemporaryFolder::create("fob-shell-", &runtime_folder(environment)?)?;
    let shell = Path::new(command.get_program()).file_stem();
    match shell.and_then(|name| name.to_str()) {
        Some("bash") => {
            let file = folder.write("bashrc", BASH)?;
            command.arg("--rcfile").arg(file);
        }
        Some("zsh") => {
            folder.write(".zshenv", ZSHENV)?;
            folder.write(".zshrc", ZSHRC)?;
            if let Some(own) = environment.raw("ZDOTDIR") {
                command.env("FOB_ZDOTDIR", own);
            }
            command.env("ZDOTDIR", folder.path());
        }
        Some("fish") => {
            command.args(["--init-command", FISH]);
        }
        Some("cmd") => {
            command.env("PROMPT", format!("({identity}) $P$G"));
        }
        Some(_) | None => {
            command.env("PS1", format!("({identity}) $ "));
        }
    }
    Ok(folder)
}
