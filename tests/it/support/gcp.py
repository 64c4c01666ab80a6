"""A stand-in for the parts of Google Cloud that keys in Cloud KMS need, with real cryptography.

It has KMS (REST), the token endpoint, the STS, IAM credentials and the metadata server, all of them on one TLS port
(names of Google, through a private network) and on one port without TLS. What it checks, Google checks: signatures, ages
and audiences of tokens, permissions for each key, checksums, names. Google's own SDK and the real `sops` run against it
in the tests, which keeps it honest.

Files of credentials, the authority's certificate and the log are left in the folder:
  ca.pem, asked.log                  the authority; one line a request: host, method, path, who asked
  key.json, unknown-key.json         a service account's key; one that nobody knows
  user.json, revoked-user.json       logins of users
  federated.json, outsider.json      workload identity federation, with the tokens in files beside them
  direct.json                        the same without a service account
  impersonated.json                  a user who acts as a service account
"""

import argparse
import base64
import json
import os
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from authority import server_context
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ACCOUNT = "{}@app.iam.gserviceaccount.com"
KEY_HOLDER, MACHINE, TARGET, ADMIN, STRANGER = (
    ACCOUNT.format(name) for name in ("key-holder", "machine", "target", "admin", "stranger")
)
USER = "alice@example.com"
POOL = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/ci"
ISSUER = "https://token.ci.example"
SUBJECT = "repo:example/app"
FEDERATED = f"principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/subject/{SUBJECT}"
# Who may act as TARGET.
CREATORS = {KEY_HOLDER, MACHINE, USER, FEDERATED}

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
SCOPES = {SCOPE, "https://www.googleapis.com/auth/cloudkms", "https://www.googleapis.com/auth/iam"}
KMS = "https://cloudkms.googleapis.com/"
OAUTH = "https://oauth2.googleapis.com/token"

# Tokens that are simply there; more come from the token services.
TOKENS = {"ya29.admin": (ADMIN, None), "ya29.stranger": (STRANGER, None), "ya29.old": (ADMIN, 0.0)}
REFRESH = {"1//alice": USER}

ENCRYPT, DECRYPT = "cloudkms.cryptoKeyVersions.useToEncrypt", "cloudkms.cryptoKeyVersions.useToDecrypt"
ROLES = {
    "roles/cloudkms.cryptoKeyEncrypter": {ENCRYPT},
    "roles/cloudkms.cryptoKeyDecrypter": {DECRYPT},
    "roles/cloudkms.cryptoKeyEncrypterDecrypter": {ENCRYPT, DECRYPT},
}
RPC = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
}


def unbase64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def crc32c(data: bytes) -> int:
    total = 0xFFFFFFFF
    for byte in data:
        total ^= byte
        for _ in range(8):
            total = (total >> 1) ^ (0x82F63B78 if total & 1 else 0)
    return total ^ 0xFFFFFFFF


class Refusal(Exception):
    """An answer that is no success."""

    def __init__(self, code: int, message: str, status: str | None = None):
        super().__init__(message)
        self.code, self.body = code, {"error": {"code": code, "message": message, "status": status or RPC[code]}}


class OAuthRefusal(Exception):
    """The same in the form of the token services."""

    def __init__(self, error: str, description: str, code: int = 400):
        super().__init__(description)
        self.code, self.body = code, {"error": error, "error_description": description}


class Signer:
    """Somebody who signs JSON web tokens with RS256."""

    def __init__(self):
        self.key = rsa.generate_private_key(65537, 2048)
        self.id = os.urandom(20).hex()

    def pem(self) -> str:
        form = serialization.PrivateFormat.PKCS8
        return self.key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()

    def sign(self, claims: dict) -> str:
        head = base64url(json.dumps({"alg": "RS256", "typ": "JWT", "kid": self.id}).encode())
        signed = f"{head}.{base64url(json.dumps(claims).encode())}"
        signature = self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{base64url(signature)}"

    def claims(self, token: str) -> dict | None:
        """What a token of this signer says; None for all others and for those out of their time."""
        try:
            head, body, signature = token.split(".")
            if json.loads(unbase64url(head)).get("alg") != "RS256":
                return None
            signed = f"{head}.{body}".encode()
            self.key.public_key().verify(unbase64url(signature), signed, padding.PKCS1v15(), hashes.SHA256())
            claims = json.loads(unbase64url(body))
        except (ValueError, InvalidSignature):
            return None
        now = time.time()
        is_now = claims.get("iat", now) < now + 300 and now < claims.get("exp", 0) < now + 4000
        return claims if is_now else None


class CryptoKey:
    """A key with its versions; the first one has number 1."""

    def __init__(self, name: str):
        self.name, self.versions, self.primary, self.policy = name, [], 0, {}
        self.add()
        self.primary = 1

    def add(self) -> int:
        self.versions.append([AESGCM.generate_key(256), "ENABLED"])
        return len(self.versions)

    def version(self, number: int) -> dict:
        return {"name": f"{self.name}/cryptoKeyVersions/{number}", "state": self.versions[number - 1][1]}

    def shown(self) -> dict:
        return {"name": self.name, "purpose": "ENCRYPT_DECRYPT", "primary": self.version(self.primary)}

    def allows(self, who: str, permission: str) -> bool:
        if who == ADMIN:
            return True
        member = who if who.startswith("principal:") else ("user:" if who == USER else "serviceAccount:") + who
        bindings = self.policy.get("bindings", [])
        return any(permission in ROLES.get(b["role"], ()) and member in b["members"] for b in bindings)

    def secret(self, number: int) -> bytes:
        key, state = self.versions[number - 1]
        if state != "ENABLED":
            name = self.version(number)["name"]
            raise Refusal(400, f"{name} is not enabled, current state is: {state}.", "FAILED_PRECONDITION")
        return key

    def encrypt(self, number: int, plaintext: bytes, context: bytes) -> bytes:
        nonce = os.urandom(12)
        return bytes([10, number]) + nonce + AESGCM(self.secret(number)).encrypt(nonce, plaintext, context)

    def decrypt(self, ciphertext: bytes, context: bytes) -> tuple[int, bytes]:
        number = ciphertext[1] if ciphertext[:1] == b"\n" and len(ciphertext) > 30 else 0
        if not 1 <= number <= len(self.versions):
            raise Refusal(400, "Decryption failed: the ciphertext is invalid.")
        secret = self.secret(number)
        try:
            return number, AESGCM(secret).decrypt(ciphertext[2:14], ciphertext[14:], context)
        except InvalidTag:
            message = "Decryption failed: verify that 'name' refers to the correct CryptoKey."
            raise Refusal(400, message) from None


class World:
    """Everything that the services know."""

    def __init__(self):
        self.lock = threading.Lock()
        self.holder, self.outsider, self.provider = Signer(), Signer(), Signer()
        self.tokens, self.keys, self.rings = dict(TOKENS), {}, set()

    def token(self, who: str) -> dict:
        token = f"ya29.{base64url(os.urandom(48))}"
        self.tokens[token] = (who, time.time() + 3600)
        return {"access_token": token, "expires_in": 3600, "token_type": "Bearer"}

    def caller(self, header: str) -> str:
        """Who sends that `Authorization`: by a token from here, or by one that a service account signed itself."""
        token = header.removeprefix("Bearer ")
        who, end = self.tokens.get(token, (None, None))
        if who and (end is None or time.time() < end):
            return who
        claims = self.holder.claims(token) if token.count(".") == 2 else None
        if claims and claims.get("iss") == claims.get("sub") == KEY_HOLDER:
            if claims.get("aud") == KMS or SCOPES & set(claims.get("scope", "").split()):
                return KEY_HOLDER
        message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential."
        raise Refusal(401, message)

    # The token services.

    def oauth(self, form: dict) -> dict:
        if form.get("grant_type") == "refresh_token":
            if form.get("client_id") != "client" or form.get("client_secret") != "client-secret":
                raise OAuthRefusal("invalid_client", "The OAuth client was not found.", 401)
            who = REFRESH.get(form.get("refresh_token"))
            if not who:
                raise OAuthRefusal("invalid_grant", "Token has been expired or revoked.")
            return self.token(who)
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            raise OAuthRefusal("unsupported_grant_type", "Invalid grant_type")
        claims = self.holder.claims(form.get("assertion", ""))
        if not claims or claims.get("iss") != KEY_HOLDER:
            raise OAuthRefusal("invalid_grant", "Invalid JWT Signature.")
        if claims.get("aud") != OAUTH or not SCOPES & set(claims.get("scope", "").split()):
            raise OAuthRefusal("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        return self.token(KEY_HOLDER)

    def exchange(self, form: dict) -> dict:
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:token-exchange":
            raise OAuthRefusal("unsupported_grant_type", "Invalid grant_type")
        if form.get("subject_token_type") != "urn:ietf:params:oauth:token-type:jwt":
            raise OAuthRefusal("invalid_request", "Invalid subject token type")
        if form.get("audience") != POOL:
            raise OAuthRefusal("invalid_target", "The target service indicated by the \"audience\" parameters is invalid.")
        if not SCOPES & set(form.get("scope", "").split()):
            raise OAuthRefusal("invalid_scope", "Invalid scope")
        claims = self.provider.claims(form.get("subject_token", ""))
        if not claims or claims.get("iss") != ISSUER or claims.get("aud") != f"https:{POOL}":
            raise OAuthRefusal("invalid_grant", "The token was not signed by the issuer, or is for somebody else.")
        if claims.get("sub") != SUBJECT:
            raise OAuthRefusal("unauthorized_client", "The given credential is rejected by the attribute condition.")
        return {**self.token(FEDERATED), "issued_token_type": "urn:ietf:params:oauth:token-type:access_token"}

    def impersonate(self, account: str, who: str, body: dict) -> dict:
        if account != TARGET or who not in CREATORS:
            message = "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist)."
            raise Refusal(403, message)
        if not SCOPES & set(body.get("scope", [])):
            raise Refusal(400, "Request contains an invalid argument.")
        end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        return {"accessToken": self.token(account)["access_token"], "expireTime": end}

    # KMS.

    def kms(self, method: str, path: str, query: dict, body: dict, who: str) -> dict:
        name, _, verb = path.partition(":")
        project = name.split("/")[1]
        if project == "busy":
            raise Refusal(429, "Quota exceeded for quota metric 'Cryptographic requests' of service 'cloudkms.googleapis.com'.")
        if project == "down":
            raise Refusal(503, "The service is currently unavailable.")
        parts = name.split("/")[::2]
        if parts[-1] == "keyRings" or parts[-1] == "cryptoKeys" and len(name.split("/")) % 2:
            return self.create(name, query, who)
        key_name, _, version = name.partition("/cryptoKeyVersions")
        key = self.keys.get(key_name)
        permission = {"encrypt": ENCRYPT, "decrypt": DECRYPT}.get(verb, "admin")
        if who != ADMIN and (key is None or not key.allows(who, permission)):
            raise Refusal(403, f"Permission '{permission}' denied on resource '{key_name}' (or it may not exist).")
        if key is None:
            raise Refusal(404, f"CryptoKey {key_name} not found.")
        if verb in ("encrypt", "decrypt"):
            return getattr(self, verb)(key, version.lstrip("/"), body)
        return self.administer(method, key, version.lstrip("/"), verb, body)

    def create(self, name: str, query: dict, who: str) -> dict:
        if who != ADMIN:
            raise Refusal(403, f"Permission 'cloudkms.create' denied on resource '{name}' (or it may not exist).")
        child = name + "/" + (query.get("keyRingId") or query.get("cryptoKeyId") or "")
        if child in self.keys or child in self.rings:
            raise Refusal(409, f"{child} already exists.")
        if name.endswith("/keyRings"):
            self.rings.add(child)
            return {"name": child}
        if name.removesuffix("/cryptoKeys") not in self.rings:
            raise Refusal(404, f"KeyRing {name.removesuffix('/cryptoKeys')} not found.")
        self.keys[child] = CryptoKey(child)
        return self.keys[child].shown()

    def administer(self, method: str, key: CryptoKey, version: str, verb: str, body: dict) -> dict:
        if verb == "setIamPolicy":
            key.policy = body["policy"]
            return key.policy
        if verb == "updatePrimaryVersion":
            key.primary = int(body["cryptoKeyVersionId"])
        elif method == "POST" and not verb and not version:
            return key.version(key.add())
        elif version:
            number = int(version)
            states = {"destroy": "DESTROY_SCHEDULED", "restore": "DISABLED", "": body.get("state")}
            # The SDK writes enumerations as numbers: 1 is enabled, 2 disabled.
            state = {1: "ENABLED", 2: "DISABLED"}.get(states[verb], states[verb])
            if method in ("PATCH", "POST"):
                key.versions[number - 1][1] = state
            return key.version(number)
        return key.shown()

    def encrypt(self, key: CryptoKey, version: str, body: dict) -> dict:
        plaintext, context, is_checked = take(body, "plaintext")
        if len(plaintext) > 64 << 10:
            raise Refusal(400, "The plaintext is too large.")
        number = int(version or key.primary)
        ciphertext = key.encrypt(number, plaintext, context)
        return {
            "name": key.version(number)["name"],
            "ciphertext": base64.b64encode(ciphertext).decode(),
            "ciphertextCrc32c": str(crc32c(ciphertext)),
            "verifiedPlaintextCrc32c": is_checked,
            "protectionLevel": "SOFTWARE",
        }

    def decrypt(self, key: CryptoKey, version: str, body: dict) -> dict:
        if version:
            raise Refusal(404, "Decrypt takes the name of a CryptoKey.")
        ciphertext, context, _ = take(body, "ciphertext")
        number, plaintext = key.decrypt(ciphertext, context)
        return {
            "plaintext": base64.b64encode(plaintext).decode(),
            "plaintextCrc32c": str(crc32c(plaintext)),
            "usedPrimary": number == key.primary,
            "protectionLevel": "SOFTWARE",
        }


def take(body: dict, field: str) -> tuple[bytes, bytes, bool]:
    """Data and context of a call, checked against their checksums; and whether there was one for the data."""
    context_field, values, is_checked = "additionalAuthenticatedData", [], False
    for name in (field, context_field):
        value = base64.b64decode(body.get(name, ""), validate=True)
        total = body.get(f"{name}Crc32c")
        if total is not None and int(total) != crc32c(value):
            raise Refusal(400, f"The checksum in field {field}_crc32c did not match the data in field {field}.")
        is_checked |= name == field and total is not None
        values.append(value)
    return values[0], values[1], is_checked


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    world: World
    log: Path

    def log_message(self, *_):
        pass

    def answer(self, code: int, body, headers=()):
        is_text = isinstance(body, str)
        data = body.encode() if is_text else json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/text" if is_text else "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def handle_any(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        who = "-"
        try:
            with self.world.lock:
                if url.path == "/" or url.path.startswith("/computeMetadata/"):
                    return self.metadata(url.path)
                if url.path in ("/token", "/v1/token"):
                    is_json = "json" in self.headers.get("Content-Type", "")
                    form = json.loads(raw) if is_json else dict(urllib.parse.parse_qsl(raw.decode()))
                    service = self.world.oauth if url.path == "/token" else self.world.exchange
                    return self.answer(200, service(form))
                who = self.world.caller(self.headers.get("Authorization", ""))
                body = json.loads(raw) if raw else {}
                path = urllib.parse.unquote(url.path)
                if path.startswith("/v1/projects/-/serviceAccounts/") and path.endswith(":generateAccessToken"):
                    account = path.removeprefix("/v1/projects/-/serviceAccounts/").removesuffix(":generateAccessToken")
                    return self.answer(200, self.world.impersonate(account, who, body))
                if path.startswith("/v1/projects/"):
                    return self.answer(200, self.world.kms(self.command, path[4:], query, body, who))
                raise Refusal(404, f"{path} is not here.")
        except (Refusal, OAuthRefusal) as refusal:
            self.answer(refusal.code, refusal.body)
        except (ValueError, KeyError, IndexError):
            self.answer(400, Refusal(400, "Request contains an invalid argument.").body)
        finally:
            with self.world.lock, self.log.open("a") as log:
                log.write(f"{self.headers.get('Host')} {self.command} {self.path} {who}\n")

    do_GET = do_POST = do_PATCH = handle_any

    def metadata(self, path: str):
        flavor = [("Metadata-Flavor", "Google")]
        if path != "/" and (self.headers.get("Metadata-Flavor") != "Google" or "X-Forwarded-For" in self.headers):
            return self.answer(403, "Missing Metadata-Flavor:Google header.", flavor)
        account = "/computeMetadata/v1/instance/service-accounts/default"
        known = {
            "/": "computeMetadata/\n",
            f"{account}/email": MACHINE,
            "/computeMetadata/v1/project/project-id": "app",
            "/computeMetadata/v1/universe/universe-domain": "googleapis.com",
            f"{account}/": {"aliases": ["default"], "email": MACHINE, "scopes": [SCOPE]},
        }
        if path == f"{account}/token":
            return self.answer(200, self.world.token(MACHINE), flavor)
        return self.answer(200, known[path], flavor) if path in known else self.answer(404, "404", flavor)


def credentials(folder: Path, world: World, oauth: str, sts: str, iam: str) -> None:
    """Files of credentials, for these addresses of the token services."""

    def write(name: str, content: dict) -> dict:
        (folder / f"{name}.json").write_text(json.dumps(content, indent=2))
        return content

    for name, signer in (("key", world.holder), ("unknown-key", world.outsider)):
        key = {"type": "service_account", "project_id": "app", "private_key_id": signer.id, "private_key": signer.pem()}
        write(name, {**key, "client_email": KEY_HOLDER, "client_id": "1", "token_uri": oauth})
    user = {"type": "authorized_user", "client_id": "client", "client_secret": "client-secret", "token_uri": oauth}
    login = write("user", {**user, "refresh_token": "1//alice"})
    write("revoked-user", {**user, "refresh_token": "1//mallory"})
    acting = f"{iam}/v1/projects/-/serviceAccounts/{TARGET}:generateAccessToken"
    kind = {"type": "impersonated_service_account", "service_account_impersonation_url": acting}
    write("impersonated", {**kind, "source_credentials": login, "delegates": []})
    now = int(time.time())
    for name, subject in (("federated", SUBJECT), ("outsider", "repo:mallory/app")):
        token = folder / f"{name}.jwt"
        claims = {"iss": ISSUER, "aud": f"https:{POOL}", "sub": subject, "iat": now, "exp": now + 3600}
        token.write_text(world.provider.sign(claims))
        pool = {
            "type": "external_account",
            "audience": POOL,
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": sts,
            "credential_source": {"file": str(token)},
        }
        write(name, {**pool, "service_account_impersonation_url": acting})
        if name == "federated":
            write("direct", pool)


class Server(ThreadingHTTPServer):
    """Keeps quiet about clients that go away or do not trust it."""

    def handle_error(self, *_):
        pass


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--http", type=int, default=0, help="port without TLS")
    parser.add_argument("--tls", type=int, help="port with TLS, for Google's own names")
    given = parser.parse_args()
    given.folder = given.folder.resolve()
    world = World()
    handler = type("Own", (Handler,), {"world": world, "log": given.folder / "asked.log"})
    plain = Server(("0.0.0.0" if given.tls else "127.0.0.1", given.http), handler)
    here = f"http://127.0.0.1:{plain.server_port}"
    places = (f"{here}/token", f"{here}/v1/token", here)
    if given.tls:
        places = (OAUTH, "https://sts.googleapis.com/v1/token", "https://iamcredentials.googleapis.com")
        services = ("cloudkms", "oauth2", "sts", "iamcredentials")
        server = Server(("127.0.0.1", given.tls), handler)
        context = server_context(given.folder, [f"{name}.googleapis.com" for name in services])
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    credentials(given.folder, world, *places)
    print("ready", plain.server_port, flush=True)
    plain.serve_forever()


if __name__ == "__main__":
    main()
