//! What to do when a server's certificate is not accepted, in the words of the settings.

/// The advice for what the TLS library said, where there is any.
#[must_use]
pub fn tls_advice(said: &str) -> Option<&'static str> {
    const ADVICE: [(&str, &str); 6] = [
        (
            "UnknownIssuer",
            "its authority is not trusted: add the authority's certificate to the system's \
             (update-ca-certificates), or name its file in SSL_CERT_FILE, for a database also in sslrootcert \
             (PostgreSQL) or ssl-ca (MySQL) of the database's URL",
        ),
        (
            "certificate expired",
            "renew the server's certificate, or put this host's clock right",
        ),
        (
            "not valid yet",
            "put the clocks of this host and of the server's authority right",
        ),
        (
            "not valid for name",
            "name the host in the URL as its certificate does, or have one issued for this name",
        ),
        (
            "server does not support TLS",
            "switch TLS on in the server, or ask for less in the database's URL (sslmode, ssl-mode)",
        ),
        (
            "CaUsedAsEndEntity",
            "the server shows the certificate of an authority: have that authority issue one for the server",
        ),
    ];
    let known = ADVICE.iter().find(|(words, _)| said.contains(words));
    known.map(|(_, advice)| *advice)
}
