//! The sections `providers` and `identities`, entry by entry. One with errors stays listed as far
//! as it was understood; only one without has [`EntrySettings`].

use super::assigned::{AssignedAccount, AssignedBy, AssignedIdentity, only_of_name};
use super::atmos;
use super::identity::{Below, EntrySettings, HostVariant, Identity, Provider, RoleList};
use super::kinds::{
    AccountReference, Class, EntrySection, Footing, Kind, KnownKind, LOGIN, Level, PERMISSION_SET,
    Via,
};
use super::links::{Unlinked, link};
use super::names::folded;
use super::problem::{Blocked, Location, nearest};
use super::reader::{Fields, Placed, Reader, sentence};
use super::values;
use super::variables::variables;
use super::yaml::{Node, Value};
use crate::error::{Error, shorten};
use crate::ids::{IdentityName, Partition, ProviderName, Realm, Region};
use std::collections::{HashMap, HashSet};
use std::str::FromStr;

/// Everything in both sections, in file order.
pub(super) struct Sections {
    pub providers: Vec<Provider>,
    pub identities: Vec<Identity>,
    pub settings: HashMap<Blocked, EntrySettings>,
}

pub(super) fn entries(auth: &Fields<'_>, realm: &Realm) -> Sections {
    let mut settings = HashMap::new();
    let mut providers = providers(auth, &mut settings);
    let assigned = assigned_by(auth, realm, &mut providers, &settings);
    let identities = identities(auth, &providers, assigned, &mut settings);
    name_accounts(auth, realm, &providers, &identities, &mut settings);
    Sections {
        providers,
        identities,
        settings,
    }
}

/// A name, and what is written below it.
pub(super) struct NamedFields<'r, N> {
    pub name: N,
    pub fields: Fields<'r>,
}

/// Entries of a section with names that differ, also in file names and where case does not count.
pub(super) fn named<'r, N: FromStr<Err = Error>>(
    auth: &Fields<'r>,
    section: &'static str,
    subject: fn(String) -> Blocked,
) -> Vec<NamedFields<'r, N>> {
    let problems = auth.problems();
    let mut seen: HashMap<String, (String, usize)> = HashMap::new();
    let mut entries = Vec::new();
    for (text, mut fields) in auth.section(section) {
        let name = match text.parse::<N>() {
            Ok(name) => name,
            Err(error) => {
                problems.error(&fields.location, sentence(&error));
                continue;
            }
        };
        if let Some((first, line)) = seen.get(&folded(&text)) {
            let message = if *first == text {
                format!("`{text}` is written twice; first on line {line}")
            } else {
                format!(
                    "`{text}` is too much like `{first}` (line {line}): case, and `/` or `_`, make \
                     no difference"
                )
            };
            let location = fields.location.about(subject(first.to_ascii_lowercase()));
            problems.error(&location, message);
            continue;
        }
        fields.location.subject = subject(text.to_ascii_lowercase());
        if !matches!(fields.node.value, Value::Mapping(_) | Value::Null) {
            let message = format!("{} where a mapping is expected", fields.node.noun());
            problems.error(&fields.location, message);
        }
        seen.insert(folded(&text), (text, fields.location.at.line));
        entries.push(NamedFields { name, fields });
    }
    entries
}

/// What `kind` says.
struct WrittenKind {
    /// Empty when it is missing.
    text: String,
    /// `None` where it is missing or not known, which has been reported.
    class: Option<Class>,
}

impl WrittenKind {
    fn read(fields: &Fields<'_>, section: EntrySection) -> WrittenKind {
        let parse = |text: &str| {
            let class = Class::of(text, section)?;
            Ok(WrittenKind {
                text: text.to_owned(),
                class: Some(class),
            })
        };
        let Some(Placed { value, location }) = fields.required_placed("kind", parse) else {
            report_misspelt(fields);
            let text = fields.node.child("kind").and_then(Node::text);
            return WrittenKind {
                text: text.unwrap_or_default().to_owned(),
                class: None,
            };
        };
        if value.is_foreign() {
            let message = "Keyfob cannot sign in with this kind; identities that use it are \
                           listed as unsupported";
            fields.problems().notice(&location, message);
        }
        value
    }

    fn known(&self) -> Option<&'static KnownKind> {
        match self.class {
            Some(Class::Known(known)) => Some(known),
            Some(Class::Foreign) | None => None,
        }
    }

    fn is_foreign(&self) -> bool {
        matches!(self.class, Some(Class::Foreign))
    }
}

fn providers(auth: &Fields<'_>, settings: &mut HashMap<Blocked, EntrySettings>) -> Vec<Provider> {
    let elsewhere = keys_of(EntrySection::Providers, auth.reader);
    let mut providers = Vec::new();
    for NamedFields { name, fields } in named::<ProviderName>(auth, "providers", Blocked::Provider)
    {
        if name.key() == ProviderName::STAND_ALONE {
            let message = "`aws-user` is reserved: it is the provider of stand-alone identities; \
                           choose another name";
            fields.problems().error(&fields.location, message);
            continue;
        }
        let kind = WrittenKind::read(&fields, EntrySection::Providers);
        providers.push(Provider {
            name,
            is_supported: !kind.is_foreign(),
            line: fields.location.at.line,
            kind: kind.text.clone(),
            role_list: RoleList::NotWanted,
        });
        if let Some(known) = kind.known() {
            let footing = Footing::NONE;
            let read = read_settings(&fields, known, &footing);
            settings.extend(read.map(|read| (fields.location.subject.clone(), read)));
            fields.finish(known.name.name, &elsewhere);
        }
    }
    providers
}

/// A key that was meant to be `kind`: without a kind no other key is looked at.
fn report_misspelt(fields: &Fields<'_>) {
    if fields.node.child("kind").is_some() {
        return;
    }
    let keys = fields.node.members().iter().map(|member| &member.key);
    let misspelt = nearest("kind", keys.clone().filter_map(|key| key.text()));
    let meant = keys.into_iter().find(|key| key.text() == misspelt);
    if let (Some(misspelt), Some(key)) = (misspelt, meant) {
        let location = fields.location.below(&shorten(misspelt), key.at);
        let message = format!("`{}` is not known; did you mean `kind`?", shorten(misspelt));
        fields.problems().error(&location, message);
    }
}

/// An identity as far as it can be read before it is known what it stands on.
struct Listed<'r> {
    identity: Identity,
    known: Option<&'static KnownKind>,
    common: CommonKeys,
    fields: Fields<'r>,
}

/// What every identity may say.
struct CommonKeys {
    is_default: bool,
    via: Option<Via>,
}

fn identities(
    auth: &Fields<'_>,
    providers: &[Provider],
    assigned: Vec<Assigned>,
    settings: &mut HashMap<Blocked, EntrySettings>,
) -> Vec<Identity> {
    let named = named::<IdentityName>(auth, "identities", Blocked::Identity);
    let mut all: Vec<Listed> = named.into_iter().map(listed).collect();
    let mut assigned = add_assigned(&all, assigned, settings);
    let kinds = linked(auth, providers, &mut all, &mut assigned);

    let elsewhere = keys_of(EntrySection::Identities, auth.reader);
    let mut identities = Vec::new();
    for it in all {
        let Listed {
            identity,
            known,
            common,
            fields,
        } = it;
        if let Some(known) = known {
            let base = match identity.below {
                Some(Below::Provider(at)) => {
                    let kind = &providers[at].kind;
                    EntrySection::Providers
                        .kinds()
                        .find(|it| it.name.name == kind)
                }
                Some(Below::Identity(at)) => kinds[at],
                None => None,
            };
            let footing = Footing {
                identity: identity.name.as_str(),
                base: base.map(|base| base.name),
                via: common.via.as_ref(),
            };
            let read = read_settings(&fields, known, &footing);
            settings.extend(read.map(|read| (fields.location.subject.clone(), read)));
            refuse_name_of_a_provider(&identity, providers, &fields);
            fields.finish(known.name.name, &elsewhere);
        }
        identities.push(identity);
    }
    identities.append(&mut assigned);
    identities
}

/// The kind of each, once it is known what they stand on.
fn linked(
    auth: &Fields<'_>,
    providers: &[Provider],
    all: &mut [Listed<'_>],
    assigned: &mut [Identity],
) -> Vec<Option<&'static KnownKind>> {
    let written = all.iter_mut().map(|it| Unlinked {
        identity: &mut it.identity,
        via: it.common.via.as_ref(),
        location: &it.fields.location,
    });
    let found = assigned.iter_mut().map(|identity| Unlinked {
        identity,
        via: None,
        location: &auth.location,
    });
    let mut unlinked: Vec<Unlinked> = written.chain(found).collect();
    link(&mut unlinked, providers, auth.problems());

    let mut known = EntrySection::Identities.kinds();
    let set = known.find(|it| it.name.name == PERMISSION_SET.name);
    let kinds = all.iter().map(|it| it.known);
    kinds.chain(assigned.iter().map(|_| set)).collect()
}

/// What is remembered of its sign-in goes by its name, as that of a provider does.
fn refuse_name_of_a_provider(identity: &Identity, providers: &[Provider], fields: &Fields<'_>) {
    let key = identity.name.key();
    let mut same = providers.iter().filter(|it| it.name.key() == key);
    if let Some(provider) = same.next().filter(|_| identity.kind == LOGIN.name) {
        let message = format!(
            "a person signs in to this identity and to the provider `{}` (line {}), and their \
             sign-ins are kept by name: give one of them another name",
            provider.name, provider.line
        );
        fields.problems().error(&fields.location, message);
    }
}

/// A role, and the provider that assigns it, by position.
struct Assigned {
    provider: usize,
    line: usize,
    identity: AssignedIdentity,
}

fn assigned_by(
    auth: &Fields<'_>,
    realm: &Realm,
    providers: &mut [Provider],
    settings: &HashMap<Blocked, EntrySettings>,
) -> Vec<Assigned> {
    let mut all = Vec::new();
    for (position, provider) in providers.iter_mut().enumerate() {
        let settings = settings.get(&Blocked::Provider(provider.name.key()));
        let Some(settings) = settings.filter(|it| it.kind.lists_roles()) else {
            continue;
        };
        let by = AssignedBy {
            environment: auth.reader.environment,
            realm,
            configuration: &auth.reader.folder.join(auth.reader.file_name),
            provider: provider.name.as_str(),
            address: sign_in_address(settings),
        };
        let found = by.identities();
        provider.role_list = match found {
            Some(_) => RoleList::Kept,
            None => RoleList::NotYet,
        };
        let found = found.into_iter().flatten();
        all.extend(found.map(|identity| Assigned {
            provider: position,
            line: provider.line,
            identity,
        }));
    }
    all
}

fn sign_in_address(settings: &EntrySettings) -> String {
    let usual = Partition::Aws.default_region();
    let region = settings.region.as_ref().unwrap_or(&usual);
    let endpoint = settings.endpoint_url.as_deref();
    let address = settings.kind.signs_in_at(region, endpoint);
    address.unwrap_or_default()
}

/// What is known of the accounts that are written by their names.
fn name_accounts(
    auth: &Fields<'_>,
    realm: &Realm,
    providers: &[Provider],
    identities: &[Identity],
    settings: &mut HashMap<Blocked, EntrySettings>,
) {
    let mut listed: HashMap<usize, Vec<AssignedAccount>> = HashMap::new();
    for identity in identities {
        let subject = Blocked::Identity(identity.name.key());
        let Some(Below::Provider(at)) = identity.below else {
            continue;
        };
        let provider = &providers[at];
        let of_provider = settings.get(&Blocked::Provider(provider.name.key()));
        let Some(address) = of_provider.map(sign_in_address) else {
            continue;
        };
        let Some(Kind::PermissionSet(set)) = settings.get_mut(&subject).map(|it| &mut it.kind)
        else {
            continue;
        };
        let AccountReference::Name(name) = &set.account else {
            continue;
        };
        let accounts = listed.entry(at).or_insert_with(|| {
            let by = AssignedBy {
                environment: auth.reader.environment,
                realm,
                configuration: &auth.reader.folder.join(auth.reader.file_name),
                provider: provider.name.as_str(),
                address,
            };
            by.accounts().map(|it| it.0).unwrap_or_default()
        });
        set.known_account = only_of_name(accounts, name).cloned();
    }
}

/// What is written has precedence.
fn add_assigned(
    written: &[Listed<'_>],
    assigned: Vec<Assigned>,
    settings: &mut HashMap<Blocked, EntrySettings>,
) -> Vec<Identity> {
    let names = written.iter().map(|it| folded(it.identity.name.as_str()));
    let mut taken: HashSet<String> = names.collect();
    let mut found = Vec::new();
    for Assigned {
        provider,
        line,
        identity: AssignedIdentity { name, set },
    } in assigned
    {
        if !taken.insert(folded(name.as_str())) {
            continue;
        }
        let said = EntrySettings {
            kind: Kind::PermissionSet(set),
            region: None,
            endpoint_url: None,
            hosts: HostVariant::default(),
            env: Vec::new(),
            files_base: None,
            static_credentials: false,
        };
        settings.insert(Blocked::Identity(name.key()), said);
        found.push(Identity {
            name,
            kind: PERMISSION_SET.name.to_owned(),
            is_default: false,
            provider: None,
            is_supported: true,
            is_assigned: true,
            line,
            below: Some(Below::Provider(provider)),
        });
    }
    found
}

fn listed(it: NamedFields<'_, IdentityName>) -> Listed<'_> {
    let NamedFields { name, fields } = it;
    let kind = WrittenKind::read(&fields, EntrySection::Identities);
    let known = kind.known();
    let common = match known {
        Some(known) => read_common(&fields, known.name.level),
        None => CommonKeys {
            is_default: fields.node.child("default").and_then(Node::text) == Some("true"),
            via: unchecked_via(&fields),
        },
    };
    let identity = Identity {
        name,
        is_default: common.is_default,
        provider: None,
        is_supported: !kind.is_foreign(),
        is_assigned: false,
        line: fields.location.at.line,
        below: None,
        kind: kind.text,
    };
    Listed {
        identity,
        known,
        common,
        fields,
    }
}

fn read_common(fields: &Fields<'_>, level: Level) -> CommonKeys {
    CommonKeys {
        is_default: fields.is_set("default"),
        via: match level {
            Level::Above => via(fields),
            Level::Provider | Level::StandAlone => None,
        },
    }
}

fn read_settings(
    fields: &Fields<'_>,
    known: &KnownKind,
    footing: &Footing<'_>,
) -> Option<EntrySettings> {
    let level = known.name.level;
    let (mut env, mut region) = (Vec::new(), None);
    if level == Level::Provider {
        region = fields.read("region", Region::from_str);
    } else {
        env = variables(fields);
    }
    let kind = (known.read)(fields, footing);
    if level == Level::StandAlone {
        region = fields.read("credentials.region", Region::from_str);
    }
    if level != Level::Provider {
        region = fields.read("principal.region", Region::from_str).or(region);
    }
    let of_atmos = match level {
        Level::Provider => atmos::PROVIDER_ENDPOINT,
        Level::StandAlone | Level::Above => atmos::IDENTITY_ENDPOINT,
    };
    // Not a key to propose.
    let of_atmos = fields.node.below(of_atmos).map(|_| of_atmos);
    let of_atmos = of_atmos.and_then(|key| fields.read(key, values::url));
    let endpoint_url = fields.read("spec.endpoint_url", values::url).or(of_atmos);
    let hosts = HostVariant {
        fips: fields.flag("spec.use_fips_endpoint"),
        dual_stack: fields.flag("spec.use_dualstack_endpoint"),
    };
    let (mut files_base, mut static_credentials) = (None, false);
    if level != Level::Above {
        files_base = fields.read("spec.files.base_path", |text| fields.path(text));
        static_credentials = fields.is_set("spec.files.static");
        if static_credentials && kind.as_ref().is_some_and(Kind::hands_out_keys) {
            let message = "`spec.files.static: true` is refused with `session.kind: keys`: a \
                           long-lived access key is not written to a file";
            fields.problems().error(&fields.location, message);
        }
    }
    Some(EntrySettings {
        kind: kind?,
        region,
        endpoint_url,
        hosts,
        env,
        files_base,
        static_credentials,
    })
}

/// Every key that some kind of a section may have: what its readers look for in an empty entry.
fn keys_of(section: EntrySection, reader: &Reader<'_>) -> Vec<&'static str> {
    let (nothing, scratch) = (
        Node::nothing(),
        Reader::new(reader.folder, reader.file_name, reader.environment),
    );
    let mut keys = Vec::new();
    for known in section.kinds() {
        let location = Location {
            at: nothing.at,
            path: String::new(),
            subject: Blocked::None,
        };
        let fields = Fields::new(&scratch, &nothing, location);
        let footing = Footing::NONE;
        if section == EntrySection::Identities {
            read_common(&fields, known.name.level);
        }
        read_settings(&fields, known, &footing);
        keys.extend(fields.into_sought());
    }
    keys
}

fn via(fields: &Fields<'_>) -> Option<Via> {
    let provider = fields.try_read("via.provider", values::any);
    let identity = fields.try_read("via.identity", values::any);
    match (provider.ok()?, identity.ok()?) {
        (Some(provider), None) => Some(Via::Provider(provider.value, provider.location)),
        (None, Some(identity)) => Some(Via::Identity(identity.value, identity.location)),
        (Some(_), Some(identity)) => {
            let message = "write `via.provider` or `via.identity`, not both";
            fields.problems().error(&identity.location, message);
            None
        }
        (None, None) => {
            let message =
                "`via` is missing: `via: { provider: NAME }` or `via: { identity: NAME }`";
            fields.problems().error(&fields.location, message);
            None
        }
    }
}

/// What an identity of an unknown kind seems to stand on: for lists, so nothing is reported.
fn unchecked_via(fields: &Fields<'_>) -> Option<Via> {
    let via = fields.node.child("via")?;
    let text = |key: &str| via.child(key).and_then(Node::text).map(str::to_owned);
    let location = fields.location.below("via", via.at);
    match text("identity") {
        Some(name) => Some(Via::Identity(name, location)),
        None => text("provider").map(|name| Via::Provider(name, location)),
    }
}
