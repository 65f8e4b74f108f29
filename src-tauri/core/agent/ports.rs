//! The ports on which an agent listens for clients of databases.

use crate::config::Database;
use crate::databases::proxy::Proxy;
use crate::error::Result;
use std::collections::HashMap;

/// What is listened on, by the name of the database.
pub(super) type Ports = HashMap<String, DatabasePort>;

#[derive(Debug)]
pub(super) struct DatabasePort {
    /// As it was opened for.
    pub database: Database,
    pub port: u16,
    /// Or why there is none.
    pub proxy: Result<Proxy>,
}
