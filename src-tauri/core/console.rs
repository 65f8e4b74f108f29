//! Links into the AWS console: the session that one takes, and what it means when AWS gives none.
//! A link is made anew for each caller and kept nowhere.

use crate::ask::Note;
use crate::aws::{ConsoleDoor, Fault, FaultKind, LINK_LIFE, Signer};
use crate::config::{Chain, Kind, Link};
use crate::duration::{SessionDuration, SessionKind};
use crate::error::{Code, Error, Result};
use crate::providers::{place, signs_with_keys};
use crate::secret::{Secret, Session};
use crate::world::World;
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

/// At most so many roles are named to a user who has to choose another identity.
const MOST_NAMED: usize = 3;

/// Signs a browser in to the console.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConsoleLink {
    /// Signs in any person who has it.
    #[serde(with = "crate::secret::on_the_wire")]
    pub url: Secret,
    /// The last moment to open it; the browser's session goes on after that.
    #[serde(with = "crate::clock::moment")]
    pub expires_at: SystemTime,
    /// As it was looked up.
    pub identity: String,
}

/// The identity that the console opens for, and the place in it.
#[derive(Clone, Debug)]
pub struct ConsoleTarget {
    chain: Chain,
    door: ConsoleDoor,
    duration: Option<SessionDuration>,
    warning: Option<String>,
}

impl ConsoleTarget {
    pub fn identity(&self) -> &str {
        self.chain.identity.as_str()
    }
}

/// Asks no person: what the console does not take is refused here, before a user signs in for it.
/// `duration`: of the browser's session, in place of what is written.
pub fn console(
    world: &World,
    identity: &str,
    destination: Option<&str>,
    duration: Option<SessionDuration>,
) -> Result<ConsoleTarget> {
    let chain = world.chain(identity)?;
    if let [
        Link {
            kind: Kind::User(_),
            ..
        },
    ] = chain.links()
    {
        return Err(only_roles(world, &chain, "this is an IAM user"));
    }
    let door = world.aws.console_door(place(chain.target()), destination)?;
    let (duration, warning) = lasting(&chain, duration);
    Ok(ConsoleTarget {
        chain,
        door,
        duration,
        warning,
    })
}

/// `session` is the identity's own, as a sign-in has just given it.
pub async fn console_link(
    world: &World,
    session: &Session,
    target: &ConsoleTarget,
) -> Result<(ConsoleLink, Vec<Note>)> {
    let ConsoleTarget {
        chain,
        door,
        duration,
        warning,
    } = target;
    let identity = &chain.identity;
    if session.token.is_none() {
        return Err(only_roles(world, chain, "these are long-lived keys"));
    }
    if world.store.sign_outs.since(identity.as_str())?.is_some() {
        return Err(
            Error::new(Code::SignedOut, format!("{identity} is signed out"))
                .hint(format!("fob login {identity}"))
                .identity(identity),
        );
    }
    let asked_at = world.clock.now();
    let url = match world.aws.console_link(session, door, *duration).await {
        Ok(url) => url,
        Err(fault) => {
            return Err(no_link(world, session, target, fault)
                .await
                .identity(identity));
        }
    };
    tracing::info!(%identity, "a link into the console was made");
    let expires_at = session.expires_at.min(asked_at + LINK_LIFE);
    let link = ConsoleLink {
        url,
        expires_at,
        identity: identity.to_string(),
    };
    Ok((link, warning.iter().cloned().map(Note::Warning).collect()))
}

/// The sign-in endpoint says no without saying why; STS tells whether it is the session.
async fn no_link(world: &World, session: &Session, target: &ConsoleTarget, fault: Fault) -> Error {
    let ConsoleTarget {
        chain, duration, ..
    } = target;
    let (identity, place) = (&chain.identity, place(chain.target()));
    if fault.kind != FaultKind::Other {
        return fault.into_error(place.region);
    }
    let anew = format!("fob login {identity} --force");
    let refused = match world
        .aws
        .caller_identity(Signer::Session(session), place)
        .await
    {
        Err(why) if matches!(why.kind, FaultKind::UnknownKeys | FaultKind::Expired) => {
            let message = format!("AWS does not accept the session of {identity} any more");
            let error = Error::new(Code::SessionExpired, message).hint(anew);
            return why.code.into_iter().fold(error, Error::aws_code);
        }
        Ok(_) | Err(_) => format!(
            "{identity}: AWS gave no link into the console: {}",
            fault.message
        ),
    };
    let error = Error::new(Code::AwsError, refused);
    let error = match duration {
        Some(asked) => error.hint(format!(
            "AWS may not allow {asked}: leave out console.session_duration of {}",
            chain.provider
        )),
        None => error,
    };
    error
        .hint("the console takes sessions of a role")
        .hint(anew)
}

/// AWS federates sessions of roles, and neither users nor their sessions.
fn only_roles(world: &World, chain: &Chain, but: &str) -> Error {
    let identity = &chain.identity;
    let message = format!("{identity}: the console takes sessions of a role, and {but}");
    let error = Error::new(Code::Unsupported, message).identity(identity);
    let through = |it: &Chain| it.links().len() > 1 && it.names().contains(&identity.as_str());
    let chains = world
        .config
        .identities()
        .iter()
        .filter_map(|it| world.config.chain(it).ok());
    let roles: Vec<_> = chains
        .filter(through)
        .map(|it| it.identity.to_string())
        .take(MOST_NAMED)
        .collect();
    if roles.is_empty() {
        error.hint(
            "sign in to a role through it: an identity of kind aws/assume-role with `via` this one",
        )
    } else {
        error.hint(format!(
            "sign in to a role through it: {}",
            roles.join(", ")
        ))
    }
}

/// The duration requested for the browser's session. A role that was assumed with a session gets
/// none: AWS refuses it there.
fn lasting(
    chain: &Chain,
    wanted: Option<SessionDuration>,
) -> (Option<SessionDuration>, Option<String>) {
    let (takes_one, written) = match chain.links() {
        [
            Link {
                kind: Kind::IdentityCenter(center),
                ..
            },
            Link {
                kind: Kind::PermissionSet(_),
                ..
            },
        ] => (true, center.console_session_duration),
        links => (signs_with_keys(chain, links.len() - 1, None), None),
    };
    match wanted.or(written) {
        None => (None, None),
        Some(_) if !takes_one => {
            let why = "the duration is left out: AWS takes none for a role that is assumed with a \
                       session, and the browser's session ends with the role's";
            (None, Some(why.to_owned()))
        }
        Some(wanted) => {
            let (duration, warning) = SessionKind::AssumedRole.bound(Some(wanted));
            (Some(duration), warning)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::config::Config;
    use crate::environment::Environment;
    use crate::world::World;

    const CONFIG: &str = r#"auth:
  providers:
    corp: { kind: aws/iam-identity-center, region: eu-central-1, start_url: "https://corp.awsapps.com/start", console: { session_duration: 6h } }
    long: { kind: aws/iam-identity-center, region: eu-central-1, start_url: "https://long.awsapps.com/start", console: { session_duration: 20h } }
    plain: { kind: aws/iam-identity-center, region: eu-central-1, start_url: "https://plain.awsapps.com/start" }
  identities:
    alone: { kind: aws/user }
    kim: { kind: aws/user }
    deploy: { kind: aws/assume-role, via: { identity: kim }, principal: { assume_role: "arn:aws:iam::420000000025:role/deploy" } }
    admin: { kind: aws/permission-set, via: { provider: corp }, principal: { name: Admin, account: { id: "420000000025" } } }
    owner: { kind: aws/permission-set, via: { provider: long }, principal: { name: Admin, account: { id: "420000000025" } } }
    reader: { kind: aws/permission-set, via: { provider: plain }, principal: { name: Read, account: { id: "420000000025" } } }
    chained: { kind: aws/assume-role, via: { identity: admin }, principal: { assume_role: "arn:aws:iam::420000000025:role/deploy" } }
    here: { kind: aws/ambient }
"#;

    fn world(folder: &std::path::Path) -> World {
        let environment = Environment::of([
            ("HOME", folder.as_os_str()),
            ("USERPROFILE", folder.as_os_str()),
            ("FOB_KEYRING", "memory".as_ref()),
        ]);
        let own = environment.config_folder().expect("a home");
        std::fs::create_dir_all(&own).expect("a folder");
        let path = own.join("config.yaml");
        std::fs::write(&path, CONFIG).expect("a configuration");
        let config = Config::load(&path, &environment).expect("a configuration");
        World::open(config, environment, Clock::system()).expect("a usable one")
    }

    #[test]
    fn a_users_own_session_is_refused_with_the_roles_that_are_reached_through_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let world = world(folder.path());
        for (identity, hint) in [
            ("KIM", "sign in to a role through it: deploy"),
            ("alone", "an identity of kind aws/assume-role"),
        ] {
            let error = console(&world, identity, None, None).expect_err("a user");
            assert_eq!(error.code, Code::Unsupported);
            assert!(
                error
                    .message
                    .contains("the console takes sessions of a role"),
                "{error}"
            );
            assert_eq!(
                error.context.identity.as_deref(),
                Some(identity.to_lowercase().as_str())
            );
            assert!(error.hints[0].contains(hint), "{:?}", error.hints);
        }
        for identity in ["deploy", "admin", "chained", "here"] {
            assert!(console(&world, identity, None, None).is_ok(), "{identity}");
        }
    }

    #[test]
    fn a_duration_that_is_wanted_beats_what_is_written_where_aws_takes_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let world = world(folder.path());
        let two_hours = "2h".parse().ok();
        for (identity, seconds) in [
            ("admin", Some(7200)),
            ("reader", Some(7200)),
            ("deploy", None),
            ("chained", None),
        ] {
            let target = console(&world, identity, None, two_hours).expect("a target");
            assert_eq!(target.duration.map(SessionDuration::seconds), seconds);
            assert_eq!(target.warning.is_some(), seconds.is_none(), "{identity}");
        }
    }

    #[test]
    fn a_duration_is_asked_for_only_where_it_is_written_and_the_role_was_not_assumed_with_a_session()
     {
        let folder = tempfile::tempdir().expect("a folder");
        let world = world(folder.path());
        for (identity, seconds, warns) in [
            ("admin", Some(21_600), false),
            ("owner", Some(43_200), true),
            ("reader", None, false),
            ("chained", None, false),
            ("deploy", None, false),
            ("here", None, false),
        ] {
            let target = console(&world, identity, None, None).expect("a target");
            assert_eq!(
                target.duration.map(SessionDuration::seconds),
                seconds,
                "{identity}"
            );
            assert_eq!(
                target.warning.is_some(),
                warns,
                "{identity}: {:?}",
                target.warning
            );
        }
    }

    #[test]
    fn a_page_that_is_not_the_consoles_is_refused_before_anybody_signs_in() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = console(
            &world(folder.path()),
            "deploy",
            Some("https://evil.example"),
            None,
        )
        .expect_err("a refusal");
        assert_eq!(error.code, Code::InvalidInput);
    }
}
