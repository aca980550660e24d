//! TLS by rustls, on either side.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, ServerConfig, SignatureScheme,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::args::Proxy;

/// What clients are met with, if they are to speak TLS.
pub(super) fn acceptor(options: &Proxy) -> Result<Option<TlsAcceptor>> {
    let (Some(certificate), Some(key)) = (&options.cert, &options.key) else { return Ok(None) };
    let chain = certificates(certificate)?;
    let private = PrivateKeyDer::from_pem_file(key).with_context(|| shown(key))?;
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .with_context(|| shown(certificate))?;
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

/// How the server is spoken to, and the name that its certificate is to have, if it speaks TLS.
pub(super) fn connector(options: &Proxy) -> Result<Option<(TlsConnector, ServerName<'static>)>> {
    if !options.is_tls() {
        return Ok(None);
    }
    let provider = Arc::new(default_provider());
    let builder =
        ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = if options.insecure {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider)))
    } else {
        builder.with_root_certificates(roots(options.cafile.as_deref())?)
    };
    let (host, _) = options.server();
    let name = ServerName::try_from(host.to_owned())
        .with_context(|| format!("{host} is no name that a certificate can have"))?;
    Ok(Some((TlsConnector::from(Arc::new(builder.with_no_client_auth())), name)))
}

fn roots(file: Option<&Path>) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    if let Some(file) = file {
        for certificate in certificates(file)? {
            roots.add(certificate).with_context(|| shown(file))?;
        }
        return Ok(roots);
    }
    let (_, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        bail!("the system has no certificates to trust: name a file of them by --cafile");
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let certificates: Vec<_> = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<_, _>>)
        .with_context(|| shown(file))?;
    if certificates.is_empty() {
        bail!("{}: no certificate is in it", shown(file));
    }
    Ok(certificates)
}

fn shown(file: &Path) -> String {
    crate::text::visible(&file.display().to_string())
}

/// Takes any certificate; that the server has its key is checked all the same.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
