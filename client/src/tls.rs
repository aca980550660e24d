//! TLS by rustls.

use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
};

use crate::error::Error;
use crate::options::{Options, Tls};
use crate::transport::Bytes;

pub(crate) async fn connect(options: &Options, stream: TcpStream) -> Result<Box<dyn Bytes>, Error> {
    let config = config(&options.tls)?;
    let name = options.tls.server_name.as_ref().unwrap_or(&options.address.host);
    let server = ServerName::try_from(name.clone())
        .map_err(|_| Error::Options(format!("{name} is no name that a certificate can have")))?;
    let stream = TlsConnector::from(Arc::new(config)).connect(server, stream).await.map_err(|error| {
        Error::Unreachable { address: options.address.to_string(), reason: format!("TLS: {error}") }
    })?;
    Ok(Box::new(stream))
}

fn config(tls: &Tls) -> Result<ClientConfig, Error> {
    let roots = Arc::new(roots(tls.ca_file.as_deref())?);
    let wrong = |error: TlsError| Error::Options(format!("TLS: {error}"));
    let provider = Arc::new(default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(wrong)?;
    let builder = if tls.any_name {
        let inner = WebPkiServerVerifier::builder_with_provider(roots, provider)
            .build()
            .map_err(|error| Error::Options(format!("TLS: {error}")))?;
        builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyName(inner)))
    } else {
        builder.with_root_certificates(roots)
    };
    let mut config = match (&tls.certificate, &tls.key) {
        (Some(certificate), Some(key)) => {
            let key = PrivateKeyDer::from_pem_file(key).map_err(|error| bad_file(key, &error))?;
            builder.with_client_auth_cert(certificates(certificate)?, key).map_err(wrong)?
        }
        (None, None) => builder.with_no_client_auth(),
        _ => return Err(Error::Options("a certificate and its key go together".to_owned())),
    };
    config.alpn_protocols.extend(tls.alpn.iter().map(|protocol| protocol.clone().into_bytes()));
    Ok(config)
}

fn roots(file: Option<&Path>) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    if let Some(file) = file {
        for certificate in certificates(file)? {
            roots.add(certificate).map_err(|error| bad_file(file, &error))?;
        }
    } else {
        let (_, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            let text = "the operating system has no certificates to trust: name a file of them";
            return Err(Error::Options(text.to_owned()));
        }
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| bad_file(file, &error))?;
    if certificates.is_empty() {
        Err(bad_file(file, &"there is no certificate in it"))
    } else {
        Ok(certificates)
    }
}

fn bad_file(file: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::Options(format!("{}: {error}", file.display()))
}

/// Checks everything about a certificate but the name that it is made out to.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        match self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is looked at last.
            Err(TlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
