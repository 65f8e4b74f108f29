//! `aws/saml`: an identity provider's assertion, which a person's sign-in at its page ends with,
//! and the roles that are taken with it. It is held in memory for its five minutes, and stored
//! nowhere.

use super::obtain::Obtain;
use super::role;
use crate::ask::{Note, PasteKind, Prompt, PromptKind};
use crate::aws::{FaultKind, Principal, Vouched, assertion};
use crate::config::{AssumeRole, Saml};
use crate::environment::Shows;
use crate::error::{Code, Error, Result};
use crate::foreign::Foreign;
use crate::saml::{AUDIENCES, LONGEST_ASSERTION, SamlAssertion, SamlRole};
use crate::secret::{Origin, Secret, Session};
use std::time::{Duration, SystemTime};

/// AWS takes an assertion for so long.
const LIFE: Duration = Duration::from_secs(5 * 60);
/// A person has so long to sign in.
const LONGEST_SIGN_IN: Duration = Duration::from_secs(10 * 60);
const MOST_NAMED: usize = 8;

/// One that was given along, or that a person signs in for; held from now on.
pub(super) async fn asserted(it: Obtain<'_>, saml: &Saml) -> Result<Secret> {
    let (name, now) = (it.name(), it.world.clock.now());
    let (text, until) = match it.assertion {
        Some(text) => {
            let until = checked(&text, now).map_err(|why| useless(name, &why))?;
            (text, until)
        }
        None => {
            it.trail.record(it.world).await;
            by_a_person(&it, saml).await?
        }
    };
    it.world.assertions.hold(name, text.clone(), until);
    Ok(text)
}

async fn by_a_person(it: &Obtain<'_>, saml: &Saml) -> Result<(Secret, SystemTime)> {
    let clock = &it.world.clock;
    let expires_at = clock.now() + LONGEST_SIGN_IN;
    let (mut attempt, mut refused) = (1, None);
    loop {
        let prompt = Prompt {
            kind: PromptKind::Paste {
                what: PasteKind::SamlAssertion,
                address: saml.url.clone(),
                why: None,
                in_a_window: it.world.environment.shows() == Shows::Windows,
                refused,
                expires_at,
            },
            attempt,
            unanswered: needs_a_person(it),
            refused_key: None,
        };
        let text = tokio::select! {
            biased;
            text = it.ask.pasted(prompt) => text?,
            () = clock.sleep_until(expires_at) => return Err(nobody_came(it)),
        };
        match checked(&text, clock.now()) {
            Ok(until) => return Ok((text, until)),
            Err(why) => refused = Some(useless(it.name(), &why).message),
        }
        attempt += 1;
    }
}

/// Until when AWS takes it.
fn checked(text: &Secret, now: SystemTime) -> Result<SystemTime, String> {
    if text.length() as usize > LONGEST_ASSERTION {
        return Err(format!(
            "is longer than the {LONGEST_ASSERTION} characters that AWS takes"
        ));
    }
    let said = assertion(text).ok_or("is no SAML response (Base64 of XML)")?;
    if said.is_encrypted {
        return Ok(now + LIFE);
    }
    let until = said.not_on_or_after.unwrap_or(now + LIFE).min(now + LIFE);
    let is_for_aws = |it: &String| AUDIENCES.contains(&it.as_str());
    if !said.is_signed {
        Err("is not signed".to_owned())
    } else if until <= now {
        Err("has expired: AWS takes one for five minutes".to_owned())
    } else if said.not_before.is_some_and(|from| from > now + LIFE) {
        Err("is not valid yet: is this machine's clock right?".to_owned())
    } else if !said.audiences.iter().any(is_for_aws) {
        let audiences = Foreign::from(said.audiences.join(", "));
        Err(format!("is for another audience than AWS: {audiences}"))
    } else if said.roles().next().is_none() {
        Err(
            "names no role: its attribute https://aws.amazon.com/SAML/Attributes/Role is \
             missing or empty"
                .to_owned(),
        )
    } else {
        Ok(until)
    }
}

pub(super) async fn obtain(
    mut it: Obtain<'_>,
    role: &AssumeRole,
    text: &Secret,
) -> Result<Session> {
    let said = assertion(text).ok_or_else(|| useless(&it.chain.source().name, "is gone"))?;
    let provider = provider_of(&it, role, &said)?;
    let mut call = role::call(&mut it, role, role.limits);
    if let Some(most) = said.session_duration.filter(|most| *most < call.duration) {
        let note = format!(
            "the identity provider allows sessions of {most}: {} was asked for, {most} is used",
            call.duration
        );
        // By default an hour is.
        let is_asked_for = it.duration.or(role.duration).is_some();
        it.trail.notes.push(if is_asked_for {
            Note::Warning(note)
        } else {
            Note::Info(note)
        });
        call.duration = most;
    }
    let vouched = Vouched {
        provider: &provider,
        assertion: text,
    };
    let fault = match call.send_with_assertion(&it.world.aws, vouched).await {
        Ok(granted) => {
            let owner = Principal {
                arn: Foreign::default(),
                account: None,
            };
            return Ok(granted.into_session(Origin::Saml, owner));
        }
        Err(fault) => fault,
    };
    let name = &it.chain.source().name;
    if matches!(fault.kind, FaultKind::Expired | FaultKind::TokenRefused) {
        it.world.assertions.forget(name);
    }
    if fault.kind == FaultKind::Expired {
        let why = format!("has expired: {}", fault.message);
        return Err(useless(name, &why).hint(it.chain.login_command()));
    }
    Err(call.refused(fault))
}

/// The role must be among those of the assertion; of an encrypted one it is not known.
fn provider_of(it: &Obtain<'_>, role: &AssumeRole, said: &SamlAssertion) -> Result<String> {
    let name = &it.chain.source().name;
    if said.is_encrypted {
        return role.saml_provider.clone().ok_or_else(|| {
            let why = "is encrypted, so its roles cannot be read";
            useless(name, why).hint(format!(
                "write the ARN of the provider in IAM: `principal: {{ saml_provider: … }}` of {}",
                it.name()
            ))
        });
    }
    let roles: Vec<SamlRole> = said.roles().collect();
    if let Some(found) = roles.iter().find(|it| it.role == role.role_arn) {
        return Ok(found.provider.clone());
    }
    let mut names: Vec<String> = roles.into_iter().map(|it| it.role).collect();
    names.sort_by_cached_key(|name| strsim::damerau_levenshtein(name, &role.role_arn));
    names.truncate(MOST_NAMED);
    let message = format!("{name} does not give you the role {}", role.role_arn);
    let assigned = Foreign::from(names.join(", "));
    Err(Error::new(Code::AccessDenied, message).hint(format!("given to you: {assigned}")))
}

fn useless(provider: &str, why: &str) -> Error {
    let message = format!("the assertion of {provider} {why}");
    Error::new(Code::NoCredentials, message)
}

fn nobody_came(it: &Obtain<'_>) -> Error {
    let name = it.name();
    let message =
        format!("the sign-in at the page of {name}'s identity provider was not completed in time");
    Error::new(Code::PersonNeeded, message)
        .hint(format!("{} begins anew", it.chain.login_command()))
        .step(it.step)
}

fn needs_a_person(it: &Obtain<'_>) -> Error {
    let (name, identity) = (it.name(), &it.chain.identity);
    let message = format!("a sign-in at the page of {name}'s identity provider is needed");
    Error::new(Code::PersonNeeded, message)
        .hint("start `keyfob`: the page is shown in a window of its own")
        .hint(format!(
            "or, with a tool that prints the assertion: TOOL | fob login {identity} \
             --assertion-stdin"
        ))
        .step(it.step)
}
