//! The issuers that a server's certificate may come from.

use crate::environment::Environment;
use crate::error::{Code, Error, Result};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub const OF_AWS: &str = "AWS's certificates: https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem; \
                      name the file with --ca, `proxy.ca` of the database or PGSSLROOTCERT";

pub type Issuers = Arc<ClientConfig>;

/// Those of a file, of the one that PGSSLROOTCERT names, or else the system's.
pub fn issuers(file: Option<&Path>, environment: &Environment) -> Result<Issuers> {
    const VARIABLE: &str = "PGSSLROOTCERT";
    let named = environment.var(VARIABLE)?.filter(|it| *it != "system");
    let file = file.map(Path::to_owned).or(named.map(PathBuf::from));
    let mut roots = RootCertStore::empty();
    let refuse = |message: String| Error::new(Code::Usage, message).hint(OF_AWS);
    match file {
        Some(file) => {
            let shown = file.display();
            let cannot = |why: &dyn std::fmt::Display| {
                refuse(format!("the certificates in {shown} cannot be used: {why}"))
            };
            let read = CertificateDer::pem_file_iter(&file).map_err(|cause| cannot(&cause))?;
            for certificate in read {
                let certificate = certificate.map_err(|cause| cannot(&cause))?;
                roots.add(certificate).map_err(|cause| cannot(&cause))?;
            }
            if roots.is_empty() {
                return Err(cannot(&"there is none"));
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(refuse(
                    "this system has no certificates to check a server by".into(),
                ));
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has the versions of TLS that are the default")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
