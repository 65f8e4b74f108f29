//! Values that are larger than a keyring takes (Windows: 2,560 bytes) are kept in parts. Pure: what
//! to write, and whether what was read belongs together. A set is written beside the one it
//! replaces, so the entry itself, written last, switches from one whole set to the next.

use crate::encode::hex;
use crate::secret::Secret;
use sha2::{Digest, Sha256};

/// Nothing that is kept needs more.
const MOST: usize = 64;
const MARK: &str = "keyfob-parts";

/// What stands in the entry itself when its value is in parts: `keyfob-parts a 3 <sha-256 of the
/// value>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PartsHead {
    slot: char,
    count: usize,
    sum: String,
}

impl PartsHead {
    /// `None`: the entry holds its value itself.
    pub fn parse(text: &str) -> Option<PartsHead> {
        let mut words = text.split(' ');
        let (mark, slot, count, sum) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let count = count
            .parse()
            .ok()
            .filter(|count| (1..=MOST).contains(count))?;
        let slot = slot.parse().ok()?;
        (mark == MARK && words.next().is_none()).then(|| PartsHead {
            slot,
            count,
            sum: sum.to_owned(),
        })
    }

    pub fn text(&self) -> Secret {
        Secret::new(format!("{MARK} {} {} {}", self.slot, self.count, self.sum))
    }

    /// The parts' accounts.
    pub fn accounts(&self, account: &str) -> Vec<String> {
        (1..=self.count)
            .map(|number| format!("{account}#{}{number}", self.slot))
            .collect()
    }

    /// `None`: a part is missing, or comes from another set.
    pub fn join(&self, parts: &[Secret]) -> Option<Secret> {
        let whole = Secret::new(parts.iter().map(Secret::expose).collect::<String>());
        (sum(&whole) == self.sum).then_some(whole)
    }
}

/// Whether an account is that of a part.
pub(super) fn is_part(account: &str) -> bool {
    account.contains('#')
}

/// The parts of a value that does not fit, in the slot that `previous` does not use; `None` when it
/// fits.
pub(super) fn split(
    value: &Secret,
    limit: usize,
    previous: Option<&PartsHead>,
) -> Option<(PartsHead, Vec<Secret>)> {
    let mut rest = value.expose();
    if rest.len() <= limit {
        return None;
    }
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let (part, after) = rest.split_at(rest.floor_char_boundary(limit));
        parts.push(Secret::new(part));
        rest = after;
    }
    let slot = if previous.is_some_and(|head| head.slot == 'a') {
        'b'
    } else {
        'a'
    };
    Some((
        PartsHead {
            slot,
            count: parts.len(),
            sum: sum(value),
        },
        parts,
    ))
}

fn sum(value: &Secret) -> String {
    hex(&Sha256::digest(value.expose()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_value_of_any_size_comes_back_from_its_parts(text in "[ -~]{0,9000}", limit in 200usize..2561) {
            let value = Secret::new(text.clone());
            match split(&value, limit, None) {
                None => prop_assert!(text.len() <= limit),
                Some((head, parts)) => {
                    prop_assert!(parts.iter().all(|part| part.expose().len() <= limit));
                    let read = PartsHead::parse(head.text().expose()).expect("a head");
                    prop_assert_eq!(&read, &head);
                    prop_assert_eq!(read.join(&parts), Some(value));
                }
            }
        }
    }

    #[test]
    fn parts_of_two_sets_do_not_pass_for_one() {
        let (old, new) = (Secret::new("a".repeat(3000)), Secret::new("b".repeat(3000)));
        let (head, mut parts) = split(&old, 2560, None).expect("parts");
        let (next, newer) = split(&new, 2560, Some(&head)).expect("parts");
        assert_ne!(
            head.accounts("x"),
            next.accounts("x"),
            "the new set is written beside the old one"
        );
        parts[1] = newer[1].clone();
        assert_eq!(head.join(&parts), None);
        assert_eq!(head.join(&parts[..1]), None);
    }

    #[test]
    fn json_is_not_taken_for_the_head_of_parts() {
        for text in [
            "{\"v\":1}",
            "",
            "keyfob-parts",
            "keyfob-parts a 0 x",
            "keyfob-parts a 999 x",
            "keyfob-parts a 1 x y",
        ] {
            assert_eq!(PartsHead::parse(text), None, "{text}");
        }
    }
}
