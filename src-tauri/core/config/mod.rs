//! The configuration: found, read, and resolved into what it means; changed, and made from the
//! files of AWS tools. Reading goes from the text (`yaml`) over single values (`reader`) and
//! entries (`kinds`, `entries`, `links`) to a [`Config`], and from there to a [`Chain`].

mod assigned;
mod atmos;
mod chain;
mod choice;
mod configuration;
mod database_host;
mod databases;
mod edit;
mod entries;
mod file;
mod general;
mod identity;
mod import;
mod kinds;
mod links;
mod names;
mod problem;
mod profiles;
mod reader;
mod sensitive;
#[cfg(test)]
mod tests;
mod trust;
mod user_settings;
mod values;
mod variables;
mod yaml;

pub use assigned::{AssignedAccount, AssignedBy, assigned_folder, only_of_name};
pub use chain::{AwsFiles, Chain, Link, awaited_list, chain_of_provider, sources};
pub use choice::AssignedRole;
pub use configuration::{Config, locate, place};
pub use database_host::{DatabaseHost, DatabaseService};
pub use databases::{Database, Engine, PasswordSecret};
pub(crate) use edit::Original;
pub use edit::{
    Change, EntryList, NewIdentity, NewIdentityCenter, NewKind, NewWebIdentity, WrittenEntry,
    added, change,
};
pub use file::is_blank;
pub use general::{KeyringChoice, NotifyTimes};
pub use identity::{HostVariant, Identity, Provider};
pub use import::{
    Import, ImportSource, Importable, ImportedKeys, LeftOut, ProfileKind, import,
    import_configuration, importable,
};
pub use kinds::{
    AccountReference, AssumeRole, AssumeRoot, ConfiguredKeys, GithubOidc, Gives, HandedOut,
    IdentityCenter, Kind, PermissionSet, Process, Saml, SessionTag, User, WebIdentity,
};
pub(crate) use kinds::{is_start_url_of_aws, one_start_url, region_of_start_url};
pub use problem::{Problem, Severity};
pub(crate) use profiles::{SharedProfile, SharedProfiles, shared_config_path, shared_text};
pub use sensitive::SensitivePart;
pub use trust::Trust;
pub use user_settings::UserSettings;
pub use values::{role_arn, url as endpoint_url};
