//! `fob rds list`: as a table, or as JSON.

use super::table::{Cell, columns};
use keyfob_core::agent::api::{DatabaseStatus, OpenedWith};
use keyfob_core::duration::time_left;
use keyfob_core::view::time::{in_units, whole_seconds};
use serde::Serialize;
use std::time::SystemTime;

#[derive(Debug, Serialize)]
pub struct DatabasesJson {
    databases: Vec<DatabaseStatus>,
}

impl DatabasesJson {
    pub fn of(databases: &[DatabaseStatus]) -> DatabasesJson {
        let databases = databases.iter().map(|it| DatabaseStatus {
            expires_at: it.expires_at.map(whole_seconds),
            ..it.clone()
        });
        DatabasesJson {
            databases: databases.collect(),
        }
    }
}

pub fn databases_table(databases: &[DatabaseStatus], now: SystemTime) -> String {
    let head = [
        "DATABASE", "ENGINE", "LOGIN", "IDENTITY", "WITH", "LEFT", "PROXY",
    ];
    let mut rows = vec![head.map(Cell::new).to_vec()];
    rows.extend(databases.iter().map(|it| {
        let left = it.expires_at.map(|end| in_units(time_left(end, now)));
        let with = match it.with {
            OpenedWith::Password => "password",
            OpenedWith::Token | OpenedWith::Either => "token",
        };
        let login = format!("{}@{}:{}", it.user, it.host, it.port);
        let left = left.unwrap_or_default();
        let proxy = it.proxy.as_ref().map(|proxy| match &proxy.problem {
            Some(error) => error.message.clone(),
            None => format!("127.0.0.1:{}, {} open", proxy.port, proxy.connections),
        });
        let proxy = proxy.unwrap_or_default();
        [
            &it.name,
            &it.engine,
            &login,
            &it.identity,
            with,
            &left,
            &proxy,
        ]
        .map(Cell::new)
        .to_vec()
    }));
    columns(&rows)
}
