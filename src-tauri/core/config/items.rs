//! What the sections of the file say, item by item: kinds, keys, defaults and checks. An item with
//! errors stays listed as far as it was understood.

use super::chain::{
    AccountReference, AssumeRole, AssumeRoot, GithubOidc, IdentityCenter, Kind, Part,
    PermissionSet, Process, Rise, Saml, Start, WebIdentity,
};
use super::file::{Entry, Keys, Reader, is_reachable};
use super::kinds::{self, Class, IDENTITIES, KindKeys, PROVIDERS};
use super::links::{Via, Written};
use super::problem::{Blocks, Place, list};
use super::yaml::Value;
use super::{Database, Engine, Identity, Provider, user, values};
use crate::duration::{SessionDuration, SessionKind};
use crate::error::shorten;
use crate::error::{Code, Error};
use crate::ids::AccountId;
use crate::ids::{DatabaseName, IdentityName, ProviderName, Region};
use std::collections::HashMap;
use std::rc::Rc;
use std::str::FromStr;

const DATABASE_KEYS: &[&str] = &[
    "engine",
    "host",
    "port",
    "user",
    "region",
    "via.identity",
    "password_secret",
];

pub(super) fn providers(reader: &mut Reader<'_>, auth: &Entry) -> Vec<Provider> {
    let named = named::<ProviderName>(reader, auth, "providers", Blocks::Provider);
    named
        .into_iter()
        .filter_map(|(name, entry)| provider(reader, name, &entry))
        .collect()
}

fn provider(reader: &mut Reader<'_>, name: ProviderName, entry: &Entry) -> Option<Provider> {
    if name.key() == ProviderName::STAND_ALONE {
        let message = "`aws-user` is reserved: it is the provider of stand-alone identities; choose another name";
        reader.problems.error(&entry.place, message);
        return None;
    }
    let (kind, class) = kind(reader, entry, (PROVIDERS, IDENTITIES));
    let start = match class {
        Some(Class::Known(known)) => {
            reader.check_keys(
                entry,
                Keys {
                    of: known.name,
                    allowed: known.keys,
                    elsewhere: PROVIDERS,
                },
            );
            let region = reader.read(entry, "region", Region::from_str);
            let source = provider_source(reader, entry, known.name);
            start(reader, entry, (source, region))
        }
        Some(Class::Foreign) | None => None,
    };
    Some(Provider {
        name,
        kind,
        is_supported: !matches!(class, Some(Class::Foreign)),
        line: entry.place.at.line,
        start,
    })
}

fn provider_source(reader: &mut Reader<'_>, entry: &Entry, kind: &str) -> Option<Kind> {
    let (environment, folder) = (reader.environment, reader.folder);
    match kind {
        kinds::IDENTITY_CENTER => {
            let start_url = reader.required(entry, "start_url", values::url);
            let auto_provision_identities = reader.is_set(entry, "auto_provision_identities");
            let session_duration =
                reader.read(entry, "session.duration", SessionDuration::from_str);
            let console = reader.read(entry, "console.session_duration", SessionDuration::from_str);
            Some(Kind::IdentityCenter(IdentityCenter {
                start_url: start_url?,
                auto_provision_identities,
                session_duration,
                console_session_duration: console,
            }))
        }
        kinds::SAML => Some(Kind::Saml(Saml {
            url: reader.required(entry, "url", values::url)?,
        })),
        kinds::GITHUB_OIDC => {
            let audience = reader.read(entry, "spec.audience", values::any);
            Some(Kind::GithubOidc(GithubOidc {
                audience: audience.unwrap_or_else(|| "sts.amazonaws.com".to_owned()),
            }))
        }
        kinds::WEB_IDENTITY => {
            let token_file = reader.required(entry, "spec.token_file", |text| {
                values::path(text, environment, folder)
            })?;
            Some(Kind::WebIdentity(WebIdentity { token_file }))
        }
        _ => None,
    }
}

/// `spec.*` of where a chain starts.
fn start(
    reader: &mut Reader<'_>,
    entry: &Entry,
    (kind, region): (Option<Kind>, Option<Region>),
) -> Option<Start> {
    let (environment, folder) = (reader.environment, reader.folder);
    let endpoint_url = reader.read(entry, "spec.endpoint_url", values::url);
    let base = reader.read(entry, "spec.files.base_path", |text| {
        values::path(text, environment, folder)
    });
    let static_credentials = reader.is_set(entry, "spec.files.static");
    Some(Start {
        kind: kind?,
        region,
        endpoint_url,
        base,
        static_credentials,
    })
}

pub(super) fn identities(reader: &mut Reader<'_>, auth: &Entry) -> Vec<Written> {
    let named = named::<IdentityName>(reader, auth, "identities", Blocks::Identity);
    named
        .into_iter()
        .map(|(name, entry)| identity(reader, name, &entry))
        .collect()
}

fn identity(reader: &mut Reader<'_>, name: IdentityName, entry: &Entry) -> Written {
    let (kind, class) = kind(reader, entry, (IDENTITIES, PROVIDERS));
    let mut identity = Identity {
        name,
        kind,
        is_default: false,
        provider: None,
        is_supported: !matches!(class, Some(Class::Foreign)),
        line: entry.place.at.line,
        env: Vec::new(),
        below: None,
        part: None,
    };
    let Some(Class::Known(known)) = class else {
        identity.is_default = written(entry, "default").as_deref() == Some("true");
        return Written {
            identity,
            via: listed_via(entry),
            place: entry.place.clone(),
            duration: None,
        };
    };
    reader.check_keys(
        entry,
        Keys {
            of: known.name,
            allowed: known.keys,
            elsewhere: IDENTITIES,
        },
    );
    identity.is_default = reader.is_set(entry, "default");
    identity.env = env(reader, entry);
    let principal = reader.read(entry, "principal.region", Region::from_str);
    if kinds::stands_alone(known.name) {
        let region = principal.or(reader.read(entry, "credentials.region", Region::from_str));
        identity.part = stand_alone(reader, entry, known.name, region).map(Part::Start);
        return Written {
            identity,
            via: None,
            place: entry.place.clone(),
            duration: None,
        };
    }
    let endpoint_url = reader.read(entry, "spec.endpoint_url", values::url);
    let (step, duration) = step(reader, entry, &identity);
    identity.part = step.map(|kind| {
        Part::Rise(Rise {
            kind,
            region: principal,
            endpoint_url,
        })
    });
    Written {
        identity,
        via: via(reader, entry),
        place: entry.place.clone(),
        duration,
    }
}

fn stand_alone(
    reader: &mut Reader<'_>,
    entry: &Entry,
    kind: &str,
    region: Option<Region>,
) -> Option<Start> {
    let source = match kind {
        kinds::USER => Some(Kind::User(user::user(reader, entry))),
        kinds::AMBIENT => Some(Kind::Ambient),
        kinds::PROCESS => {
            let command = reader.required(entry, "credentials.process", values::any);
            command.map(|command| Kind::Process(Process { command }))
        }
        _ => None,
    };
    start(reader, entry, (source, region))
}

/// With where the duration was written, since its limits depend on what the identity stands on.
fn step(
    reader: &mut Reader<'_>,
    entry: &Entry,
    identity: &Identity,
) -> (Option<Kind>, Option<Place>) {
    match identity.kind.as_str() {
        kinds::PERMISSION_SET => {
            let name = reader.required(entry, "principal.name", values::permission_set_name);
            let account = account(reader, entry);
            let set = name
                .zip(account)
                .map(|(name, account)| PermissionSet { name, account });
            (set.map(Kind::PermissionSet), None)
        }
        kinds::ASSUME_ROLE => {
            let role_arn = reader.required(entry, "principal.assume_role", values::role_arn);
            let external_id = reader.read(entry, "principal.external_id", values::external_id);
            let session_name = session_name(reader, entry, &identity.name);
            let general = reader.read_placed(entry, "session.duration", SessionDuration::from_str);
            let own = reader.read_placed(entry, "principal.duration", SessionDuration::from_str);
            let (duration, place) = own.or(general).unzip();
            let limits = SessionKind::AssumedRole;
            let role = role_arn.map(|role_arn| AssumeRole {
                role_arn,
                session_name,
                external_id,
                duration,
                limits,
            });
            (role.map(Kind::AssumeRole), place)
        }
        kinds::ASSUME_ROOT => {
            let target = reader.required(entry, "principal.target_principal", AccountId::from_str);
            let policy =
                reader.required(entry, "principal.task_policy_arn", values::task_policy_arn);
            let root = target
                .zip(policy)
                .map(|(target_principal, task_policy_arn)| AssumeRoot {
                    target_principal,
                    task_policy_arn,
                });
            (root.map(Kind::AssumeRoot), None)
        }
        _ => (None, None),
    }
}

fn session_name(reader: &mut Reader<'_>, entry: &Entry, identity: &IdentityName) -> String {
    let asked = reader.read_placed(entry, "principal.session_name", values::any);
    let name = values::session_name(asked.as_ref().map(|(name, _)| name.as_str()), identity);
    if let Some((asked, place)) = asked.filter(|(asked, _)| *asked != name) {
        let asked = shorten(&asked);
        reader.problems.warning(
            &place,
            format!("AWS does not allow the session name `{asked}`: `{name}` is used"),
        );
    }
    name
}

pub(super) fn warn_beyond_limits(
    reader: &mut Reader<'_>,
    (kind, asked): (SessionKind, SessionDuration),
    at: &Place,
) {
    if let (_, Some(warning)) = kind.bound(Some(asked)) {
        reader.problems.warning(at, warning);
    }
}

fn account(reader: &mut Reader<'_>, entry: &Entry) -> Option<AccountReference> {
    let before = reader.problems.errors();
    let id = reader.read(entry, "principal.account.id", AccountId::from_str);
    let name = reader.read_placed(entry, "principal.account.name", values::any);
    match (id, name) {
        (Some(id), None) => Some(AccountReference::Id(id)),
        (None, Some((name, _))) => Some(AccountReference::Name(name)),
        (Some(_), Some((_, place))) => {
            reader
                .problems
                .error(&place, "`account.id` and `account.name` exclude each other");
            None
        }
        (None, None) => {
            if reader.problems.errors() == before && is_reachable(entry, "principal.account.id") {
                reader.problems.error(
                    &entry.place,
                    "`principal.account.id` or `principal.account.name` is missing",
                );
            }
            None
        }
    }
}

fn via(reader: &mut Reader<'_>, entry: &Entry) -> Option<Via> {
    let before = reader.problems.errors();
    let provider = reader.read_placed(entry, "via.provider", values::any);
    let identity = reader.read_placed(entry, "via.identity", values::any);
    match (provider, identity) {
        (Some((name, place)), None) => Some(Via::Provider(name, place)),
        (None, Some((name, place))) => Some(Via::Identity(name, place)),
        (Some(_), Some((_, place))) => {
            reader.problems.error(
                &place,
                "`via.provider` and `via.identity` exclude each other",
            );
            None
        }
        (None, None) => {
            if reader.problems.errors() == before && is_reachable(entry, "via.identity") {
                let message =
                    "`via` is missing: `via: { provider: NAME }` or `via: { identity: NAME }`";
                reader.problems.error(&entry.place, message);
            }
            None
        }
    }
}

/// What an identity of an unknown kind seems to stand on: for lists, so nothing is reported.
fn listed_via(entry: &Entry) -> Option<Via> {
    let via = entry.node.child("via")?;
    let text = |key: &str| {
        via.child(key)
            .and_then(|node| node.text())
            .map(str::to_owned)
    };
    let place = || entry.place.below("via", via.at);
    let identity = text("identity").map(|name| Via::Identity(name, place()));
    identity.or_else(|| text("provider").map(|name| Via::Provider(name, place())))
}

/// `[ { key: TF_VAR_stage, value: lake } ]`
fn env(reader: &mut Reader<'_>, entry: &Entry) -> Vec<(String, String)> {
    let Some(node) = entry
        .node
        .child("env")
        .filter(|node| !node.is_null())
        .map(Rc::clone)
    else {
        return Vec::new();
    };
    let place = entry.place.below("env", node.at);
    let Value::Sequence(items) = &node.value else {
        let message = format!(
            "{} where a list is expected: `[ {{ key: NAME, value: VALUE }} ]`",
            node.noun()
        );
        reader.problems.error(&place, message);
        return Vec::new();
    };
    let mut variables = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let item = Entry {
            node: Rc::clone(item),
            place: place.below(&index.to_string(), item.at),
        };
        reader.check_keys(
            &item,
            Keys {
                of: "`env`",
                allowed: &["key", "value"],
                elsewhere: &[],
            },
        );
        let key = reader.required(&item, "key", values::variable_name);
        let Some(value) = item.node.child("value").map(Rc::clone) else {
            if matches!(item.node.value, Value::Mapping(_)) {
                reader.problems.error(&item.place, "`value` is missing");
            }
            continue;
        };
        let Some(value) = reader.scalar(&value, item.place.below("value", value.at)) else {
            continue;
        };
        if value.text.contains('\0') {
            reader.problems.error(
                &value.place,
                "an environment variable cannot hold a NUL character",
            );
        } else if let Some(key) = key {
            variables.push((key, value.text.to_string()));
        }
    }
    variables
}

pub(super) fn databases(
    reader: &mut Reader<'_>,
    auth: &Entry,
    identities: &[Identity],
) -> Vec<Database> {
    let named = named::<DatabaseName>(reader, auth, "databases", Blocks::Database);
    let mut databases = Vec::new();
    for (name, entry) in named {
        let before = reader.problems.errors();
        let database = database(reader, (name, &entry), identities);
        if reader.problems.errors() == before {
            databases.extend(database);
        }
    }
    databases
}

fn database(
    reader: &mut Reader<'_>,
    (name, entry): (DatabaseName, &Entry),
    identities: &[Identity],
) -> Option<Database> {
    reader.check_keys(
        entry,
        Keys {
            of: "a database",
            allowed: DATABASE_KEYS,
            elsewhere: &[],
        },
    );
    let engine = reader.required(entry, "engine", |text| {
        Engine::ALL
            .into_iter()
            .find(|engine| engine.as_str() == text)
            .ok_or_else(|| {
                let known = list(&Engine::ALL.map(Engine::as_str));
                Error::new(
                    Code::InvalidInput,
                    format!(
                        "the engine `{}` is not known. Known: {known}",
                        shorten(text)
                    ),
                )
            })
    });
    let host = reader.required(entry, "host", values::host);
    let port = reader.read(entry, "port", values::port);
    let user = reader.required(entry, "user", values::any);
    let region = reader.read(entry, "region", Region::from_str);
    let password_secret = reader.read(entry, "password_secret", values::password_secret);
    let identity = reader
        .required_placed(entry, "via.identity", values::any)
        .and_then(|(asked, place)| {
            let found = identities
                .iter()
                .find(|it| it.name.as_str().eq_ignore_ascii_case(&asked));
            if found.is_none() {
                let names: Vec<&str> = identities.iter().map(|it| it.name.as_str()).collect();
                let instead = reader.problems.instead_of(&asked, &names);
                reader.problems.error(
                    &place,
                    format!("there is no identity `{}`{instead}", shorten(&asked)),
                );
            }
            found.map(|it| it.name.clone())
        });
    let engine = engine?;
    let port = port.unwrap_or(engine.default_port());
    Some(Database {
        name,
        engine,
        host: host?,
        port,
        user: user?,
        region,
        identity: identity?,
        password_secret,
    })
}

/// The items of a section whose names can be told apart, also in file names and where case does not
/// count.
fn named<N: FromStr<Err = Error>>(
    reader: &mut Reader<'_>,
    auth: &Entry,
    section: &str,
    blocks: fn(String) -> Blocks,
) -> Vec<(N, Entry)> {
    let mut seen: HashMap<String, (String, usize)> = HashMap::new();
    let mut items = Vec::new();
    for (text, place, node) in reader.items(auth, section) {
        let name = match text.parse::<N>() {
            Ok(name) => name,
            Err(error) => {
                reader.problems.error(&place, super::file::told(&error));
                continue;
            }
        };
        let folded = text.to_ascii_lowercase().replace('/', "_");
        if let Some((first, line)) = seen.get(&folded) {
            let place = Place {
                blocks: blocks(first.to_ascii_lowercase()),
                ..place
            };
            let message = if *first == text {
                format!("`{text}` is written twice; first on line {line}")
            } else {
                format!(
                    "`{text}` cannot be told apart from `{first}` (line {line}): case, `/` and `_` do not count"
                )
            };
            reader.problems.error(&place, message);
            continue;
        }
        let place = Place {
            blocks: blocks(text.to_ascii_lowercase()),
            ..place
        };
        seen.insert(folded, (text, place.at.line));
        if !matches!(node.value, Value::Mapping(_) | Value::Null) {
            reader.problems.error(
                &place,
                format!("{} where a mapping is expected", node.noun()),
            );
        }
        items.push((name, Entry { node, place }));
    }
    items
}

/// What `kind` says and means; `None` where it is missing or means nothing, which is then reported.
fn kind(
    reader: &mut Reader<'_>,
    entry: &Entry,
    (here, there): (&'static [KindKeys], &'static [KindKeys]),
) -> (String, Option<Class>) {
    let classify =
        |text: &str| kinds::classify(text, here, there).map(|class| (text.to_owned(), class));
    let Some(((kind, class), place)) = reader.required_placed(entry, "kind", classify) else {
        return (written(entry, "kind").unwrap_or_default(), None);
    };
    if matches!(class, Class::Foreign) {
        let message = "Keyfob cannot sign in with this kind; identities that use it are listed as unsupported";
        reader.problems.notice(&place, message);
    }
    (kind, Some(class))
}

fn written(entry: &Entry, key: &str) -> Option<String> {
    entry
        .node
        .child(key)
        .and_then(|node| node.text())
        .map(str::to_owned)
}
