//! A front of TLS before a site.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use nodewarden_tests::certificates::{Authority, Issued};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// An authority of its own, and a certificate of its for one host.
pub struct Front {
    authority: Authority,
    issued: Issued,
}

impl Front {
    pub fn of(host: &str) -> Self {
        let authority = Authority::new();
        let issued = authority.issue(host, false);
        Self { authority, issued }
    }

    /// The certificate to trust.
    pub fn certificate(&self) -> PathBuf {
        self.authority.file()
    }

    fn server(&self) -> ServerConfig {
        let chain = CertificateDer::pem_file_iter(&self.issued.certificate).expect("a file");
        let chain = chain.map(|one| one.expect("a certificate")).collect();
        let key = PrivateKeyDer::from_pem_file(&self.issued.key).expect("a key");
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        ServerConfig::builder_with_provider(ring)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a certificate with its key")
    }

    /// Listens, and passes on to `site` what comes through.
    pub async fn before(&self, site: SocketAddr) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let acceptor = TlsAcceptor::from(Arc::new(self.server()));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut client) = acceptor.accept(client).await else {
                        return; // it does not trust us
                    };
                    let mut site = TcpStream::connect(site).await.expect("the site");
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut site).await;
                });
            }
        });
        address
    }
}
