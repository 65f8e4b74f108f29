//! Names that are looked up: how they are compared, and what to say where there is none.

use super::problem::nearest;
use crate::error::{Code, Error, shorten};

/// So many names stand in a hint.
const MOST_NAMED: usize = 40;

/// What is looked up by a name.
#[derive(Clone, Copy, Debug)]
pub(super) enum LookedUp {
    Identity,
    Provider,
    Database,
}

impl LookedUp {
    pub fn noun(self) -> &'static str {
        match self {
            LookedUp::Identity => "identity",
            LookedUp::Provider => "provider",
            LookedUp::Database => "database",
        }
    }

    pub fn plural(self) -> &'static str {
        match self {
            LookedUp::Identity => "identities",
            LookedUp::Provider => "providers",
            LookedUp::Database => "databases",
        }
    }

    fn code(self) -> Code {
        match self {
            LookedUp::Identity => Code::IdentityNotFound,
            LookedUp::Provider => Code::ProviderNotFound,
            LookedUp::Database => Code::DatabaseNotFound,
        }
    }

    pub fn unknown<'a>(self, name: &str, known: impl Iterator<Item = &'a str>) -> Error {
        let (noun, plural) = (self.noun(), self.plural());
        let mut known: Vec<&str> = known.collect();
        let message = format!("there is no {noun} `{}`", shorten(name));
        let mut error = Error::new(self.code(), message);
        if let Some(near) = nearest(name, known.iter().copied()) {
            error = error.hint(format!("did you mean `{near}`?"));
        }
        known.sort_unstable_by_key(|name| name.to_ascii_lowercase());
        let more = known.len().saturating_sub(MOST_NAMED);
        known.truncate(MOST_NAMED);
        error.hint(match (known.as_slice(), more) {
            ([], _) => format!("the configuration has no {plural}"),
            (all, 0) => format!("{plural}: {}", all.join(", ")),
            (some, more) => format!("{plural}: {} and {more} more", some.join(", ")),
        })
    }
}

/// Names that fold to the same text are taken as one: in file names, or where case does not count.
pub(super) fn folded(name: &str) -> String {
    name.to_ascii_lowercase().replace('/', "_")
}
