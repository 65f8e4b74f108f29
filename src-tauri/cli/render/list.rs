//! `fob list`: as a tree along the chains, as a table, as JSON, as a Mermaid graph.

use super::moment::{left, rfc3339};
use super::state;
use super::table::{Cell, columns, total_width};
use crate::terminal::{dim, one_line, paint};
use keyfob_core::agent::api::{IdentityStatus, Snapshot, State};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// The provider under which stand-alone identities are shown.
const STAND_ALONE: &str = "aws-user";

#[derive(Debug, Serialize)]
pub struct ListJson<'a> {
    providers: Vec<ProviderJson<'a>>,
    identities: Vec<IdentityJson<'a>>,
}

#[derive(Debug, Serialize)]
struct ProviderJson<'a> {
    name: &'a str,
    kind: &'a str,
}

#[derive(Debug, Serialize)]
struct IdentityJson<'a> {
    name: &'a str,
    kind: &'a str,
    provider: Option<&'a str>,
    chain: &'a [String],
    state: State,
    expires_at: Option<String>,
    expires_in_seconds: Option<u32>,
    default: bool,
}

impl<'a> ListJson<'a> {
    pub fn of(list: &'a Snapshot) -> ListJson<'a> {
        let identity = |it: &'a IdentityStatus| {
            let IdentityStatus {
                name,
                kind,
                provider,
                chain,
                state,
                expires_at,
                expires_in_seconds,
                default,
                ..
            } = it;
            IdentityJson {
                name,
                kind,
                provider: provider.as_deref(),
                chain,
                state: *state,
                expires_at: expires_at.map(rfc3339),
                expires_in_seconds: *expires_in_seconds,
                default: *default,
            }
        };
        ListJson {
            providers: list
                .providers
                .iter()
                .map(|it| ProviderJson {
                    name: &it.name,
                    kind: &it.kind,
                })
                .collect(),
            identities: list.identities.iter().map(identity).collect(),
        }
    }
}

/// Identities below what they are reached from.
pub fn tree(list: &Snapshot) -> String {
    let branches = Branches::of(list);
    let mut text = String::new();
    for provider in &list.providers {
        let _ = writeln!(
            text,
            "{}  {}",
            one_line(&provider.name),
            dim(&one_line(&provider.kind))
        );
        branches.draw(&Above::Provider(&provider.name), "", &mut text);
    }
    if branches.0.contains_key(&Above::Provider(STAND_ALONE)) {
        let _ = writeln!(text, "{STAND_ALONE}");
        branches.draw(&Above::Provider(STAND_ALONE), "", &mut text);
    }
    if branches.0.contains_key(&Above::Nothing) {
        let _ = writeln!(text, "cannot be used: `fob validate` says why");
        branches.draw(&Above::Nothing, "", &mut text);
    }
    text
}

/// What an identity hangs from in the tree.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Above<'a> {
    Provider(&'a str),
    Identity(&'a str),
    /// Its chain is broken.
    Nothing,
}

#[derive(Debug)]
struct Branches<'a>(BTreeMap<Above<'a>, Vec<&'a IdentityStatus>>);

impl<'a> Branches<'a> {
    fn of(list: &'a Snapshot) -> Branches<'a> {
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
        Branches(branches)
    }

    /// The agent's chains have no cycles; the depth of a chain bounds the depth here.
    fn draw(&self, above: &Above<'_>, indent: &str, text: &mut String) {
        let Some(identities) = self.0.get(above) else {
            return;
        };
        for (i, identity) in identities.iter().enumerate() {
            let (branch, below) = if i + 1 == identities.len() {
                ("└─ ", "   ")
            } else {
                ("├─ ", "│  ")
            };
            let _ = writeln!(text, "{indent}{branch}{}", entry(identity));
            self.draw(
                &Above::Identity(&identity.name),
                &format!("{indent}{below}"),
                text,
            );
        }
    }
}

fn entry(identity: &IdentityStatus) -> String {
    let (shape, word, color) = state(identity.state);
    let shape = color.map_or_else(|| shape.to_owned(), |color| paint(color, shape));
    let mut text = format!("{shape} {}  {word}", one_line(&identity.name));
    if let Some(time) = time_left(identity) {
        let _ = write!(text, ", {time}");
    }
    if identity.default {
        text.push_str(", default");
    }
    let _ = write!(text, "  {}", dim(&one_line(&identity.kind)));
    text
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
            Column::State => {
                let (shape, word, color) = state(it.state);
                Cell::colored(&format!("{shape} {word}"), color)
            }
            Column::Left => Cell::new(&time_left(it).unwrap_or_default()),
            Column::Default => Cell::new(if it.default { "yes" } else { "" }),
            Column::Kind => Cell::new(&it.kind),
            Column::Chain => Cell::new(&it.chain.join(" → ")),
        };
        shown.iter().map(cell).collect()
    };
    std::iter::once(head.collect())
        .chain(list.identities.iter().map(row))
        .collect()
}

/// For a page that draws Mermaid: who is reached from whom.
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
    Some(left(Duration::from_secs(seconds.into())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyfob_core::agent::api::ListedProvider;
    use std::time::SystemTime;

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
            issued_at: None,
            expires_at: None,
            expires_in_seconds: None,
            default: false,
            next_refresh: None,
            failing: None,
            last_caller: None,
        }
    }

    fn sample() -> Snapshot {
        let kim = IdentityStatus {
            expires_at: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_798_113_481)),
            expires_in_seconds: Some(129_599),
            default: true,
            ..identity(&["kim"], "aws/user", State::Valid)
        };
        Snapshot {
            agent: None,
            prompts: Vec::new(),
            providers: vec![ListedProvider {
                name: "corp-sso".to_owned(),
                kind: "aws/iam-identity-center".to_owned(),
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
        insta::assert_snapshot!(plain(&tree(&sample())), @r"
        corp-sso  aws/iam-identity-center
        └─ – org-admin  unsupported  aws/permission-set
           └─ – deploy  unsupported  aws/assume-role
        aws-user
        └─ ● kim  valid, 35h 59m, default  aws/user
           └─ ✕ ops  denied  aws/assume-role
        cannot be used: `fob validate` says why
        └─ ? broken  unknown  aws/assume-role
        ");
    }

    #[test]
    fn the_table_loses_columns_on_a_narrow_terminal_but_never_names_states_and_times() {
        insta::assert_snapshot!(plain(&table(&sample(), None)), @r"
        IDENTITY   STATE          LEFT     DEFAULT  KIND                CHAIN
        kim        ● valid        35h 59m  yes      aws/user            kim
        org-admin  – unsupported                    aws/permission-set  corp-sso → org-admin
        deploy     – unsupported                    aws/assume-role     corp-sso → org-admin → deploy
        ops        ✕ denied                         aws/assume-role     kim → ops
        broken     ? unknown                        aws/assume-role
        ");
        insta::assert_snapshot!(plain(&table(&sample(), Some(40))), @r"
        IDENTITY   STATE          LEFT     DEFAULT
        kim        ● valid        35h 59m  yes
        org-admin  – unsupported
        deploy     – unsupported
        ops        ✕ denied
        broken     ? unknown
        ");
    }

    #[test]
    fn json_keeps_the_agreed_shape() {
        let mut list = sample();
        list.identities.truncate(1);
        insta::assert_snapshot!(serde_json::to_string(&ListJson::of(&list)).expect("serializes"), @r#"{"providers":[{"name":"corp-sso","kind":"aws/iam-identity-center"}],"identities":[{"name":"kim","kind":"aws/user","provider":"aws-user","chain":["kim"],"state":"valid","expires_at":"2026-12-24T11:58:01Z","expires_in_seconds":129599,"default":true}]}"#);
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
