//! Where a kind may stand in a chain, and what an identity stands on.

use crate::config::problem::{Location, Problems};

/// What a kind is called in the file, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindName {
    pub name: &'static str,
    pub level: Level,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Under `providers`, and the source of chains.
    Provider,
    /// An identity that is the source of its chain.
    StandAlone,
    /// An identity that is reached from the link before it.
    Above,
}

impl KindName {
    pub const fn provider(name: &'static str) -> KindName {
        KindName {
            name,
            level: Level::Provider,
        }
    }

    pub const fn stand_alone(name: &'static str) -> KindName {
        KindName {
            name,
            level: Level::StandAlone,
        }
    }

    pub const fn above(name: &'static str) -> KindName {
        KindName {
            name,
            level: Level::Above,
        }
    }
}

/// The link before an identity, as written in `via`.
#[derive(Clone, Debug)]
pub enum Via {
    Provider(String, Location),
    Identity(String, Location),
}

impl Via {
    pub fn name(&self) -> &str {
        let (Via::Provider(name, _) | Via::Identity(name, _)) = self;
        name
    }

    pub fn location(&self) -> &Location {
        let (Via::Provider(_, location) | Via::Identity(_, location)) = self;
        location
    }
}

/// What is known of an identity when its settings are read.
#[derive(Clone, Copy)]
pub struct Footing<'a> {
    pub identity: &'a str,
    /// The kind of the link before it, where that is one of ours.
    pub base: Option<KindName>,
    pub via: Option<&'a Via>,
}

impl Footing<'_> {
    /// Of providers.
    pub const NONE: Footing<'static> = Footing {
        identity: "",
        base: None,
        via: None,
    };

    pub fn is_on(&self, kind: KindName) -> bool {
        self.base == Some(kind)
    }

    pub fn is_on_a(&self, level: Level) -> bool {
        self.base.is_some_and(|base| base.level == level)
    }

    /// As [`Footing::misfit`], where other tools take it: the identity is listed as unsupported.
    pub fn is_unsupported(&self, problems: &Problems, why: &str) {
        if let Some(via) = self.via {
            let message = format!("the identity is unsupported: its role {why}");
            problems.warning(via.location(), message);
        }
    }

    /// Reports that the identity cannot stand on what it names in `via`.
    pub fn misfit(&self, problems: &Problems, message: &str) {
        if let Some(via) = self.via {
            problems.error(via.location(), message);
        }
    }
}
