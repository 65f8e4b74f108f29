//! Changes of generated files, with comments and blank lines in odd places, and of damaged ones:
//! nothing else changes.

use super::mutations::{apply, damage};
use super::*;
use proptest::prelude::*;

/// Whatever may stand between two lines.
fn between() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => Just(String::new()),
        1 => Just("\n".to_owned()),
        2 => (0..14_usize).prop_map(|indent| format!("{:indent$}# odd: {{ [ }} 'x\n", "")),
        1 => (0..14_usize).prop_map(|indent| format!("\n{:indent$}#\n\n", "")),
    ]
}

fn behind() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", "", "", " # k", "  #", " "])
}

#[derive(Clone, Copy, Debug)]
enum Style {
    Block,
    Braces,
    Spread,
}

#[derive(Clone, Debug)]
struct Sample {
    unit: usize,
    style: Style,
    /// Whether each is the default, as a mapping in braces, and the key before which its default
    /// stands.
    identities: Vec<(bool, bool, bool)>,
    notify: Option<&'static str>,
    is_windows: bool,
    ends: bool,
    odd: Vec<String>,
    behind: Vec<&'static str>,
}

fn sample() -> impl Strategy<Value = Sample> {
    let identities = prop::collection::vec((any::<bool>(), any::<bool>(), any::<bool>()), 1..5);
    let styles = prop::sample::select(vec![
        Style::Block,
        Style::Block,
        Style::Braces,
        Style::Spread,
    ]);
    let notify = prop::sample::select(vec![
        None,
        Some(" { before: 1h }"),
        Some(""),
        Some(" {}"),
        Some("\n@@before: '1h'"),
    ]);
    let rest = (
        any::<bool>(),
        any::<bool>(),
        prop::collection::vec(between(), 40),
        prop::collection::vec(behind(), 40),
    );
    (1..6_usize, styles, identities, notify, rest).prop_map(
        |(unit, style, identities, notify, (is_windows, ends, odd, behind))| Sample {
            unit,
            style,
            identities,
            notify,
            is_windows,
            ends,
            odd,
            behind,
        },
    )
}

impl Sample {
    fn text(&self) -> String {
        let mut lines: Vec<String> = vec!["logs: {level: x}".to_owned(), "auth:".to_owned()];
        if let Some(notify) = self.notify {
            lines.extend(format!("@notify:{notify}").split('\n').map(str::to_owned));
        }
        let name = |at: usize| format!("id-{at}");
        let is_last = |at: usize| at + 1 == self.identities.len();
        match self.style {
            Style::Block => {
                lines.push("@identities:".to_owned());
                for (at, (is_default, in_braces, is_first)) in self.identities.iter().enumerate() {
                    let default = if *is_default { "true" } else { "false" };
                    if *in_braces {
                        lines.push(format!(
                            "@@{}: {{ kind: aws/user, default: {default} }}",
                            name(at)
                        ));
                        continue;
                    }
                    lines.push(format!("@@\"{}\":", name(at)));
                    let keys = [
                        format!("@@@default: {default}"),
                        "@@@kind: aws/user".to_owned(),
                    ];
                    let (first, second) = if *is_first { (0, 1) } else { (1, 0) };
                    lines.extend([keys[first].clone(), keys[second].clone()]);
                    lines.extend(["@@@env:", "@@@- {key: A, value: b}"].map(str::to_owned));
                }
            }
            Style::Braces => {
                let item = |(at, (is_default, ..)): (usize, &(bool, bool, bool))| {
                    format!("{}: {{kind: aws/user, default: {is_default}}}", name(at))
                };
                let items: Vec<String> = self.identities.iter().enumerate().map(item).collect();
                lines.push(format!("@identities: {{{}}}", items.join(", ")));
            }
            Style::Spread => {
                lines.push("@identities: {".to_owned());
                for (at, (is_default, ..)) in self.identities.iter().enumerate() {
                    let comma = if is_last(at) { "" } else { "," };
                    lines.push(format!(
                        "@@{}: {{kind: aws/user, default: {is_default}}}{comma}",
                        name(at)
                    ));
                }
                lines.push("@@}".to_owned());
            }
        }
        lines.push("@realm: x".to_owned());
        let mut text = String::new();
        for (at, line) in lines.iter().enumerate() {
            let indented = line.replace('@', &" ".repeat(self.unit));
            text.push_str(&self.odd[at % self.odd.len()]);
            text.extend([indented.as_str(), self.behind[at % self.behind.len()], "\n"]);
        }
        text.push_str(&self.odd[self.odd.len() - 1]);
        if !self.ends {
            text.truncate(text.trim_end_matches('\n').len());
        }
        if self.is_windows {
            text.replace('\n', "\r\n")
        } else {
            text
        }
    }
}

/// Whether `after` is `before` with something put in at one place.
fn is_insertion(before: &str, after: &str) -> bool {
    let start = before
        .bytes()
        .zip(after.bytes())
        .take_while(|(old, new)| old == new)
        .count();
    let end = before
        .bytes()
        .rev()
        .zip(after.bytes().rev())
        .take_while(|(old, new)| old == new)
        .count();
    start + end >= before.len()
}

fn comments(text: &str) -> Vec<&str> {
    text.lines()
        .filter_map(|line| line.split_once('#').map(|(_, comment)| comment.trim_end()))
        .collect()
}

fn change(text: &str, change: &Change) -> Result<String> {
    edited(Path::new("/c.yaml"), text, change).map(|text| text.to_string())
}

fn new() -> Change {
    Change::AddIdentity(NewIdentity {
        name: "new".to_owned(),
        is_default: false,
        kind: NewKind::User {
            region: Some("eu-west-1".to_owned()),
            mfa_arn: None,
        },
        settings: Box::default(),
    })
}

fn names(config: &Config) -> Vec<&str> {
    config
        .identities()
        .iter()
        .map(|it| it.name.as_str())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_added_identity_changes_no_other_line(sample in sample()) {
        let text = sample.text();
        let before = load(&text);
        let after = match (change(&text, &new()), sample.style) {
            (Ok(after), Style::Block | Style::Braces) => after,
            // Braces over several lines are left to a person.
            (Err(error), Style::Spread) => {
                prop_assert!(error.message.contains("opens braces"), "{error}");
                prop_assert!(error.hints[0].starts_with("write it by hand: `new: "));
                return Ok(());
            }
            (Err(error), Style::Block | Style::Braces) => return Err(TestCaseError::fail(format!("{error}\n{text}"))),
            (Ok(after), Style::Spread) => return Err(TestCaseError::fail(after)),
        };
        prop_assert!(is_insertion(&text, &after), "{text}\n-----\n{after}");
        let now = load(&after);
        prop_assert_eq!(names(&now), [names(&before), vec!["new"]].concat(), "{}", after);
        prop_assert!(now.chain(now.identity("new")?).is_ok());
        prop_assert_eq!(after.contains("\r\n"), sample.is_windows);
        prop_assert!(!sample.is_windows || !after.replace("\r\n", "").contains('\n'));
    }

    #[test]
    fn the_default_moves_and_every_comment_stays(sample in sample(), which in any::<prop::sample::Index>()) {
        let text = sample.text();
        let name = format!("id-{}", which.index(sample.identities.len()));
        let after = match change(&text, &Change::MakeDefault(name.clone())) {
            Ok(after) => after,
            Err(error) => return Err(TestCaseError::fail(format!("{error}\n{text}"))),
        };
        prop_assert_eq!(comments(&text), comments(&after));
        let now = load(&after);
        let before = load(&text);
        prop_assert_eq!(names(&now), names(&before));
        prop_assert_eq!(now.default_identity()?.map(|it| it.name.as_str()), Some(name.as_str()), "{}", after);
        let again = change(&after, &Change::MakeDefault(name))?;
        prop_assert_eq!(&again, &after);
        let other = |line: &&str| !(line.contains("default") || line.contains("id-"));
        prop_assert!(text.lines().filter(other).eq(after.lines().filter(other)), "{text}\n-----\n{after}");
    }

    #[test]
    fn the_time_of_notices_changes_and_nothing_else(sample in sample()) {
        let text = sample.text();
        let after = match change(&text, &Change::NotifyBefore("45m".to_owned())) {
            Ok(after) => after,
            Err(error) => return Err(TestCaseError::fail(format!("{error}\n{text}"))),
        };
        prop_assert_eq!(comments(&text), comments(&after));
        prop_assert_eq!(load(&after).notify().before.as_secs(), 2700);
        let other = |line: &&str| !(line.contains("notify") || line.contains("before") || line.trim().is_empty());
        prop_assert!(text.lines().filter(other).eq(after.lines().filter(other)), "{text}\n-----\n{after}");
    }

    #[test]
    fn a_damaged_file_is_refused_or_keeps_its_comments_and_what_it_says(
        sample in prop_oneof![Just(SAMPLE.to_owned()), Just(ATMOS.to_owned()), sample().prop_map(|it| it.text())],
        damages in prop::collection::vec(damage(), 1..8),
        which in 0..3_usize,
    ) {
        let bytes = damages.iter().fold(sample.into_bytes(), apply);
        let Ok(text) = String::from_utf8(bytes) else { return Ok(()) };
        let changes = [new(), Change::NotifyBefore("45m".to_owned()), Change::MakeDefault("id-0".to_owned())];
        if let Ok(after) = change(&text, &changes[which]) {
            prop_assert_eq!(comments(&text).len(), comments(&after).len());
            // A second time there is nothing left to do.
            match which {
                0 => prop_assert!(change(&after, &changes[0]).is_err()),
                _ => prop_assert_eq!(change(&after, &changes[which])?, after),
            }
        }
    }
}
