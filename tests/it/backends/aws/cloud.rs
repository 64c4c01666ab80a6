//! What the tests ask of a stand-in for AWS as its administrator, and the environments of its users.

use sealeaf::keys::{Environment, KeyRef};
use serde_json::{Value, json};

use crate::support::servers::Server;
use crate::support::skip;

/// A secret access key, and part of every session token here.
pub(super) const SECRET: &str = "sealeafSecretAccessKeyThatIsNeverShown00";

/// A running stand-in.
pub(super) struct Cloud {
    server: Server,
    /// The administrator's access key and its secret.
    admin: (&'static str, &'static str),
}

impl Cloud {
    /// moto: everybody may do everything.
    pub(super) fn moto() -> Option<Self> {
        Self::of(Server::moto(), ("AKIATEST", SECRET), "moto")
    }

    /// fakecloud with IAM and signatures checked.
    pub(super) fn strict() -> Option<Self> {
        Self::of(Server::fakecloud(&["--iam", "strict", "--verify-sigv4"]), ("test", "test"), "fakecloud")
    }

    /// fakecloud without: there tokens of web identities are taken.
    pub(super) fn lax() -> Option<Self> {
        Self::of(Server::fakecloud(&[]), ("test", "test"), "fakecloud")
    }

    fn of(server: Option<Server>, admin: (&'static str, &'static str), name: &str) -> Option<Self> {
        if server.is_none() {
            skip(&format!("`{name}` is not installed"));
        }
        Some(Self { server: server?, admin })
    }

    pub(super) fn port(&self) -> u16 {
        self.server.port
    }

    pub(super) fn url(&self) -> String {
        self.server.url()
    }

    /// A call of KMS as the administrator.
    #[track_caller]
    pub(super) fn kms(&self, region: &str, action: &str, body: &Value) -> Value {
        let headers = [
            ("Authorization", &*self.authorization(region, "kms")),
            ("X-Amz-Target", &format!("TrentService.{action}")),
            ("Content-Type", "application/x-amz-json-1.1"),
        ];
        let (status, answer) = self.server.http("POST", "/", &headers, &body.to_string());
        assert_eq!(status, 200, "{action}: {answer}");
        serde_json::from_str(&answer).unwrap_or(Value::Null)
    }

    /// A call of IAM as the administrator; gives the answer's XML.
    #[track_caller]
    pub(super) fn iam(&self, action: &str, parameters: &[(&str, &str)]) -> String {
        let mut body = format!("Action={action}&Version=2010-05-08");
        for (name, value) in parameters {
            body.push_str(&format!("&{name}={}", encoded(value)));
        }
        let authorization = self.authorization("us-east-1", "iam");
        let headers =
            [("Authorization", &*authorization), ("Content-Type", "application/x-www-form-urlencoded")];
        let (status, answer) = self.server.http("POST", "/", &headers, &body);
        assert_eq!(status, 200, "{action}: {answer}");
        answer
    }

    /// A new key's ARN.
    pub(super) fn key(&self, region: &str) -> String {
        let made = self.kms(region, "CreateKey", &json!({}));
        made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
    }

    /// A new alias' ARN.
    pub(super) fn alias(&self, region: &str, name: &str, arn: &str) -> String {
        let body = json!({ "AliasName": format!("alias/{name}"), "TargetKeyId": arn });
        self.kms(region, "CreateAlias", &body);
        arn.split_once(":key/").map(|(account, _)| format!("{account}:alias/{name}")).unwrap()
    }

    /// A new user with a policy: actions on resources. Gives the access key and its secret.
    pub(super) fn user(&self, name: &str, allowed: &[(&str, &str)]) -> (String, String) {
        self.iam("CreateUser", &[("UserName", name)]);
        self.iam(
            "PutUserPolicy",
            &[("UserName", name), ("PolicyName", "p"), ("PolicyDocument", &policy(allowed))],
        );
        let made = self.iam("CreateAccessKey", &[("UserName", name)]);
        (text(&made, "AccessKeyId"), text(&made, "SecretAccessKey"))
    }

    /// A new role with a trust policy and a policy; gives its ARN.
    pub(super) fn role(&self, name: &str, trust: &Value, allowed: &[(&str, &str)]) -> String {
        let made =
            self.iam("CreateRole", &[("RoleName", name), ("AssumeRolePolicyDocument", &trust.to_string())]);
        self.iam(
            "PutRolePolicy",
            &[("RoleName", name), ("PolicyName", "p"), ("PolicyDocument", &policy(allowed))],
        );
        text(&made, "Arn")
    }

    /// The administrator's environment.
    pub(super) fn root(&self) -> Vec<(&'static str, String)> {
        self.variables(&self.url(), self.admin.0, self.admin.1)
    }

    /// A user's environment, for whom AWS is at that address.
    pub(super) fn variables(&self, url: &str, id: &str, secret: &str) -> Vec<(&'static str, String)> {
        let mut variables = self.nobody(url);
        variables.push(("AWS_ACCESS_KEY_ID", id.to_owned()));
        variables.push(("AWS_SECRET_ACCESS_KEY", secret.to_owned()));
        variables
    }

    /// The environment of somebody without credentials.
    pub(super) fn nobody(&self, url: &str) -> Vec<(&'static str, String)> {
        vec![("AWS_ENDPOINT_URL", url.to_owned()), ("AWS_EC2_METADATA_DISABLED", "true".to_owned())]
    }

    /// [`variables`](Self::variables), for a run in this process.
    pub(super) fn environment(&self, url: &str, id: &str, secret: &str) -> Environment {
        self.variables(url, id, secret).into_iter().collect()
    }

    fn authorization(&self, region: &str, service: &str) -> String {
        let id = self.admin.0;
        format!(
            "AWS4-HMAC-SHA256 Credential={id}/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=x"
        )
    }
}

pub(super) fn key_ref(arn: &str, context: &[(&str, &str)]) -> KeyRef {
    let context = context.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    KeyRef { kind: "aws_kms".to_owned(), id: arn.to_owned(), context }
}

/// The text of the first such element.
pub(super) fn text(xml: &str, element: &str) -> String {
    let (_, rest) = xml.split_once(&format!("<{element}>")).unwrap();
    rest.split_once("</").unwrap().0.to_owned()
}

fn policy(allowed: &[(&str, &str)]) -> String {
    let statements: Vec<Value> = allowed
        .iter()
        .map(|(action, resource)| json!({ "Effect": "Allow", "Action": action, "Resource": resource }))
        .collect();
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
