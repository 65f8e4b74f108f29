//! The running sandbox as its handle, its server and its control interface share it.

use super::simulated_aws::SimulatedAws;
use crate::clock::Clock;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard};

#[derive(Debug)]
pub(super) struct Served {
    pub clock: Clock,
    pub address: SocketAddr,
    pub aws: Mutex<SimulatedAws>,
}

impl Served {
    pub fn aws(&self) -> MutexGuard<'_, SimulatedAws> {
        self.aws
            .lock()
            .expect("no panic happens while the lock is held")
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}
