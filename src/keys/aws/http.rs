//! HTTP as the SDK does it, with four things of our own: the usual variables for proxies hold, an answer has an end,
//! nothing goes out in clear, and the service's clock is compared with ours.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_kms::config::http::{HttpRequest, HttpResponse};
use aws_sdk_kms::config::{HttpClient, RuntimeComponents, SharedHttpClient};
use aws_sdk_kms::error::ConnectorError;
use aws_sdk_kms::primitives::{DateTime, DateTimeFormat};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::keys::Environment;

/// The client for everything that is asked in a run.
pub(super) fn client(environment: &Environment, skew: &Arc<Skew>) -> SharedHttpClient {
    let proxy = proxy(environment);
    let inner = Builder::new().build_with_connector_fn(move |settings, components| {
        let mut builder = Connector::builder().proxy_config(proxy.clone());
        builder.set_connector_settings(settings.cloned());
        builder.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        builder.tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build()
    });
    SharedHttpClient::new(Guarded { inner, skew: Arc::clone(skew) })
}

/// By how many seconds the services' clock is before ours, as far as the last answer told.
#[derive(Debug, Default)]
pub(super) struct Skew(AtomicI64);

impl Skew {
    /// In seconds; negative where ours is before theirs.
    pub(super) fn seconds(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    fn note(&self, date: &str) {
        let Ok(theirs) = DateTime::from_str(date, DateTimeFormat::HttpDate) else { return };
        let Ok(ours) = SystemTime::now().duration_since(UNIX_EPOCH) else { return };
        let ours = i64::try_from(ours.as_secs()).unwrap_or(i64::MAX);
        self.0.store(theirs.secs().saturating_sub(ours), Ordering::Relaxed);
    }
}

/// An answer over the limit.
#[derive(Debug, thiserror::Error)]
#[error("an answer of more than {ANSWER_LIMIT} bytes")]
pub(super) struct TooLong;

/// An address that would have secrets go over a network in clear.
#[derive(Debug, thiserror::Error)]
#[error("`http` to another machine")]
pub(super) struct InClear;

#[derive(Debug)]
struct Guarded {
    inner: SharedHttpClient,
    skew: Arc<Skew>,
}

impl HttpClient for Guarded {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Careful { inner, skew: Arc::clone(&self.skew) })
    }
}

#[derive(Debug)]
struct Careful {
    inner: SharedHttpConnector,
    skew: Arc<Skew>,
}

impl HttpConnector for Careful {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if !is_safe(request.uri()) {
            return HttpConnectorFuture::ready(Err(ConnectorError::user(InClear.into())));
        }
        let (answer, skew) = (self.inner.call(request), Arc::clone(&self.skew));
        HttpConnectorFuture::new(async move { whole(answer.await?, &skew).await })
    }
}

/// The answer, with its body read.
async fn whole(mut answer: HttpResponse, skew: &Skew) -> Result<HttpResponse, ConnectorError> {
    if let Some(date) = answer.headers().get("date") {
        skew.note(date);
    }
    let body = std::mem::replace(answer.body_mut(), Vec::new().into());
    let read = Limited::new(body, ANSWER_LIMIT).collect().await;
    *answer.body_mut() = match read {
        Ok(read) => read.to_bytes().into(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Err(ConnectorError::other(TooLong.into(), None));
        }
        Err(error) => return Err(ConnectorError::io(error)),
    };
    Ok(answer)
}

/// The proxy for `https`; what goes out without TLS stays on this machine and needs none.
fn proxy(environment: &Environment) -> ProxyConfig {
    let variable = |names: [&str; 2]| names.iter().find_map(|name| environment.text(name));
    let Some(proxy) = variable(["HTTPS_PROXY", "https_proxy"]).map(ProxyConfig::https).and_then(Result::ok)
    else {
        return ProxyConfig::disabled();
    };
    match variable(["NO_PROXY", "no_proxy"]) {
        Some(rules) => proxy.no_proxy(rules),
        None => proxy,
    }
}

/// Over TLS, or to this machine, or to where clouds serve credentials to their machines.
fn is_safe(address: &str) -> bool {
    let Some(rest) = address.strip_prefix("http://") else { return address.starts_with("https://") };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, _)) => host,
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    match host.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(ip)) => ip.is_loopback() || ip.is_link_local(),
        Ok(std::net::IpAddr::V6(ip)) => ip.is_loopback() || ip.segments().starts_with(&[0xfd00, 0xec2]),
        Err(_) => host == "localhost",
    }
}

/// Longest answer in bytes; those of KMS and STS have some thousands.
const ANSWER_LIMIT: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_clear_only_to_this_machine_and_to_metadata() {
        for address in [
            "https://kms.eu-west-1.amazonaws.com/",
            "http://127.0.0.1:5000/",
            "http://localhost:80",
            "http://[::1]:9/x",
            "http://169.254.169.254/latest/api/token",
            "http://[fd00:ec2::254]/latest",
        ] {
            assert!(is_safe(address), "{address}");
        }
        for address in [
            "http://kms.eu-west-1.amazonaws.com/",
            "http://localhost.evil.example/",
            "http://127.0.0.1@evil.example/",
            "http://10.0.0.1/",
            "ftp://localhost/",
        ] {
            assert!(!is_safe(address), "{address}");
        }
    }

    #[test]
    fn the_clock_is_compared() {
        let skew = Skew::default();
        skew.note("nonsense");
        assert_eq!(skew.seconds(), 0);
        skew.note("Mon, 01 Jan 2001 00:00:00 GMT");
        assert!(skew.seconds() < -600_000_000);
    }
}
