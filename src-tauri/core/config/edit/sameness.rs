//! Holds a changed configuration against what it was: everything that was there means the same, but
//! for the change.

use super::super::kinds;
use super::super::yaml::{Member, Node, Value};
use super::entry::Item;

/// Whether `after` is `before` with `item` at the end of `path`, and nothing else.
pub(super) fn is_put(before: Option<&Node>, after: &Node, path: &[&str], item: &Item) -> bool {
    let [key, rest @ ..] = path else {
        return is_item(after, item);
    };
    let old = before.map(Node::members).unwrap_or_default();
    let held_nothing = before.is_none_or(|node| matches!(node.value, Value::Null));
    let new = after.members();
    let is_kept = held_nothing || matches!(before.map(|node| &node.value), Some(Value::Mapping(_)));
    is_kept
        && before.is_none_or(|before| before.tag == after.tag)
        && new.iter().filter(|pair| is_key(pair, key)).count() == 1
        && are_same(but(old, key), but(new, key))
        && after.child(key).is_some_and(|below| {
            let before = before.and_then(|node| node.child(key));
            is_put(before, below, rest, item)
        })
}

/// Whether `after` is `before` with `name` as its one default identity. Those of other clouds keep
/// what they say.
pub(super) fn is_made_default(before: &Node, after: &Node, name: &str) -> bool {
    let (Some(old_auth), Some(new_auth)) = (before.child("auth"), after.child("auth")) else {
        return false;
    };
    let (Some(old), Some(new)) = (old_auth.child("identities"), new_auth.child("identities"))
    else {
        return false;
    };
    let (old, new) = (old.members(), new.members());
    are_same(but(before.members(), "auth"), but(after.members(), "auth"))
        && are_same(
            but(old_auth.members(), "identities"),
            but(new_auth.members(), "identities"),
        )
        && old.len() == new.len()
        && old.iter().zip(new).all(|(old, new)| {
            let is_named = is_key(new, name);
            let is_foreign = new
                .value
                .child("kind")
                .and_then(|kind| kind.text())
                .is_some_and(kinds::is_foreign);
            let keeps_default = !is_named && (is_foreign || !is_default(&old.value));
            is_same(&old.key, &new.key)
                && old.value.tag == new.value.tag
                && are_same(
                    but(old.value.members(), "default"),
                    but(new.value.members(), "default"),
                )
                && (matches!(old.value.value, Value::Mapping(_) | Value::Null)
                    || is_same(&old.value, &new.value))
                && if keeps_default {
                    is_same_default(&old.value, &new.value)
                } else {
                    is_default(&new.value) == is_named
                }
        })
}

/// Whether an identity says `default: true`.
pub(super) fn is_default(identity: &Node) -> bool {
    identity.child("default").is_some_and(|node| {
        node.tag.is_none() && matches!(node.text(), Some("true" | "True" | "TRUE"))
    })
}

fn is_same_default(old: &Node, new: &Node) -> bool {
    match (old.child("default"), new.child("default")) {
        (Some(old), Some(new)) => is_same(old, new),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

fn is_key(pair: &Member, key: &str) -> bool {
    pair.key.text() == Some(key)
}

fn but<'a>(pairs: &'a [Member], key: &str) -> impl Iterator<Item = &'a Member> {
    pairs.iter().filter(move |pair| !is_key(pair, key))
}

fn are_same<'a>(
    old: impl Iterator<Item = &'a Member>,
    mut new: impl Iterator<Item = &'a Member>,
) -> bool {
    let mut old = old;
    loop {
        match (old.next(), new.next()) {
            (None, None) => return true,
            (Some(old), Some(new))
                if is_same(&old.key, &new.key) && is_same(&old.value, &new.value) => {}
            (Some(_), Some(_) | None) | (None, Some(_)) => return false,
        }
    }
}

pub(super) fn is_same(old: &Node, new: &Node) -> bool {
    old.tag == new.tag
        && match (&old.value, &new.value) {
            (Value::Null, Value::Null) => true,
            (Value::Scalar(old), Value::Scalar(new)) => old == new,
            (Value::Sequence(old), Value::Sequence(new)) => {
                old.len() == new.len() && old.iter().zip(new).all(|(old, new)| is_same(old, new))
            }
            (Value::Mapping(old), Value::Mapping(new)) => are_same(old.iter(), new.iter()),
            (Value::Null | Value::Scalar(_) | Value::Sequence(_) | Value::Mapping(_), _) => false,
        }
}

fn is_item(node: &Node, item: &Item) -> bool {
    node.tag.is_none()
        && match (&node.value, item) {
            (Value::Scalar(text), Item::Text(wanted)) => **text == *wanted,
            (Value::Scalar(text), Item::Is(wanted)) => **text == wanted.to_string(),
            (Value::Mapping(pairs), Item::Map(wanted)) => {
                pairs.len() == wanted.len()
                    && pairs
                        .iter()
                        .zip(wanted)
                        .all(|(pair, (key, item))| is_key(pair, key) && is_item(&pair.value, item))
            }
            (Value::Null | Value::Scalar(_) | Value::Sequence(_) | Value::Mapping(_), _) => false,
        }
}
