//! A client's certificate and private key out of a PEM file, and the assertions that the key signs.

use std::pin::Pin;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{KeyPair, RSA_PSS_SHA256, RsaKeyPair};
use azure_core::error::{Error, ErrorKind};
use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::secret::fill_random;

/// Signs assertions: the way of a client certificate to Entra.
pub(super) struct Signer {
    key: RsaKeyPair,
    /// SHA-256 of the certificate, in base64url.
    thumbprint: String,
    client: String,
    audience: String,
}

impl Signer {
    /// Reads a PEM file with a certificate and its private key.
    ///
    /// # Errors
    /// What is wrong with it; nothing of its contents.
    pub(super) fn new(pem: &str, client: &str, audience: &str) -> Result<Self, String> {
        let mut certificates = Vec::new();
        let mut key = None;
        for (label, der) in blocks(pem)? {
            let read = match label {
                "CERTIFICATE" => {
                    certificates.push(der);
                    continue;
                }
                "PRIVATE KEY" => RsaKeyPair::from_pkcs8(&der),
                "RSA PRIVATE KEY" => RsaKeyPair::from_der(&der),
                "ENCRYPTED PRIVATE KEY" => {
                    return Err("its private key is under a passphrase; give one without".to_owned());
                }
                _ => continue,
            };
            key = Some(read.map_err(|_| "its private key is no RSA key of 2048 bits or more".to_owned())?);
        }
        let key =
            key.ok_or("it holds no `BEGIN PRIVATE KEY`: certificate and key must be in one PEM file")?;
        // A chain may be in the file; the client's own certificate is the one with the key's public half.
        let public = key.public_key().as_ref();
        let own = certificates.iter().find(|der| der.windows(public.len()).any(|part| part == public));
        let own = own.ok_or("it holds no certificate that fits its private key")?;
        let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(own.as_slice()));
        Ok(Self { key, thumbprint, client: client.to_owned(), audience: audience.to_owned() })
    }

    /// A fresh assertion, good for ten minutes (RFC 7523, with the header that Entra asks for).
    fn assertion(&self) -> Result<String, String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| "the clock stands before 1970")?;
        let now = now.as_secs();
        let mut id = [0; 16];
        fill_random(&mut id).map_err(|error| error.to_string())?;
        let header = serde_json::json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": self.thumbprint });
        let claims = serde_json::json!({
            "aud": self.audience,
            "exp": now + LIFETIME,
            "iat": now,
            "iss": self.client,
            "jti": URL_SAFE_NO_PAD.encode(id),
            "nbf": now,
            "sub": self.client,
        });
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PSS_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| "the private key does not sign")?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer(..)")
    }
}

impl ClientAssertion for Signer {
    fn secret<'a, 'b, 'f>(
        &'a self,
        _options: Option<ClientMethodOptions<'b>>,
    ) -> Pin<Box<dyn Future<Output = azure_core::Result<String>> + Send + 'f>>
    where
        'a: 'f,
        'b: 'f,
        Self: 'f,
    {
        let made = self.assertion().map_err(|why| Error::with_message(ErrorKind::Credential, why));
        Box::pin(std::future::ready(made))
    }
}

/// A block of a PEM file: its label and what it holds.
type Block<'p> = (&'p str, Zeroizing<Vec<u8>>);

/// The blocks of a PEM file.
fn blocks(pem: &str) -> Result<Vec<Block<'_>>, String> {
    let mut blocks = Vec::new();
    let mut lines = pem.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(label) = line.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----")) else {
            continue;
        };
        let mut text = Zeroizing::new(String::with_capacity(pem.len()));
        loop {
            match lines.next() {
                None => return Err(format!("it ends within `BEGIN {label}`")),
                Some(line) if line.starts_with("-----END ") => break,
                Some(line) => text.push_str(line),
            }
        }
        if label.contains("EC PRIVATE") || text.contains("Proc-Type:") {
            return Err("its private key must be an RSA key without a passphrase".to_owned());
        }
        let der = STANDARD.decode(text.as_bytes()).map_err(|_| format!("`BEGIN {label}` holds no base64"))?;
        blocks.push((label, Zeroizing::new(der)));
    }
    Ok(blocks)
}

/// How long an assertion is good for, in seconds.
const LIFETIME: u64 = 600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_with_its_key_is_named() {
        for (pem, why) in [
            ("", "holds no `BEGIN PRIVATE KEY`"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n", "ends within"),
            ("-----BEGIN PRIVATE KEY-----\n!!\n-----END PRIVATE KEY-----", "holds no base64"),
            ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "no RSA key"),
            ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END X-----", "under a passphrase"),
            ("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END X-----", "must be an RSA key"),
        ] {
            let error = Signer::new(pem, "client", "https://login.example/t").unwrap_err();
            assert!(error.contains(why), "{pem}: {error}");
        }
    }
}
