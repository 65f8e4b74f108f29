//! (being built)

use crate::config::Config;
use crate::environment::Environment;
use crate::error::Result;

/// Everything outside the process: clock, environment, keyring, files, AWS.
#[derive(Debug)]
pub struct World;

impl World {
    pub fn system(_environment: Environment) -> World {
        World
    }
}

/// The auth manager.
#[derive(Debug)]
pub struct Auth;

impl Auth {
    pub fn new(_config: Config, _world: World) -> Result<Auth> {
        Ok(Auth)
    }
}
