//! Names that are looked up: how they are compared, and what to say where there is none.

use super::problem::nearest;
use crate::error::{Code, Error, shorten};

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
        error.hint(if known.is_empty() {
            format!("the configuration has no {plural}")
        } else {
            format!("{plural}: {}", known.join(", "))
        })
    }
}

/// Names that fold to the same text are taken as one: in file names, or where case does not count.
pub(super) fn folded(name: &str) -> String {
    name.to_ascii_lowercase().replace('/', "_")
}
