//! `fob list`: as a tree along the chains, as a table, as JSON, as a Mermaid graph.

use super::state::{painted_shape, state_cell};
use super::table::{Cell, columns, total_width};
use crate::terminal::{dim, one_line};
use keyfob_core::agent::api::{AccessKeyStatus, IdentityStatus, ListedProvider, Snapshot};
use keyfob_core::view::state::{in_whole_seconds, sign_in_words, word};
use keyfob_core::view::time::{in_units, whole_seconds};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

/// The provider under which stand-alone identities are shown.
const STAND_ALONE: &str = "aws-user";
/// Marks an identity without sessions.
pub(super) const HANDS_OUT_KEYS: &str = "hands out long-lived keys";

#[derive(Debug, Serialize)]
pub struct ListJson {
    providers: Vec<ListedProvider>,
    identities: Vec<IdentityStatus>,
}

impl ListJson {
    pub fn of(list: &Snapshot) -> ListJson {
        let providers = list.providers.iter().map(|it| ListedProvider {
            sign_in: it.sign_in.map(in_whole_seconds),
            ..it.clone()
        });
        let identities = list.identities.iter().map(|it| IdentityStatus {
            issued_at: it.issued_at.map(whole_seconds),
            expires_at: it.expires_at.map(whole_seconds),
            sign_in: it.sign_in.map(in_whole_seconds),
            access_key: it.access_key.clone().map(|key| AccessKeyStatus {
                since: key.since.map(whole_seconds),
                ..key
            }),
            // What only an agent knows is of the status.
            next_refresh: None,
            failing: None,
            last_caller: None,
            ..it.clone()
        });
        ListJson {
            providers: providers.collect(),
            identities: identities.collect(),
        }
    }
}

/// Each identity below the one it is reached from.
pub fn tree(list: &Snapshot, now: SystemTime) -> String {
    let branches = Branches::of(list, now);
    let mut text = String::new();
    for provider in &list.providers {
        let sign_in = provider.sign_in.as_ref();
        let sign_in = sign_in.map(|it| format!("  {}", sign_in_words(it, now)));
        let _ = writeln!(
            text,
            "{}  {}{}",
            one_line(&provider.name),
            dim(&one_line(&provider.kind)),
            sign_in.unwrap_or_default()
        );
        branches.draw(&Above::Provider(&provider.name), "", &mut text);
    }
    if branches
        .branches
        .contains_key(&Above::Provider(STAND_ALONE))
    {
        let _ = writeln!(text, "{STAND_ALONE}");
        branches.draw(&Above::Provider(STAND_ALONE), "", &mut text);
    }
    if branches.branches.contains_key(&Above::Nothing) {
        let _ = writeln!(text, "not usable: `fob validate` says why");
        branches.draw(&Above::Nothing, "", &mut text);
    }
    text
}

/// The parent of an identity in the tree.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Above<'a> {
    Provider(&'a str),
    Identity(&'a str),
    /// Its chain is broken.
    Nothing,
}

#[derive(Debug)]
struct Branches<'a> {
    branches: BTreeMap<Above<'a>, Vec<&'a IdentityStatus>>,
    now: SystemTime,
}

impl<'a> Branches<'a> {
    fn of(list: &'a Snapshot, now: SystemTime) -> Branches<'a> {
        let is_listed = |name: &str| list.identities.iter().any(|it| it.name == name);
        let has_provider = |name: &str| list.providers.iter().any(|it| it.name == name);
        let mut branches: BTreeMap<Above<'a>, Vec<&'a IdentityStatus>> = BTreeMap::new();
        for identity in &list.identities {
            let above = match identity.chain.as_slice() {
                [_] => Above::Provider(STAND_ALONE),
                [provider, _] if has_provider(provider) => Above::Provider(provider),
                [.., parent, _] if is_listed(parent) => Above::Identity(parent),
                [..] => Above::Nothing,
            };
            branches.entry(above).or_default().push(identity);
        }
        Branches { branches, now }
    }

    /// The agent's chains have no cycles; the depth of a chain bounds the depth here.
    fn draw(&self, above: &Above<'_>, indent: &str, text: &mut String) {
        let Some(identities) = self.branches.get(above) else {
            return;
        };
        for (i, identity) in identities.iter().enumerate() {
            let (branch, below) = if i + 1 == identities.len() {
                ("└─ ", "   ")
            } else {
                ("├─ ", "│  ")
            };
            let _ = writeln!(text, "{indent}{branch}{}", entry(identity, self.now));
            self.draw(
                &Above::Identity(&identity.name),
                &format!("{indent}{below}"),
                text,
            );
        }
    }
}

fn entry(identity: &IdentityStatus, now: SystemTime) -> String {
    let state = identity.state;
    let mut text = painted_shape(state);
    let _ = write!(text, " {}  {}", one_line(&identity.name), word(state));
    if let Some(time) = time_left(identity) {
        let _ = write!(text, ", {time}");
    }
    if let Some(sign_in) = &identity.sign_in {
        let _ = write!(text, ", {}", sign_in_words(sign_in, now));
    }
    if identity.hands_out_keys {
        let _ = write!(text, ", {HANDS_OUT_KEYS}");
    }
    if let Some(age) = old_key(identity, now) {
        let _ = write!(text, ", {age}");
    }
    if identity.default {
        text.push_str(", default");
    }
    let _ = write!(text, "  {}", dim(&one_line(&identity.kind)));
    text
}

/// `access key 97 d old`, from the age on at which it should be replaced.
fn old_key(identity: &IdentityStatus, now: SystemTime) -> Option<String> {
    let key = identity.access_key.as_ref().filter(|key| key.is_old)?;
    let age = now.duration_since(key.since?).ok()?;
    Some(format!("access key {} old", in_units(age)))
}

/// Columns are left out from the right until the table fits; names, states and times always stay.
pub fn table(list: &Snapshot, width: Option<usize>) -> String {
    let optional = [Column::Chain, Column::Kind];
    let mut shown: Vec<Column> = vec![
        Column::Name,
        Column::State,
        Column::Left,
        Column::Default,
        Column::Kind,
        Column::Chain,
    ];
    for column in optional {
        if width.is_none_or(|width| total_width(&rows(list, &shown)) <= width) {
            break;
        }
        shown.retain(|it| *it != column);
    }
    columns(&rows(list, &shown))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Name,
    State,
    Left,
    Default,
    Kind,
    Chain,
}

fn rows(list: &Snapshot, shown: &[Column]) -> Vec<Vec<Cell>> {
    let head = shown.iter().map(|column| {
        Cell::new(match column {
            Column::Name => "IDENTITY",
            Column::State => "STATE",
            Column::Left => "LEFT",
            Column::Default => "DEFAULT",
            Column::Kind => "KIND",
            Column::Chain => "CHAIN",
        })
    });
    let row = |it: &IdentityStatus| {
        let cell = |column: &Column| match column {
            Column::Name => Cell::new(&it.name),
            Column::State => state_cell(it.state),
            Column::Left => Cell::new(&time_left(it).unwrap_or_default()),
            Column::Default => Cell::new(if it.default { "yes" } else { "" }),
            Column::Kind if it.hands_out_keys => {
                Cell::new(&format!("{}, {HANDS_OUT_KEYS}", it.kind))
            }
            Column::Kind => Cell::new(&it.kind),
            Column::Chain => Cell::new(&it.chain.join(" → ")),
        };
        shown.iter().map(cell).collect()
    };
    std::iter::once(head.collect())
        .chain(list.identities.iter().map(row))
        .collect()
}

/// For a page that draws Mermaid: which identity is reached from which.
pub fn mermaid(list: &Snapshot) -> String {
    let mut text = "graph LR\n".to_owned();
    let mut nodes: Vec<&str> = Vec::new();
    let mut edges = Vec::new();
    let mut node = |name, text: &mut String| {
        nodes.iter().position(|it| *it == name).unwrap_or_else(|| {
            nodes.push(name);
            let label = one_line(name).replace('"', "#quot;");
            let _ = writeln!(text, "  n{}[\"{label}\"]", nodes.len() - 1);
            nodes.len() - 1
        })
    };
    for provider in &list.providers {
        node(&provider.name, &mut text);
    }
    for identity in &list.identities {
        let mut below = None;
        for name in &identity.chain {
            let this = node(name, &mut text);
            let edge = below.map(|below| (below, this));
            if let Some(edge) = edge.filter(|edge| !edges.contains(edge)) {
                edges.push(edge);
            }
            below = Some(this);
        }
        node(&identity.name, &mut text);
    }
    for (from, to) in edges {
        let _ = writeln!(text, "  n{from} --> n{to}");
    }
    text
}

fn time_left(identity: &IdentityStatus) -> Option<String> {
    let seconds = identity.expires_in_seconds.filter(|seconds| *seconds > 0)?;
    Some(in_units(Duration::from_secs(seconds.into())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyfob_core::agent::api::State;

    fn identity(chain: &[&str], kind: &str, state: State) -> IdentityStatus {
        IdentityStatus {
            name: chain.last().copied().unwrap_or("broken").to_owned(),
            kind: kind.to_owned(),
            provider: Some(
                if chain.len() > 1 {
                    chain[0]
                } else {
                    STAND_ALONE
                }
                .to_owned(),
            ),
            chain: chain.iter().map(|it| (*it).to_owned()).collect(),
            role: None,
            account: None,
            source: None,
            state,
            hands_out_keys: false,
            issued_at: None,
            expires_at: None,
            expires_in_seconds: None,
            sign_in: None,
            access_key: None,
            default: false,
            next_refresh: None,
            failing: None,
            last_caller: None,
        }
    }

    fn sample() -> Snapshot {
        let kim = IdentityStatus {
            expires_at: Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1_798_113_481_900)),
            expires_in_seconds: Some(129_599),
            default: true,
            ..identity(&["kim"], "aws/user", State::Valid)
        };
        Snapshot {
            agent: None,
            prompts: Vec::new(),
            rotations: Vec::new(),
            databases: Vec::new(),
            providers: vec![ListedProvider {
                name: "corp-sso".to_owned(),
                kind: "aws/iam-identity-center".to_owned(),
                sign_in: None,
            }],
            identities: vec![
                kim,
                identity(
                    &["corp-sso", "org-admin"],
                    "aws/permission-set",
                    State::Unsupported,
                ),
                identity(
                    &["corp-sso", "org-admin", "deploy"],
                    "aws/assume-role",
                    State::Unsupported,
                ),
                identity(&["kim", "ops"], "aws/assume-role", State::Denied),
                identity(&[], "aws/assume-role", State::Unknown),
            ],
            keyring: None,
        }
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn the_tree_follows_the_chains() {
        insta::assert_snapshot!(plain(&tree(&sample(), SystemTime::UNIX_EPOCH)), @r"
        corp-sso  aws/iam-identity-center
        └─ – org-admin  not supported  aws/permission-set
           └─ – deploy  not supported  aws/assume-role
        aws-user
        └─ ● kim  valid, 35h 59m, default  aws/user
           └─ ✕ ops  denied  aws/assume-role
        not usable: `fob validate` says why
        └─ ? broken  unknown  aws/assume-role
        ");
    }

    #[test]
    fn the_table_loses_columns_on_a_narrow_terminal_but_never_names_states_and_times() {
        insta::assert_snapshot!(plain(&table(&sample(), None)), @r"
        IDENTITY   STATE            LEFT     DEFAULT  KIND                CHAIN
        kim        ● valid          35h 59m  yes      aws/user            kim
        org-admin  – not supported                    aws/permission-set  corp-sso → org-admin
        deploy     – not supported                    aws/assume-role     corp-sso → org-admin → deploy
        ops        ✕ denied                           aws/assume-role     kim → ops
        broken     ? unknown                          aws/assume-role
        ");
        insta::assert_snapshot!(plain(&table(&sample(), Some(42))), @r"
        IDENTITY   STATE            LEFT     DEFAULT
        kim        ● valid          35h 59m  yes
        org-admin  – not supported
        deploy     – not supported
        ops        ✕ denied
        broken     ? unknown
        ");
    }

    #[test]
    fn json_keeps_the_agreed_fields() {
        let json = serde_json::to_value(ListJson::of(&sample())).expect("serializes");
        assert_eq!(
            json["providers"][0],
            serde_json::json!({ "name": "corp-sso", "kind": "aws/iam-identity-center" })
        );
        let agreed = serde_json::json!({
            "name": "kim", "kind": "aws/user", "provider": "aws-user", "chain": ["kim"],
            "state": "valid", "expires_at": "2026-12-24T11:58:01Z", "expires_in_seconds": 129_599,
            "default": true,
        });
        for (name, value) in agreed.as_object().expect("an object") {
            assert_eq!(json["identities"][0][name], *value, "{name}");
        }
    }

    #[test]
    fn mermaid_draws_each_edge_once() {
        insta::assert_snapshot!(mermaid(&sample()), @r#"
        graph LR
          n0["corp-sso"]
          n1["kim"]
          n2["org-admin"]
          n3["deploy"]
          n4["ops"]
          n5["broken"]
          n0 --> n2
          n2 --> n3
          n1 --> n4
        "#);
    }
}
