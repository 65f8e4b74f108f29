//! What several tests need: the repository's own files.

use std::path::Path;

pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
