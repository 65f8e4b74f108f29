//! Passwords of databases in AWS Secrets Manager: read with the identity's session, and what a
//! secret holds. AWS's own rotation may change the user along with the password.

use super::target::DatabaseTarget;
use crate::aws::{Fault, FaultKind, SignedToken, TOKEN_LIFE, secret_value};
use crate::config::PasswordSecret;
use crate::error::{Code, Error, Result, shorten};
use crate::providers::place;
use crate::secret::{Secret, Session};
use crate::world::World;
use serde_json::Value;

const PASSWORD: &str = "password";
const USER: &str = "username";

/// One call to AWS. Handed out for as long as a token is.
pub async fn read_password(
    world: &World,
    session: &Session,
    target: &DatabaseTarget,
    secret: &PasswordSecret,
) -> Result<SignedToken> {
    let chain = world.chain(target.identity())?;
    let place = place(chain.target());
    tracing::debug!(
        identity = target.identity(),
        "reading the password of a database"
    );
    let read = secret_value(&world.aws, session, &secret.arn, place).await;
    let text = read.map_err(|fault| not_read(secret, target, fault))?;
    let (user, token) = held_in(&text, secret)?;
    Ok(SignedToken {
        user: user.unwrap_or_else(|| target.login.user().to_owned()),
        token,
        expires_at: world.clock.now() + TOKEN_LIFE,
    })
}

fn not_read(secret: &PasswordSecret, target: &DatabaseTarget, fault: Fault) -> Error {
    let (kind, arn) = (fault.kind.clone(), &secret.arn);
    let error = fault.into_error(target.login.region());
    let error = Error {
        message: format!("the secret {arn} cannot be read: {}", error.message),
        ..error
    };
    let identity = target.identity();
    match kind {
        FaultKind::Denied => error.hint(format!(
            "{identity} needs secretsmanager:GetSecretValue on the secret, and kms:Decrypt on a \
             key of its own"
        )),
        FaultKind::NotThere => error.hint("look at the ARN of `password_secret`, and its region"),
        _ => error,
    }
    .identity(identity)
}

/// The password, and the user where the secret names one: a text that is JSON has fields, and any
/// other is the password itself.
fn held_in(text: &Secret, secret: &PasswordSecret) -> Result<(Option<String>, Secret)> {
    let refuse = |why: &str| {
        let message = format!("the secret {} holds no password: {why}", secret.arn);
        Error::new(Code::AwsError, message)
            .hint("`password_secret` names a field of its JSON as ARN#field")
    };
    let fields = match serde_json::from_str(text.expose()) {
        Ok(Value::Object(fields)) => Some(fields),
        Ok(_) | Err(_) => None,
    };
    let (user, password) = match (fields, &secret.field) {
        (None, None) => (None, text.clone()),
        (None, Some(field)) => {
            let why = format!("it is not JSON, so there is no `{}` in it", shorten(field));
            return Err(refuse(&why));
        }
        (Some(fields), field) => {
            let name = field.as_deref().unwrap_or(PASSWORD);
            let text_of = |name: &str| fields.get(name)?.as_str();
            let why = || format!("its JSON has no text `{}`", shorten(name));
            let password = text_of(name).ok_or_else(|| refuse(&why()))?;
            (text_of(USER).map(str::to_owned), Secret::new(password))
        }
    };
    if password.expose().is_empty() || password.expose().contains('\0') {
        return Err(refuse("it is empty, or not a text"));
    }
    Ok((user, password))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, field: Option<&str>) -> Result<(Option<String>, String), String> {
        let secret = PasswordSecret {
            arn: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db".to_owned(),
            field: field.map(str::to_owned),
        };
        let read = held_in(&Secret::new(text), &secret);
        read.map(|(user, password)| (user, password.expose().to_owned()))
            .map_err(|error| error.message)
    }

    #[test]
    fn a_secret_is_json_with_fields_or_the_password_itself() {
        let json = r#"{"username":"app_clone","password":"pa:ss","other":"o","port":5432}"#;
        let app = Some("app_clone".to_owned());
        assert_eq!(read(json, None), Ok((app.clone(), "pa:ss".to_owned())));
        assert_eq!(read(json, Some("other")), Ok((app, "o".to_owned())));
        let plain = "not {json: \"x\"";
        assert_eq!(read(plain, None), Ok((None, plain.to_owned())));
        assert_eq!(read("12345", None), Ok((None, "12345".to_owned())));
    }

    #[test]
    fn a_secret_without_a_password_is_refused_without_a_word_of_it() {
        for (text, field, why) in [
            (r#"{"username":"hunter2"}"#, None, "no text `password`"),
            (r#"{"password":"hunter2"}"#, Some("pass"), "no text `pass`"),
            (
                r#"{"password":{"a":"hunter2"}}"#,
                None,
                "no text `password`",
            ),
            ("hunter2", Some("password"), "not JSON"),
            ("", None, "empty"),
            ("hunter2\0", None, "not a text"),
        ] {
            let error = read(text, field).expect_err(text);
            assert!(error.contains(why) && !error.contains("hunter2"), "{error}");
        }
    }
}
