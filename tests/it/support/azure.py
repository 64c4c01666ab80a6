"""A stand-in for Entra, Key Vault and the metadata service: real RSA, real signatures, strict about what it is asked.

usage: azure.py FOLDER

Serves HTTPS on 443 under every name of the hosts file, the metadata service on 169.254.169.254:80, App Service's
endpoint on 127.0.0.1:8081, and the tests themselves on the socket FOLDER/control. Writes ca.pem, client.pem
(certificate and key of the application `app-cert`), client-rsa.pem (the same in the older form) and other.pem (of
nobody) into FOLDER.
"""
import base64
import datetime
import json
import os
import socket
import ssl
import sys
import threading
import time
import urllib.parse
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

FOLDER = sys.argv[1]
TENANT = "11111111-2222-3333-4444-555555555555"
LOGIN = "login.microsoftonline.com"
SECRETS = {"app": "app-secret-value", "app-expired": "old-secret-value"}
DOMAINS = ("vault.azure.net", "managedhsm.azure.net")
ISSUER, SUBJECT, AUDIENCE = "https://ci.example", "repo:org/name:ref:main", "api://AzureADTokenExchange"
OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
LOCK = threading.Lock()


class World:
    """What there is; made anew by the control's `reset`."""

    def __init__(self):
        self.keys = {}  # name -> {"versions": {version: [private key, enabled]}, "denied": {operation: identity}}
        self.tokens = {}  # token -> {"aud", "exp", "appid"}
        self.faults = []
        self.log = []
        self.connections = []
        self.imds = "on"  # "on", "no identity", "silent", "not azure"
        self.challenge = None
        self.seen = set()


WORLD = World()


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def write(name, data):
    with open(os.path.join(FOLDER, name), "wb") as file:
        file.write(data)


def certify(subject, key, issuer, signer, authority=False, names=()):
    name = lambda text: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.BasicConstraints(authority, None), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH]), False)
    return builder.sign(signer, hashes.SHA256())


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def private(key, form=serialization.PrivateFormat.PKCS8):
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def new_key():
    return rsa.generate_private_key(65537, 2048)


def jwt(key, claims, alg="RS256"):
    signed = b64(json.dumps({"alg": alg, "typ": "JWT"}).encode()) + "." + b64(json.dumps(claims).encode())
    return signed + "." + b64(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))


def now():
    return int(time.time())


class Refusal(Exception):
    """An error of Entra: status, error, code, message."""

    def __init__(self, status, error, code, message):
        super().__init__(message)
        self.answer = status, {
            "error": error,
            "error_description": f"AADSTS{code}: {message} Trace ID: {uuid.uuid4()} Correlation ID: {uuid.uuid4()}",
            "error_codes": [code],
        }


class Vaulted(Exception):
    """An error of Key Vault: status, code, message, inner code."""

    def __init__(self, status, code, message, inner=None):
        super().__init__(message)
        error = {"code": code, "message": message}
        if inner:
            error["innererror"] = {"code": inner}
        self.answer = status, {"error": error}


def mint(resource, application):
    claims = {
        "aud": resource, "iss": f"https://sts.windows.net/{TENANT}/", "appid": application, "tid": TENANT,
        "oid": str(uuid.uuid5(uuid.NAMESPACE_DNS, application)), "nbf": now(), "exp": now() + 3600,
    }
    token = jwt(SIGNING, claims)
    WORLD.tokens[token] = {"aud": resource, "exp": claims["exp"], "appid": application}
    return token


def assertion_of(form, audience):
    """Who a client assertion is of: checked in every respect."""
    if form.get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer":
        raise Refusal(400, "invalid_request", 900144, "The request body must contain: 'client_assertion_type'.")
    text = form["client_assertion"]
    try:
        head, body, signature = text.split(".")
        header, claims = json.loads(unb64(head)), json.loads(unb64(body))
    except ValueError:
        raise Refusal(400, "invalid_client", 50027, "JWT token is invalid or malformed.")
    signed = f"{head}.{body}".encode()
    if not claims.get("nbf", 0) - 300 <= now() <= claims.get("exp", 0):
        raise Refusal(401, "invalid_client", 700024, "Client assertion is not within its valid time range.")
    if claims.get("iss") == ISSUER:
        CI.public_key().verify(unb64(signature), signed, padding.PKCS1v15(), hashes.SHA256())
        if claims.get("sub") != SUBJECT:
            raise Refusal(401, "invalid_client", 700213, "No matching federated identity record found for presented "
                          f"assertion subject '{claims.get('sub')}'.")
        if claims.get("aud") != AUDIENCE:
            raise Refusal(401, "invalid_client", 700212, "No matching federated identity record found for presented "
                          f"assertion audience '{claims.get('aud')}'.")
        return
    given = {name: header.get(name, "").rstrip("=") for name in ("x5t#S256", "x5t")}
    fits = given["x5t#S256"] == THUMBPRINT or given["x5t"] == THUMBPRINT_SHA1
    if not fits:
        raise Refusal(401, "invalid_client", 700027, "The certificate with identifier used to sign the client assertion "
                      "is not registered on application.")
    padded = {"RS256": padding.PKCS1v15(), "PS256": padding.PSS(padding.MGF1(hashes.SHA256()), 32)}.get(header.get("alg"))
    try:
        CLIENT.public_key().verify(unb64(signature), signed, padded, hashes.SHA256())
    except (InvalidSignature, TypeError):
        raise Refusal(401, "invalid_client", 700027, "Client assertion failed signature validation.")
    if claims.get("iss") != form["client_id"] or claims.get("sub") != form["client_id"]:
        raise Refusal(401, "invalid_client", 700021, "Client assertion application identifier doesn't match 'client_id'.")
    if claims.get("aud") not in audience:
        raise Refusal(401, "invalid_client", 700023, "Client assertion audience claim does not match Realm issuer.")
    if not claims.get("jti") or claims["jti"] in WORLD.seen or claims["exp"] - now() > 3600:
        raise Refusal(401, "invalid_client", 700022, "Client assertion was used before, or is good for too long.")
    WORLD.seen.add(claims["jti"])


def log_in(host, path, form):
    tenant = path.split("/")[1]
    if tenant != TENANT:
        raise Refusal(400, "invalid_request", 90002, f"Tenant '{tenant}' not found.")
    if form.get("grant_type") != "client_credentials":
        raise Refusal(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
    client = form.get("client_id", "")
    if client not in ("app", "app-cert", "app-workload", "app-expired", "app-denied"):
        raise Refusal(400, "unauthorized_client", 700016, f"Application with identifier '{client}' was not found.")
    if "client_assertion" in form:
        assertion_of(form, (f"https://{host}{path}", f"https://{host}/{tenant}/v2.0"))
    elif form.get("client_secret") == SECRETS["app-expired"] and client == "app-expired":
        raise Refusal(401, "invalid_client", 7000222, "The provided client secret keys are expired.")
    elif form.get("client_secret") != SECRETS["app"]:
        raise Refusal(401, "invalid_client", 7000215, "Invalid client secret provided. Ensure the secret being sent in "
                      "the request is the client secret value, not the client secret ID.")
    scope = form.get("scope", "").split(" ")[0]
    if not scope.endswith("/.default"):
        raise Refusal(400, "invalid_scope", 70011, "The provided value for the input parameter 'scope' is not valid.")
    token = mint(scope[: -len("/.default")], client)
    return 200, {"token_type": "Bearer", "expires_in": 3600, "ext_expires_in": 3600, "access_token": token}


def key_bundle(host, name, version):
    numbers = WORLD.keys[name]["versions"][version][0].public_key().public_numbers()
    size = (numbers.n.bit_length() + 7) // 8
    return {
        "key": {
            "kid": f"https://{host}/keys/{name}/{version}", "kty": "RSA", "n": b64(numbers.n.to_bytes(size, "big")),
            "e": "AQAB", "key_ops": ["encrypt", "decrypt", "wrapKey", "unwrapKey", "sign", "verify"],
        },
        "attributes": {
            "enabled": WORLD.keys[name]["versions"][version][1], "created": now(), "updated": now(),
            "recoveryLevel": "Recoverable+Purgeable",
        },
    }


def vault(handler, method, host, path, query, raw):
    domain = host.split(".", 1)[1] if "." in host else host
    resource = f"https://{domain}" if domain in DOMAINS else "https://vault.azure.net"
    token = WORLD.tokens.get(handler.headers.get("Authorization", "")[len("Bearer "):])
    if not token or token["exp"] < now() or token["aud"].rstrip("/") != resource:
        asked = WORLD.challenge or resource
        handler.extra = [("WWW-Authenticate", f'Bearer authorization="https://{LOGIN}/{TENANT}", resource="{asked}"')]
        message = "AKV10000: Request is missing a Bearer or PoP token."
        if token:
            message = "AKV10022: Invalid audience. Expected " + resource
        raise Vaulted(401, "Unauthorized", message)
    if not query.get("api-version"):
        raise Vaulted(400, "BadParameter", "api-version must be specified")
    parts = path.strip("/").split("/")
    if parts[0] != "keys" or len(parts) < 2:
        raise Vaulted(404, "NotFound", "no such address")
    name, operation = parts[1], parts[-1] if method == "POST" else "get"
    body = json.loads(raw) if raw else {}
    if operation == "create":
        if body.get("kty") != "RSA":
            raise Vaulted(400, "BadParameter", "Property kty has an invalid value")
        version = uuid.uuid4().hex
        WORLD.keys.setdefault(name, {"versions": {}, "denied": {}})["versions"][version] = [new_key(), True]
        return 200, key_bundle(host, name, version)
    denied = WORLD.keys.get(name, {}).get("denied", {})
    if denied.get(operation) in (token["appid"], "*") or token["appid"] == "app-denied":
        raise Vaulted(403, "Forbidden", "Caller is not authorized to perform action on resource.\r\n"
                      f"Action: 'Microsoft.KeyVault/vaults/keys/{operation}/action'\r\nAssignment: (not found)",
                      "ForbiddenByRbac")
    versions = WORLD.keys.get(name, {}).get("versions")
    missing = f"A key with (name/id) {name} was not found in this key vault."
    if not versions:
        raise Vaulted(404, "KeyNotFound", missing)
    inner = [part for part in (parts[2:-1] if method == "POST" else parts[2:]) if part]
    version = inner[0] if inner else list(versions)[-1]
    if version not in versions:
        raise Vaulted(404, "KeyNotFound", missing.replace(name, f"{name}/{version}"))
    if operation == "get":
        return 200, key_bundle(host, name, version)
    key, enabled = versions[version]
    if not enabled:
        raise Vaulted(403, "Forbidden", f"Operation {operation} is not allowed on a disabled key.", "KeyDisabled")
    if operation not in ("encrypt", "decrypt"):
        raise Vaulted(400, "BadParameter", "Method is not supported")
    if body.get("alg") != "RSA-OAEP-256" or set(body) != {"alg", "value"} or "=" in body["value"]:
        raise Vaulted(400, "BadParameter", "Key and signing algorithm are incompatible.")
    value = unb64(body["value"])
    try:
        done = key.public_key().encrypt(value, OAEP) if operation == "encrypt" else key.decrypt(value, OAEP)
    except ValueError:
        raise Vaulted(400, "BadParameter", "The parameter is incorrect.\r\n")
    return 200, {"kid": f"https://{host}/keys/{name}/{version}", "value": b64(done)}


def metadata(handler, query):
    if WORLD.imds == "silent":
        threading.Event().wait(20)
    if WORLD.imds == "not azure":
        return 404, {}
    if handler.headers.get("Metadata", "").lower() != "true":
        return 400, {"error": "bad_request_102", "error_description": "Required metadata header not specified"}
    if WORLD.imds == "no identity":
        return 400, {"error": "invalid_request", "error_description": "Identity not found"}
    if not query.get("api-version") or not query.get("resource"):
        return 400, {"error": "bad_request_100", "error_description": "missing parameter"}
    client = query.get("client_id", "machine")
    if client not in ("machine", "user-assigned"):
        return 400, {"error": "invalid_request", "error_description": "Identity not found"}
    return 200, given(query["resource"], client)


def app_service(handler, query):
    if handler.headers.get("X-IDENTITY-HEADER") != "app-service-header":
        return 401, {"statusCode": 401, "message": "Invalid header"}
    if query.get("api-version") != "2019-08-01":
        return 400, {"statusCode": 400, "message": "api-version"}
    return 200, given(query["resource"], "app-service")


def given(resource, client):
    return {
        "access_token": mint(resource, client), "expires_in": "3600", "expires_on": str(now() + 3600),
        "resource": resource, "token_type": "Bearer", "not_before": str(now()), "client_id": client,
    }


def discovery(host, path):
    base = f"https://{host}/{TENANT}"
    if path.startswith("/common/discovery/instance"):
        return 200, {
            "tenant_discovery_endpoint": f"{base}/v2.0/.well-known/openid-configuration", "api-version": "1.1",
            "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
        }
    return 200, {
        "token_endpoint": f"{base}/oauth2/v2.0/token", "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        "issuer": f"{base}/v2.0", "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
    }


def control(path, body):
    """What the tests do behind the services' backs."""
    global WORLD
    if path == "/reset":
        WORLD = World()
    elif path == "/key":
        name, version = body["name"], uuid.uuid4().hex
        entry = WORLD.keys.setdefault(name, {"versions": {}, "denied": {}})
        entry["versions"][version] = [KEYS.pop() if KEYS else new_key(), True]
        entry["denied"].update(body.get("denied", {}))
        return {"version": version}
    elif path == "/disable":
        for version in WORLD.keys[body["name"]]["versions"].values():
            version[1] = False
    elif path == "/fault":
        WORLD.faults += [body] * body.pop("times", 1)
    elif path == "/set":
        for name, value in body.items():
            setattr(WORLD, name, value)
    elif path == "/token":
        claims = {"iss": ISSUER, "sub": SUBJECT, "aud": AUDIENCE, "nbf": now(), "exp": now() + 600, **body}
        return {"token": jwt(CI, claims)}
    elif path == "/login":
        return {"token": mint("https://vault.azure.net", body["client"]), "until": now() + 3600}
    elif path == "/asked":
        return {"asked": WORLD.log, "connections": WORLD.connections}
    return {}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, value, extra=()):
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, text in extra:
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def fault(self, line):
        """The fault that this request meets; whether it was answered by it."""
        with LOCK:
            found = next((fault for fault in WORLD.faults if fault["part"] in line), None)
            if not found:
                return None
            WORLD.faults.remove(found)
        kind = found["kind"]
        if kind == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            self.close_connection = True
            # Without TLS' good-bye.
            socket.socket(fileno=os.dup(self.connection.fileno())).shutdown(socket.SHUT_RDWR)
        elif kind == "silence":
            self.close_connection = True
            threading.Event().wait(60)
        elif kind == "huge":
            self.close_connection = True
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"x" * 65536)
            except OSError:
                pass
        else:
            self.answer(found["status"], found["body"].encode(), [tuple(pair) for pair in found.get("headers", [])])
        return True

    def go(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        host = self.headers.get("Host", "")
        self.extra = []
        if url.path == "/msi/token":
            return self.answer(*app_service(self, query))
        if self.server.is_control:
            with LOCK:
                return self.answer(200, control(url.path, json.loads(raw) if raw else {}))
        authorized = " authorized" if self.headers.get("Authorization") else ""
        line = f"{self.command} {host}{url.path}{authorized}"
        with LOCK:
            WORLD.log.append(line)
        if self.fault(line):
            return None
        try:
            if url.path.startswith("/metadata/identity/oauth2/token"):
                status, value = metadata(self, query)
            elif url.path.startswith("/common/discovery") or url.path.endswith("/openid-configuration"):
                status, value = discovery(host, url.path)
            elif url.path.endswith("/oauth2/v2.0/token"):
                status, value = log_in(host, url.path, dict(urllib.parse.parse_qsl(raw.decode())))
            else:
                status, value = vault(self, self.command, host, url.path, query, raw)
        except (Refusal, Vaulted) as refusal:
            status, value = refusal.answer
        except InvalidSignature:
            status, value = Refusal(401, "invalid_client", 700027, "Client assertion failed signature validation.").answer
        return self.answer(status, value, self.extra)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = go


class Server(ThreadingHTTPServer):
    daemon_threads = True
    is_control = False
    request_queue_size = 128

    def __init__(self, address, context=None):
        super().__init__(address, Handler)
        self.context = context

    def get_request(self):
        connection, peer = super().get_request()
        if not self.is_control:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection, peer

    def finish_request(self, request, client_address):
        if self.context:
            request.settimeout(30)
            server_name = []
            context = self.context
            context.sni_callback = lambda _socket, name, _context: server_name.append(name)
            try:
                request = context.wrap_socket(request, server_side=True)
            except (OSError, ssl.SSLError):
                return
            with LOCK:
                WORLD.connections.append(server_name[-1] if server_name else None)
        super().finish_request(request, client_address)
        if self.context:
            try:
                request.unwrap()
            except (OSError, ssl.SSLError, ValueError):
                pass
            request.close()

    def server_bind(self):
        if not self.is_control:
            return super().server_bind()
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "control", 0
        return None

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (OSError, ssl.SSLError)):
            super().handle_error(request, client_address)


class Control(Server):
    address_family = socket.AF_UNIX
    is_control = True

    def get_request(self):
        return self.socket.accept()[0], ("control", 0)


AUTHORITY, SERVER, CLIENT, CI, SIGNING = (new_key() for _ in range(5))
KEYS = [new_key() for _ in range(3)]
NAMES = ["*.vault.azure.net", "*.managedhsm.azure.net", LOGIN, "kv.corp.example", "v.vault.azure.net.evil.example"]
root = certify("sealeaf tests", AUTHORITY, "sealeaf tests", AUTHORITY, authority=True)
server = certify("server", SERVER, "sealeaf tests", AUTHORITY, names=NAMES)
client = certify("app-cert", CLIENT, "app-cert", CLIENT)
THUMBPRINT = b64(client.fingerprint(hashes.SHA256()))
THUMBPRINT_SHA1 = b64(client.fingerprint(hashes.SHA1()))
stranger = new_key()
write("server.pem", pem(server) + private(SERVER))
write("client.pem", pem(root) + pem(client) + private(CLIENT))
write("client-rsa.pem", private(CLIENT, serialization.PrivateFormat.TraditionalOpenSSL) + pem(client))
write("other.pem", pem(certify("other", stranger, "other", stranger)) + private(stranger))
write("ca.pem", pem(root))

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(os.path.join(FOLDER, "server.pem"))
servers = [
    Server(("127.0.0.1", 443), context), Server(("169.254.169.254", 80)), Server(("127.0.0.1", 8081)),
    Control(os.path.join(FOLDER, "control")),
]
for each in servers[:3]:
    threading.Thread(target=each.serve_forever, daemon=True).start()
print("ready", flush=True)
servers[3].serve_forever()
