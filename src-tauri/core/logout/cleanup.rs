//! Clean-up: sessions that have ended, and what identities left behind that this configuration no
//! longer has. Entries and sections say which configuration they came from: those of others are not
//! looked at. Repair: what is stored for an identity, what is wrong with it, and what of that can
//! be mended without losing anything.

use super::plan::{KEYCHAIN, LongLivedKeys, files_of};
use super::report::{Report, Step, Subject, What};
use super::run::{entry_step, held, profile_step};
use crate::ask::Note;
use crate::aws::FaultKind;
use crate::clock;
use crate::config::{AwsFiles, Chain, Identity, Kind, Severity};
use crate::duration::{in_units, time_left};
use crate::error::{Code, Error, Result};
use crate::files;
use crate::ids::AccessKeyId;
use crate::providers::{StandingKeys, session_owner, standing_keys};
use crate::secret::Session;
use crate::store::{Dropped, EntryKind, EntryName, Mode, UpTo};
use crate::world::World;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cleanup {
    /// Of identities that are no longer configured. They cannot be had again, so that takes a word.
    pub long_lived_keys: LongLivedKeys,
    pub mode: Mode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    Ok,
    Mended,
    Broken,
}

/// What a repair brings back, beside mending what loses nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recover {
    #[default]
    Nothing,
    /// `--restore`: access keys that were set aside are in use again.
    SetAside,
    /// `--take-over`: what was stored for a configuration file that is gone is this one's.
    OfAGoneFile,
}

impl Recover {
    pub fn nothing(&self) -> bool {
        *self == Recover::Nothing
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Of the identity or the provider.
    pub name: String,
    pub status: Health,
    pub detail: String,
    pub remedy: Option<String>,
}

impl Finding {
    fn ok(name: &str, detail: impl Into<String>) -> Finding {
        Finding {
            name: name.to_owned(),
            status: Health::Ok,
            detail: detail.into(),
            remedy: None,
        }
    }

    fn mended(name: &str, detail: impl Into<String>) -> Finding {
        Finding {
            name: name.to_owned(),
            status: Health::Mended,
            detail: detail.into(),
            remedy: None,
        }
    }

    pub fn needs_a_person(name: &str, detail: impl Into<String>, remedy: String) -> Finding {
        Finding {
            name: name.to_owned(),
            status: Health::Broken,
            detail: detail.into(),
            remedy: Some(remedy),
        }
    }

    fn broken(name: &str, error: &Error) -> Finding {
        let remedy = (!error.hints.is_empty()).then(|| error.hints.join("; "));
        Finding {
            name: name.to_owned(),
            status: Health::Broken,
            detail: error.message.clone(),
            remedy,
        }
    }
}

/// Fails only when the keyring cannot be listed.
pub async fn clean_up(world: &World, cleanup: Cleanup) -> Result<Report> {
    let mut report = Report::of(Subject::Cleanup, "cleanup", cleanup.mode);
    if !knows_all_names(world) {
        report.notes.push(
            "the configuration has errors, so nothing is taken for left behind: `fob validate`"
                .to_owned(),
        );
    }
    for entry in world.store.entries().await? {
        clean_entry(world, &entry, cleanup, &mut report).await;
    }
    for files in places(world) {
        match world.store.profiles.beside(&files) {
            Ok(found) => clean_profiles(world, found, cleanup.mode, &mut report).await,
            Err(error) => {
                let path = files
                    .folder
                    .parent()
                    .unwrap_or(&files.base)
                    .display()
                    .to_string();
                let step = Step::at(What::Folder, "cleanup", path, "profiles");
                report.steps.push(step.became(Err(error), cleanup.mode));
            }
        }
    }
    Ok(report)
}

async fn clean_entry(world: &World, entry: &EntryName, cleanup: Cleanup, report: &mut Report) {
    let EntryName { kind, .. } = entry;
    let name = entry.name();
    let known = world.config.identity(name).is_ok() || world.config.provider(name).is_ok();
    let step = |detail: &str| entry_step(world, *kind, name, detail);
    let step = match (kind, known, cleanup.long_lived_keys) {
        (EntryKind::Session, true, _) => {
            // A session that cannot be read is `fob repair`'s business.
            match world.store.drop_expired_session(name, cleanup.mode).await {
                Ok(Dropped::Absent) => return,
                dropped => step("expired").became(dropped, cleanup.mode),
            }
        }
        (EntryKind::SetAside, true, _) => {
            let holds = held(world, *kind, name).await.unwrap_or_default();
            match world.store.keys.forget_if_over(name, cleanup.mode).await {
                Ok(Dropped::Absent) => return,
                dropped => step(&holds).became(dropped, cleanup.mode),
            }
        }
        (EntryKind::Keys | EntryKind::Token, true, _) => return,
        // The end of the audit log belongs to the realm, not to an identity.
        (EntryKind::Audit, _, _) => return,
        (_, false, _) if !knows_all_names(world) => return,
        (EntryKind::Keys | EntryKind::SetAside, false, LongLivedKeys::Keep) => {
            let holds = held(world, *kind, name).await.unwrap_or_default();
            step(&format!("kept: {holds}; no longer configured")).stays_unless_told(KEYCHAIN)
        }
        (EntryKind::Keys | EntryKind::SetAside, false, LongLivedKeys::Remove) => {
            let holds = held(world, *kind, name).await.unwrap_or_default();
            let dropped = world.store.drop_entry(*kind, name, cleanup.mode).await;
            step(&format!("{holds}; no longer configured")).became(dropped, cleanup.mode)
        }
        (EntryKind::Session | EntryKind::Token, false, _) => {
            let dropped = world.store.drop_entry(*kind, name, cleanup.mode).await;
            step("no longer configured").became(dropped, cleanup.mode)
        }
    };
    report.steps.push(step);
}

/// An identity with a slip of the pen in its name is no identity that is gone.
fn knows_all_names(world: &World) -> bool {
    world
        .config
        .problems()
        .iter()
        .all(|problem| problem.severity != Severity::Error)
}

/// Each folder above the providers' once, however many providers it has.
fn places(world: &World) -> Vec<AwsFiles> {
    let of_identities = world
        .config
        .identities()
        .iter()
        .filter_map(|identity| files_of(&world.config, identity));
    let of_providers = world
        .config
        .providers()
        .iter()
        .filter_map(|provider| world.config.files(provider).ok());
    let stand_alone = world
        .config
        .provider("aws-user")
        .ok()
        .and_then(|it| world.config.files(it).ok());
    let mut seen = BTreeSet::new();
    let all = of_identities.chain(of_providers).chain(stand_alone);
    all.filter(|files| seen.insert(files.folder.parent().map(std::path::Path::to_owned)))
        .collect()
}

async fn clean_profiles(
    world: &World,
    found: Vec<(AwsFiles, String)>,
    mode: Mode,
    report: &mut Report,
) {
    let mut left: Vec<(AwsFiles, Vec<String>)> = Vec::new();
    for (files, name) in found {
        let stays = match world.config.identity(&name) {
            // Where the chain is broken the place of the profile is not known: it stays.
            Ok(identity) => {
                files_of(&world.config, identity).is_none_or(|own| own.folder == files.folder)
            }
            Err(_) => !knows_all_names(world),
        };
        match left.last_mut() {
            _ if stays => {}
            Some((last, names)) if last.folder == files.folder => names.push(name),
            Some(_) | None => left.push((files, vec![name])),
        }
    }
    for (files, names) in left {
        let provider = files
            .folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let cleared = world
            .store
            .profiles
            .clear(&files, &names, UpTo::Provider, mode)
            .await;
        report.steps.extend(
            cleared
                .into_iter()
                .map(|it| profile_step(it, &provider, mode)),
        );
    }
}

/// One identity with its chain, or all. Never removes what it cannot read, and never long-lived
/// keys.
pub async fn repair(
    world: &World,
    identity: Option<&str>,
    recover: Recover,
    notes: &mut Vec<Note>,
) -> Result<Vec<Finding>> {
    let identities: Vec<&Identity> = match identity {
        Some(name) => {
            let names = world.config.chain_names(world.config.identity(name)?);
            names
                .into_iter()
                .filter_map(|name| world.config.identity(name).ok())
                .collect()
        }
        None => world
            .config
            .identities()
            .iter()
            .filter(|identity| identity.is_supported)
            .collect(),
    };
    let mut findings = recovered(world, &identities, recover).await?;
    for identity in identities {
        match world.config.chain(identity) {
            Ok(chain) => findings.extend(repair_one(world, identity, &chain, recover, notes).await),
            Err(error) => findings.push(Finding::broken(identity.name.as_str(), &error)),
        }
    }
    Ok(findings)
}

async fn repair_one(
    world: &World,
    identity: &Identity,
    chain: &Chain,
    recover: Recover,
    notes: &mut Vec<Note>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let name = identity.name.as_str();
    findings.extend(repair_mark(world, name).await);
    if identity.kind == "aws/user" {
        let stored = world.store.keys.find(name, None).await;
        findings.push(match stored {
            Ok(None) => Finding::ok(name, "no access keys are stored in the keyring"),
            Ok(Some(stored)) => match stored.long_lived.keys {
                // What a person brings back is shown to AWS by the next sign-in.
                Some(keys) if recover == Recover::SetAside => is_stored(name, &keys.access_key_id),
                Some(keys) => stored_key(world, chain, &keys.access_key_id).await,
                None => Finding::needs_a_person(
                    name,
                    "AWS no longer knows its access key, which was cleared; MFA device and \
                     duration are remembered",
                    format!("fob user configure {name}"),
                ),
            },
            Err(error) => Finding::broken(name, &error),
        });
        findings.extend(list_set_aside(world, name).await);
    }
    findings.push(repair_session(world, name, chain).await);
    findings.extend(repair_program(world, name, chain, notes).await);
    findings.extend(repair_profile(world, name, chain).await);
    findings
}

/// AWS's word on it is only reported: a sign-in clears what AWS no longer knows.
async fn stored_key(world: &World, chain: &Chain, id: &AccessKeyId) -> Finding {
    let (name, link) = (chain.identity.as_str(), chain.target());
    let Kind::User(user) = &link.kind else {
        return is_stored(name, id);
    };
    match standing_keys(world, user, link).await {
        Ok(Some(StandingKeys {
            owner: Err(fault), ..
        })) => {
            if let FaultKind::UnknownKeys | FaultKind::SecretMismatch = fault.kind {
                let text = format!("AWS does not know access key {id}: rotated or revoked");
                return Finding::needs_a_person(name, text, format!("fob user configure {name}"));
            }
            let error = fault.into_error(&link.region);
            let text = format!(
                "access key {id} is stored; AWS could not be asked whether it knows it: {error}"
            );
            Finding::ok(name, text)
        }
        Ok(_) => is_stored(name, id),
        Err(error) => Finding::broken(name, &error),
    }
}

fn is_stored(name: &str, id: &AccessKeyId) -> Finding {
    Finding::ok(name, format!("access key {id} is stored"))
}

/// What a person wanted back: without any it is an error.
async fn recovered(
    world: &World,
    identities: &[&Identity],
    recover: Recover,
) -> Result<Vec<Finding>> {
    let (mut findings, store) = (Vec::new(), &world.store);
    for identity in identities {
        let name = identity.name.as_str();
        let detail = match recover {
            Recover::Nothing => None,
            Recover::SetAside => store.keys.restore(name).await?.map(|keys| {
                let id = keys.access_key_id;
                format!("access key {id} was set aside, and is in use again")
            }),
            Recover::OfAGoneFile => taken_over(world, identity).await?.map(|gone| {
                let here = world.config.path().display();
                format!("what was stored for {gone} belongs to {here} now")
            }),
        };
        findings.extend(detail.map(|detail| Finding::mended(name, detail)));
    }
    let nothing = match recover {
        _ if !findings.is_empty() => return Ok(findings),
        Recover::Nothing => return Ok(findings),
        Recover::SetAside => "no access keys are set aside",
        Recover::OfAGoneFile => {
            "nothing here was stored for a configuration file that is no longer there"
        }
    };
    Err(Error::new(Code::InvalidInput, nothing))
}

/// With the sign-in that its chain starts at.
async fn taken_over(world: &World, identity: &Identity) -> Result<Option<String>> {
    let store = &world.store;
    let own = store.take_over(identity.name.as_str()).await?;
    let chain = world.config.chain(identity).ok();
    let source = chain.as_ref().map(Chain::source);
    let Some(source) = source.filter(|it| it.sign_in_address().is_some()) else {
        return Ok(own);
    };
    let name = source.sign_in_name(&world.config);
    Ok(store.sign_ins.take_over(&name).await?.or(own))
}

async fn list_set_aside(world: &World, name: &str) -> Option<Finding> {
    match world.store.keys.set_aside(name).await {
        Ok(None) => None,
        Ok(Some(aside)) => {
            let id = aside.stored.long_lived.keys.as_ref()?.access_key_id.clone();
            let (since, until) = (clock::day(aside.since), clock::day(aside.until()));
            let detail = format!(
                "access key {id} is set aside since {since} and until {until}: {}; \
                 `fob repair {name} --restore` uses it again",
                aside.reason
            );
            Some(Finding::ok(name, detail))
        }
        Err(error) => Some(Finding::broken(name, &error)),
    }
}

/// The content of a damaged mark is not known; signed out is the side that hurts no user.
async fn repair_mark(world: &World, name: &str) -> Option<Finding> {
    match world.store.sign_outs.since(name) {
        Ok(None) => None,
        Ok(Some(_)) => Some(Finding::ok(
            name,
            format!("signed out; `fob login {name}` signs in again"),
        )),
        Err(unreadable) => Some(match world.store.sign_outs.sign_out(name).await {
            Ok(()) => Finding::mended(
                name,
                format!("{}: written anew, as signed out", unreadable.message),
            ),
            Err(error) => Finding::broken(name, &error),
        }),
    }
}

async fn repair_session(world: &World, name: &str, chain: &Chain) -> Finding {
    let at = match world.endpoint(chain.target()) {
        Ok(at) => at,
        Err(error) => return Finding::broken(name, &error),
    };
    let stored = match world.store.session(name, Some(&at)).await {
        Ok(None) => return Finding::ok(name, "no session is stored"),
        Ok(Some(stored)) => stored,
        Err(error) => return Finding::broken(name, &error),
    };
    let session = &stored.session;
    let why = if !session.is_usable(world.clock.now()) {
        "its session has ended"
    } else if stored.plan != world.fingerprint(chain, chain.links().len() - 1) {
        "its session was made before the configuration was changed, and is not used"
    } else {
        match still_known(world, chain, session).await {
            Ok(finding) => return finding,
            Err(why) => why,
        }
    };
    // Another process may have made one meanwhile.
    let is_it = |it: &Session| it.keys == session.keys;
    match world.store.drop_session_if(name, is_it).await {
        Ok(_) => Finding::mended(name, format!("{why}: removed")),
        Err(error) => Finding::broken(name, &error),
    }
}

/// `Err`: why it is to be removed.
async fn still_known(
    world: &World,
    chain: &Chain,
    session: &Session,
) -> Result<Finding, &'static str> {
    let (link, name) = (chain.target(), chain.identity.as_str());
    let left = in_units(time_left(session.expires_at, world.clock.now()));
    let lasts = format!("its session is valid for {left}");
    match session_owner(world, link, session).await {
        Ok(_) => Ok(Finding::ok(name, lasts)),
        Err(fault) if fault.ends_a_session() => {
            // Unwritten, it is only not listed as revoked.
            let _ = world.store.sign_outs.refused(name).await;
            Err("AWS no longer knows its session")
        }
        Err(fault) => {
            let error = fault.into_error(&link.region);
            let text = format!("{lasts}; AWS could not be asked whether it knows it: {error}");
            Ok(Finding::ok(name, text))
        }
    }
}

/// Written anew, with the session that is stored, where the program that it names is gone.
pub async fn repair_program(
    world: &World,
    name: &str,
    chain: &Chain,
    notes: &mut Vec<Note>,
) -> Option<Finding> {
    let broken = world.profiles_without_program([&chain.files]);
    let broken = broken
        .into_iter()
        .find(|it| it.identity.eq_ignore_ascii_case(name))?;
    let stored = world.store.session(name, None).await.ok().flatten();
    let session = stored.map(|it| it.session);
    let program = broken.program.display();
    Some(match world.write_profile(chain, session.as_ref()).await {
        Ok(written) => {
            written.note(notes);
            let now = world.environment.program().display();
            Finding::mended(
                name,
                format!("its profile ran {program}, which is gone; now it runs {now}"),
            )
        }
        Err(error) => Finding::broken(name, &error),
    })
}

async fn repair_profile(world: &World, name: &str, chain: &Chain) -> Vec<Finding> {
    let paths = match world.store.profiles.paths(&chain.files, name) {
        Ok(paths) => paths,
        Err(error) => return vec![Finding::broken(name, &error)],
    };
    let mut findings = Vec::new();
    let base = &chain.files.base;
    if base.exists()
        && let Err(error) = files::create_folder(base)
    {
        findings.push(Finding::broken(name, &error));
    }
    for path in &paths {
        let shown = path.display();
        findings.push(match files::make_private(path) {
            Ok(true) => Finding::mended(
                name,
                format!("others could open {shown}: they no longer can"),
            ),
            Ok(false) => Finding::ok(name, format!("its profile is in {shown}")),
            Err(error) => Finding::broken(name, &error),
        });
    }
    let signed_out = matches!(world.store.sign_outs.since(name), Ok(Some(_)));
    if signed_out && !paths.is_empty() {
        let names = [name.to_owned()];
        for cleared in world
            .store
            .profiles
            .clear(&chain.files, &names, UpTo::Nothing, Mode::Run)
            .await
        {
            findings.push(match cleared.outcome {
                Ok(_) => Finding::mended(
                    name,
                    format!(
                        "signed out, and had a profile in {}",
                        cleared.path.display()
                    ),
                ),
                Err(error) => Finding::broken(name, &error),
            });
        }
    }
    findings
}
