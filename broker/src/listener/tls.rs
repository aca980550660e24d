//! TLS around a listener, with certificates that can be renewed.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use tokio_rustls::rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};
use x509_parser::parse_x509_certificate;

use crate::config::Tls;

/// The certificates of a listener, as they were read last.
pub struct Certificates {
    files: Tls,
    current: Mutex<Current>,
}

struct Current {
    acceptor: TlsAcceptor,
    /// When the files were written that it is of.
    written: Vec<Option<SystemTime>>,
}

/// What is wrong with a file.
#[derive(Debug)]
pub enum CertificateError {
    /// It cannot be read, or is no PEM.
    File(PathBuf, pem::Error),
    /// There is no certificate in it.
    Empty(PathBuf),
    /// Certificate and key are of no use together.
    Rustls(rustls::Error),
    /// The certificates of those who sign clients' are of no use.
    Verifier(VerifierBuilderError),
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, pem::Error::Io(error)) => write!(f, "{}: {error}", path.display()),
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Empty(path) => write!(f, "{}: no certificate is in it", path.display()),
            Self::Rustls(error) => error.fmt(f),
            Self::Verifier(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CertificateError {}

impl Certificates {
    /// Reads the files.
    ///
    /// # Errors
    /// When one of them cannot be read, or they make no sense together.
    pub fn load(files: &Tls) -> Result<Self, CertificateError> {
        let written = written(files);
        let acceptor = acceptor(files)?;
        Ok(Self { files: files.clone(), current: Mutex::new(Current { acceptor, written }) })
    }

    /// Reads the files again. When that fails, the certificates stay what they were.
    ///
    /// # Errors
    /// As for [`load`](Self::load).
    pub fn reload(&self) -> Result<(), CertificateError> {
        let written = written(&self.files);
        let acceptor = acceptor(&self.files)?;
        *self.current.lock() = Current { acceptor, written };
        Ok(())
    }

    /// Whether a file was written since it was read.
    pub fn have_changed(&self) -> bool {
        written(&self.files) != self.current.lock().written
    }

    /// Where they are.
    pub fn path(&self) -> &Path {
        &self.files.certificate
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.current.lock().acceptor.clone()
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").field("files", &self.files).finish_non_exhaustive()
    }
}

fn written(files: &Tls) -> Vec<Option<SystemTime>> {
    let files = [Some(&files.certificate), Some(&files.key), files.client_ca.as_ref()];
    let written = |path: &PathBuf| path.metadata().and_then(|file| file.modified()).ok();
    files.into_iter().flatten().map(written).collect()
}

pub(crate) fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let file = |error| CertificateError::File(path.to_owned(), error);
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(file)?.collect();
    let chain = chain.map_err(file)?;
    if chain.is_empty() { Err(CertificateError::Empty(path.to_owned())) } else { Ok(chain) }
}

pub(crate) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, CertificateError> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| CertificateError::File(path.to_owned(), error))
}

fn acceptor(files: &Tls) -> Result<TlsAcceptor, CertificateError> {
    let provider = Arc::new(ring::default_provider());
    let key = key(&files.key)?;
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(CertificateError::Rustls)?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in chain(path)? {
                roots.add(certificate).map_err(CertificateError::Rustls)?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier = if files.client_required { verifier } else { verifier.allow_unauthenticated() };
            builder.with_client_cert_verifier(verifier.build().map_err(CertificateError::Verifier)?)
        }
    };
    let config =
        builder.with_single_cert(chain(&files.certificate)?, key).map_err(CertificateError::Rustls)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The common name of whom a checked certificate was issued to.
pub(super) fn name(certificate: &CertificateDer<'_>) -> Option<Arc<str>> {
    let (_, certificate) = parse_x509_certificate(certificate).ok()?;
    let mut names = certificate.subject().iter_common_name();
    names.next()?.as_str().ok().map(Into::into)
}
