//! `fob rds exec`: a command, or a shell, with the variables that database clients read. This
//! process becomes the command: a token is for opening connections, and not renewed behind its
//! back.

use crate::conversation::expect_reply;
use crate::exec::{command, replace_by, usual_shell};
use crate::invocation::Invocation;
use crate::rds_args::RdsExecArgs;
use crate::sign_in::sign_in_when_due;
use crate::stop::Stop;
use keyfob_core::agent::api::{
    DatabaseChoice, DatabaseToken, DatabaseTokenRequest, OpenedWith, Renewal, SessionRequest,
};
use keyfob_core::config::{Database, Engine};
use keyfob_core::environment::Environment;
use keyfob_core::error::{Code, Error};
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// libpq prefers what these name to the variables that are set here.
const OTHER_LOGINS: [&str; 3] = ["PGHOSTADDR", "PGPASSFILE", "PGSERVICE"];
/// A server asks for a token as for any password in clear text, and these refuse that.
const NO_CLEAR_TEXT: [&str; 2] = ["PGCHANNELBINDING", "PGREQUIREAUTH"];

pub fn exec(invocation: &Invocation, args: &RdsExecArgs) -> Result<i32, Stop> {
    let config = invocation.config()?;
    let database = config.database(&args.name)?.clone();
    if let Some(ca) = args.ca.as_deref().filter(|ca| !ca.is_file()) {
        let message = format!("--ca names {}, which is no file", ca.display());
        return Err(Error::new(Code::Usage, message)
            .hint("AWS's certificates: https://truststore.pki.rds.amazonaws.com")
            .into());
    }
    let mut conversation = invocation.conversation(config)?;
    let browser = invocation.environment.browser();
    let identity = database.identity.as_str();
    sign_in_when_due(&mut conversation, identity, None, browser)?;
    let request = SessionRequest::DatabaseToken(DatabaseTokenRequest {
        database: DatabaseChoice::Named(database.name.to_string()),
        renewal: Renewal::WhenDue,
        with: OpenedWith::Either,
    });
    let login = expect_reply!(conversation.ask(request, None)?, DatabaseToken)?;
    let mut command = if args.command.is_empty() {
        let text = format!("Opening a shell for {}; `exit` leaves it", database.name);
        invocation.terminal.say(&text);
        Command::new(usual_shell(&invocation.environment))
    } else {
        command(invocation, &args.command)?
    };
    match database.engine {
        Engine::Postgres => {
            postgres(&mut command, &database, &login);
            trust(&mut command, args.ca.as_deref(), &invocation.environment);
        }
        Engine::Mysql | Engine::Mariadb => {
            mysql(&mut command, &login);
            say_options(invocation, &command, &login);
        }
    }
    Ok(replace_by(invocation, command))
}

fn postgres(command: &mut Command, database: &Database, login: &DatabaseToken) {
    for name in OTHER_LOGINS {
        command.env_remove(name);
    }
    if database.password_secret.is_none() {
        for name in NO_CLEAR_TEXT {
            command.env_remove(name);
        }
    }
    command
        .env("PGHOST", &login.host)
        .env("PGPORT", login.port.to_string())
        .env("PGUSER", &login.user)
        .env("PGPASSWORD", login.token.expose());
}

/// The server's certificate is checked where it is known by whom it may be issued. What the user
/// set that checks more stays.
fn trust(command: &mut Command, ca: Option<&Path>, environment: &Environment) {
    let set = |name: &str| environment.raw(name).filter(|value| !value.is_empty());
    if let Some(ca) = ca {
        command.env("PGSSLROOTCERT", ca);
    }
    let own = environment.home().map(|home| {
        if cfg!(windows) {
            home.join("AppData/Roaming/postgresql/root.crt")
        } else {
            home.join(".postgresql/root.crt")
        }
    });
    let is_known =
        ca.is_some() || set("PGSSLROOTCERT").is_some() || own.is_ok_and(|own| own.exists());
    let is_checked = set("PGSSLMODE").is_some_and(|mode| mode == "verify-full");
    if !is_checked {
        let mode = if is_known { "verify-full" } else { "require" };
        command.env("PGSSLMODE", mode);
    }
}

/// Those of `mysql`, and of its library.
fn mysql(command: &mut Command, login: &DatabaseToken) {
    command
        .env("MYSQL_HOST", &login.host)
        .env("MYSQL_TCP_PORT", login.port.to_string())
        .env("MYSQL_USER", &login.user)
        .env("MYSQL_PWD", login.token.expose())
        .env("LIBMYSQL_ENABLE_CLEARTEXT_PLUGIN", "1");
}

/// No client of MySQL takes the user from a variable, and `localhost` is a socket to them.
fn say_options(invocation: &Invocation, command: &Command, login: &DatabaseToken) {
    let has = |options: [&str; 2]| {
        let mut words = command.get_args().filter_map(OsStr::to_str);
        words.any(|word| options.iter().any(|option| word.starts_with(option)))
    };
    if !has(["-u", "--user"]) {
        let user = &login.user;
        invocation.terminal.say(&format!(
            "MySQL's clients take no user from a variable: add --user={user}"
        ));
    }
    if login.host == "localhost" && !has(["-h", "--protocol"]) {
        let text = "MySQL's clients take localhost for a socket: add --protocol=tcp";
        invocation.terminal.say(text);
    }
}
