//! `env:` of an identity: variables for the programs that are run with it. Those by which a file
//! could run programs of its own, or that Keyfob sets itself, are refused.

use super::reader::{Fields, Single};
use super::sensitive::{PartKind, SensitivePart};
use super::values;
use super::yaml::Value;
use crate::error::{Code, Error, Result, shorten};

const LOADER: &str = "it makes the loader run other code in every program";
const SHELL: &str = "shells run what it says when they start, or find other programs by it";
const INTERPRETER: &str = "an interpreter runs other code by it";
const PROGRAM: &str = "it names a program that others run";
const HOME: &str = "it decides where programs look for their settings";
const CREDENTIALS: &str =
    "Keyfob sets or removes it itself, so that the credentials are the identity's";
const OURS: &str = "it steers Keyfob itself";

/// Terraform's inputs: no program reads another meaning into their names.
const DATA: &str = "TF_VAR_";

/// Names that are refused, and why; `…*` stands for all that begin so, `*…` for all that end so.
const REFUSED: &[(&str, &str)] = &[
    ("LD_*", LOADER),
    ("DYLD_*", LOADER),
    ("GLIBC_TUNABLES", LOADER),
    ("GCONV_PATH", LOADER),
    ("OPENSSL_*", LOADER),
    ("GTK_MODULES", LOADER),
    ("GTK_PATH", LOADER),
    ("GIO_EXTRA_MODULES", LOADER),
    ("GIO_MODULE_DIR", LOADER),
    ("QT_PLUGIN_PATH", LOADER),
    ("PATH", SHELL),
    ("PATHEXT", SHELL),
    ("COMSPEC", SHELL),
    ("SHELL", SHELL),
    ("ENV", SHELL),
    ("BASH_*", SHELL),
    ("BASHOPTS", SHELL),
    ("SHELLOPTS", SHELL),
    ("ZDOTDIR", SHELL),
    ("IFS", SHELL),
    ("CDPATH", SHELL),
    ("FPATH", SHELL),
    ("PS0", SHELL),
    ("PS1", SHELL),
    ("PS2", SHELL),
    ("PS4", SHELL),
    ("PROMPT_COMMAND", SHELL),
    ("PSMODULEPATH", SHELL),
    ("NODE_OPTIONS", INTERPRETER),
    ("NODE_PATH", INTERPRETER),
    ("PYTHON*", INTERPRETER),
    ("PERL5*", INTERPRETER),
    ("PERLLIB", INTERPRETER),
    ("RUBYOPT", INTERPRETER),
    ("RUBYLIB", INTERPRETER),
    ("GEM_HOME", INTERPRETER),
    ("GEM_PATH", INTERPRETER),
    ("BUNDLE_*", INTERPRETER),
    ("NPM_CONFIG_*", INTERPRETER),
    ("LUA_INIT*", INTERPRETER),
    ("LUA_PATH*", INTERPRETER),
    ("LUA_CPATH*", INTERPRETER),
    ("R_PROFILE*", INTERPRETER),
    ("R_ENVIRON*", INTERPRETER),
    ("ERL_*", INTERPRETER),
    ("JULIA_LOAD_PATH", INTERPRETER),
    ("VIMINIT", INTERPRETER),
    ("EXINIT", INTERPRETER),
    ("EMACSLOADPATH", INTERPRETER),
    ("PHPRC", INTERPRETER),
    ("PHP_INI_SCAN_DIR", INTERPRETER),
    ("CLASSPATH", INTERPRETER),
    ("JAVA_TOOL_OPTIONS", INTERPRETER),
    ("JDK_JAVA_OPTIONS", INTERPRETER),
    ("_JAVA_OPTIONS", INTERPRETER),
    ("JAVA_HOME", INTERPRETER),
    ("JAVA_OPTS", INTERPRETER),
    ("MAVEN_OPTS", INTERPRETER),
    ("GRADLE_OPTS", INTERPRETER),
    ("COR_*", INTERPRETER),
    ("CORECLR_*", INTERPRETER),
    ("DOTNET_STARTUP_HOOKS", INTERPRETER),
    ("*ASKPASS", PROGRAM),
    ("*BROWSER", PROGRAM),
    ("*EDITOR", PROGRAM),
    ("*PAGER", PROGRAM),
    ("*_COMMAND", PROGRAM),
    ("*_RSH", PROGRAM),
    ("VISUAL", PROGRAM),
    ("SSH_ASKPASS*", PROGRAM),
    ("SVN_SSH", PROGRAM),
    ("BORG_PASSCOMMAND", PROGRAM),
    ("LESS*", PROGRAM),
    ("MANOPT", PROGRAM),
    ("FZF_*", PROGRAM),
    ("TAR_OPTIONS", PROGRAM),
    ("RIPGREP_CONFIG_PATH", PROGRAM),
    ("WGETRC", PROGRAM),
    ("PSQLRC", PROGRAM),
    ("MYSQL_HOME", PROGRAM),
    ("GIT_COMMON_DIR", PROGRAM),
    ("GIT_CONFIG*", PROGRAM),
    ("GIT_DIR", PROGRAM),
    ("GIT_EXEC_PATH", PROGRAM),
    ("GIT_EXTERNAL_DIFF", PROGRAM),
    ("GIT_SSH*", PROGRAM),
    ("GIT_TEMPLATE_DIR", PROGRAM),
    ("HGRCPATH", PROGRAM),
    ("CC", PROGRAM),
    ("CXX", PROGRAM),
    ("MAKEFILES", PROGRAM),
    ("MAKEFLAGS", PROGRAM),
    ("GNUMAKEFLAGS", PROGRAM),
    ("GOENV", PROGRAM),
    ("GOFLAGS", PROGRAM),
    ("GOROOT", PROGRAM),
    ("RUSTC*", PROGRAM),
    ("CARGO_BUILD_*", PROGRAM),
    ("CARGO_TARGET_*", PROGRAM),
    ("DOCKER_CONFIG", PROGRAM),
    ("HELM_PLUGINS", PROGRAM),
    ("KUBECTL_EXTERNAL_DIFF", PROGRAM),
    ("TERRAFORM_CONFIG", PROGRAM),
    ("TF_CLI_CONFIG_FILE", PROGRAM),
    ("TF_REATTACH_PROVIDERS", PROGRAM),
    ("ANSIBLE_CONFIG", PROGRAM),
    ("ANSIBLE_LIBRARY", PROGRAM),
    ("ANSIBLE_VAULT_PASSWORD_FILE", PROGRAM),
    ("HOME", HOME),
    ("CURL_HOME", HOME),
    ("GNUPGHOME", HOME),
    ("USERPROFILE", HOME),
    ("APPDATA", HOME),
    ("LOCALAPPDATA", HOME),
    ("XDG_*", HOME),
    ("AWS_ACCESS_KEY_ID", CREDENTIALS),
    ("AWS_SECRET_ACCESS_KEY", CREDENTIALS),
    ("AWS_SESSION_TOKEN", CREDENTIALS),
    ("AWS_SECURITY_TOKEN", CREDENTIALS),
    ("AWS_CREDENTIAL_EXPIRATION", CREDENTIALS),
    ("AWS_PROFILE", CREDENTIALS),
    ("AWS_DEFAULT_PROFILE", CREDENTIALS),
    ("AWS_CONFIG_FILE", CREDENTIALS),
    ("AWS_SHARED_CREDENTIALS_FILE", CREDENTIALS),
    ("AWS_ROLE_ARN", CREDENTIALS),
    ("AWS_ROLE_SESSION_NAME", CREDENTIALS),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", CREDENTIALS),
    ("AWS_CONTAINER_*", CREDENTIALS),
    ("FOB_*", OURS),
    ("KEYFOB_*", OURS),
];

/// `env: [ { key: TF_VAR_stage, value: lake } ]`
pub(super) fn variables(fields: &Fields<'_>) -> Vec<(String, String)> {
    let Some(all) = fields.below("env") else {
        return Vec::new();
    };
    let problems = fields.problems();
    let Value::Sequence(items) = &all.node.value else {
        let noun = all.node.noun();
        let message =
            format!("{noun} where a list is expected: `[ {{ key: NAME, value: VALUE }} ]`");
        problems.error(&all.location, message);
        return Vec::new();
    };
    let mut variables = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let location = all.location.below(&index.to_string(), item.at);
        let item = Fields::new(fields.reader, item, location);
        let key = item.required("key", name);
        let value = value(&item);
        item.finish("`env`", &[]);
        let Some((key, value)) = key.zip(value) else {
            continue;
        };
        let exact = match &value.variable {
            Some(variable) => format!("{key}=!env {variable}"),
            None => format!("{key}={}", *value.text),
        };
        let path = &all.location.path;
        fields.is_sensitive(SensitivePart::new(PartKind::Sets, path, &exact, &key));
        variables.push((key, value.text.to_string()));
    }
    variables
}

fn name(text: &str) -> Result<String> {
    let name = values::variable_name(text)?;
    // Windows knows no case.
    let upper = name.to_ascii_uppercase();
    let is_meant = |pattern: &str| match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => upper.ends_with(end) && !upper.starts_with(DATA),
        (None, Some(start)) => upper.starts_with(start),
        (None, None) => upper == pattern,
    };
    match REFUSED.iter().find(|(pattern, _)| is_meant(pattern)) {
        None => Ok(name),
        Some((_, why)) => {
            let message = format!("the variable {} cannot be set here: {why}", shorten(&name));
            Err(Error::new(Code::InvalidInput, message))
        }
    }
}

/// Anything but NUL, and it may be empty.
fn value(item: &Fields<'_>) -> Option<Single> {
    let value = item.maybe_empty("value").ok()?;
    let Some(value) = value else {
        item.problems().error(&item.location, "`value` is missing");
        return None;
    };
    if value.text.contains('\0') {
        let message = "an environment variable cannot hold a NUL character";
        item.problems().error(&value.location, message);
        return None;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_names_a_program_to_be_run_is_refused_and_one_that_is_data_is_not() {
        for (refused, why) in [
            ("PAGER", PROGRAM),
            ("AWS_PAGER", PROGRAM),
            ("MANPAGER", PROGRAM),
            ("Editor", PROGRAM),
            ("KUBE_EDITOR", PROGRAM),
            ("GIT_SEQUENCE_EDITOR", PROGRAM),
            ("GIT_SSH_COMMAND", PROGRAM),
            ("GIT_PROXY_COMMAND", PROGRAM),
            ("GIT_DIR", PROGRAM),
            ("SUDO_ASKPASS", PROGRAM),
            ("LESS", PROGRAM),
            ("RESTIC_PASSWORD_COMMAND", PROGRAM),
            ("RUSTC_WRAPPER", PROGRAM),
            ("npm_config_script_shell", INTERPRETER),
            ("OPENSSL_CONF", LOADER),
            ("PROMPT_COMMAND", SHELL),
        ] {
            let error = name(refused).expect_err(refused);
            assert!(error.message.ends_with(why), "{error}");
        }
        for data in [
            "TF_VAR_editor",
            "TF_VAR_start_command",
            "GIT_AUTHOR_NAME",
            "AWS_REGION",
            "KUBECONFIG",
            "STAGE",
        ] {
            assert_eq!(name(data).expect(data), data);
        }
    }
}
