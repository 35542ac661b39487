//! A front of TLS before a site, with an authority of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// An authority, and a certificate of its for one name.
pub struct Authority(tempfile::TempDir);

impl Authority {
    /// `name` as OpenSSL has it: `IP:127.0.0.1`, `DNS:host`.
    pub fn vouching_for(name: &str) -> Self {
        let authority = Self(tempfile::tempdir().expect("a folder"));
        let settings = "[req]\ndistinguished_name = dn\nprompt = no\n[dn]\nCN = test\n";
        std::fs::write(authority.file("openssl.cnf"), settings).expect("a file");
        let ca = ["-addext", "basicConstraints=critical,CA:TRUE"];
        authority.make("ca", &ca);
        let named = format!("subjectAltName={name}");
        let signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-addext", &named];
        let leaf = ["-addext", "basicConstraints=critical,CA:FALSE"];
        authority.make("server", &[&signed[..], &leaf].concat());
        authority
    }

    fn make(&self, what: &str, more: &[&str]) {
        let output = Command::new("openssl")
            .current_dir(self.0.path())
            .args([
                "req",
                "-x509",
                "-config",
                "openssl.cnf",
                "-nodes",
                "-days",
                "2",
            ])
            .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
            .args([
                "-keyout",
                &format!("{what}.key"),
                "-out",
                &format!("{what}.pem"),
            ])
            .args(more)
            .output()
            .expect("openssl runs");
        assert!(output.status.success(), "{output:?}");
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The certificate to trust.
    pub fn certificate(&self) -> PathBuf {
        self.file("ca.pem")
    }

    fn server(&self) -> ServerConfig {
        let read = |path: &Path| -> Vec<CertificateDer<'static>> {
            let all = CertificateDer::pem_file_iter(path).expect("a file");
            all.map(|one| one.expect("a certificate")).collect()
        };
        let key = PrivateKeyDer::from_pem_file(self.file("server.key")).expect("a key");
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        ServerConfig::builder_with_provider(ring)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(read(&self.file("server.pem")), key)
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
