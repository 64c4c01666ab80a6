"""Google's own SDK against the stand-in, in a private network where the names of Google are the stand-in's.

It makes the keys that the other programs use there, and fails where the SDK does not get what it gets from Google.
Arguments: the folder with the files of credentials.
"""

import sys
from pathlib import Path

import google.auth
from google.api_core import exceptions
from google.auth import identity_pool
from google.cloud import kms_v1
from google.oauth2.credentials import Credentials

RING = "projects/app/locations/global/keyRings/r"
KEY = f"{RING}/cryptoKeys/k"
ROLE = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
POOL = "principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool"
ACCOUNTS = [f"serviceAccount:{name}@app.iam.gserviceaccount.com" for name in ("key-holder", "machine", "target")]
MEMBERS = [*ACCOUNTS, "user:alice@example.com", f"{POOL}/subject/repo:example/app"]
SCOPE = ["https://www.googleapis.com/auth/cloud-platform"]


def client(credentials) -> kms_v1.KeyManagementServiceClient:
    return kms_v1.KeyManagementServiceClient(transport="rest", credentials=credentials)


def crc32c(data: bytes) -> int:
    total = 0xFFFFFFFF
    for byte in data:
        total ^= byte
        for _ in range(8):
            total = (total >> 1) ^ (0x82F63B78 if total & 1 else 0)
    return total ^ 0xFFFFFFFF


def refused(kind: type, words: str, call) -> None:
    try:
        call()
    except kind as error:
        assert words in str(error), error
    else:
        raise AssertionError(f"this must be refused: {words}")


def credentials_of(file: Path):
    if file.stem in ("federated", "direct", "outsider"):
        # The usual way looks for the project's name, at a service that is not here.
        return identity_pool.Credentials.from_file(file, scopes=SCOPE)
    return google.auth.load_credentials_from_file(file, scopes=SCOPE)[0]


def administration(admin: kms_v1.KeyManagementServiceClient) -> None:
    admin.create_key_ring(parent="projects/app/locations/global", key_ring_id="r", key_ring={})
    for name in ("k", "versions"):
        key = admin.create_crypto_key(parent=RING, crypto_key_id=name, crypto_key={"purpose": "ENCRYPT_DECRYPT"})
        assert key.primary.state == kms_v1.CryptoKeyVersion.CryptoKeyVersionState.ENABLED
    policy = {"bindings": [{"role": ROLE, "members": MEMBERS}]}
    admin.set_iam_policy(request={"resource": KEY, "policy": policy})
    refused(exceptions.NotFound, "not found", lambda: admin.encrypt(name=f"{RING}/cryptoKeys/none", plaintext=b"x"))
    refused(exceptions.Conflict, "exists", lambda: admin.create_crypto_key(parent=RING, crypto_key_id="k", crypto_key={}))
    refused(exceptions.TooManyRequests, "Quota", lambda: admin.encrypt(name=KEY.replace("app", "busy"), plaintext=b"x"))
    refused(exceptions.ServiceUnavailable, "unavailable", lambda: admin.encrypt(name=KEY.replace("app", "down"), plaintext=b"x", retry=None))


def versions(admin: kms_v1.KeyManagementServiceClient) -> None:
    key = f"{RING}/cryptoKeys/versions"
    first = admin.encrypt(name=key, plaintext=b"first")
    assert first.name == f"{key}/cryptoKeyVersions/1"
    second = admin.create_crypto_key_version(parent=key, crypto_key_version={})
    admin.update_crypto_key_primary_version(name=key, crypto_key_version_id="2")
    assert admin.encrypt(name=key, plaintext=b"x").name == second.name
    old = admin.decrypt(name=key, ciphertext=first.ciphertext)
    assert old.plaintext == b"first" and not old.used_primary
    state = kms_v1.CryptoKeyVersion.CryptoKeyVersionState
    off = {"name": first.name, "state": state.DISABLED}
    changed = admin.update_crypto_key_version(crypto_key_version=off, update_mask={"paths": ["state"]})
    assert changed.state == state.DISABLED
    refused(exceptions.BadRequest, "not enabled", lambda: admin.decrypt(name=key, ciphertext=first.ciphertext))
    assert admin.destroy_crypto_key_version(name=first.name).state == state.DESTROY_SCHEDULED
    assert admin.restore_crypto_key_version(name=first.name).state == state.DISABLED


def calls(kms: kms_v1.KeyManagementServiceClient) -> None:
    context = {"additional_authenticated_data": b"context", "additional_authenticated_data_crc32c": crc32c(b"context")}
    sealed = kms.encrypt(request={"name": KEY, "plaintext": b"key", "plaintext_crc32c": crc32c(b"key"), **context})
    assert sealed.verified_plaintext_crc32c and sealed.ciphertext_crc32c == crc32c(sealed.ciphertext)
    request = {"name": KEY, "ciphertext": sealed.ciphertext, "ciphertext_crc32c": crc32c(sealed.ciphertext)}
    opened = kms.decrypt(request={**request, **context})
    assert opened.plaintext == b"key" and opened.plaintext_crc32c == crc32c(b"key") and opened.used_primary
    wrong = exceptions.BadRequest
    refused(wrong, "Decryption failed", lambda: kms.decrypt(request=request))
    refused(wrong, "Decryption failed", lambda: kms.decrypt(name=KEY, ciphertext=b"x" * 60))
    refused(wrong, "checksum", lambda: kms.decrypt(request={**request, "ciphertext_crc32c": 1}))
    other = f"{RING}/cryptoKeys/versions"
    refused(exceptions.Forbidden, "useToDecrypt", lambda: kms.decrypt(name=other, ciphertext=b"x"))


def main() -> None:
    folder = Path(sys.argv[1])
    admin = client(Credentials("ya29.admin"))
    administration(admin)
    versions(admin)
    for name in ("key", "user", "federated", "direct", "impersonated"):
        calls(client(credentials_of(folder / f"{name}.json")))
    for name in ("unknown-key", "revoked-user", "outsider"):
        credentials = credentials_of(folder / f"{name}.json")
        bad = (google.auth.exceptions.RefreshError, google.auth.exceptions.OAuthError, exceptions.Unauthorized)
        refused(bad, "", lambda: client(credentials).encrypt(name=KEY, plaintext=b"x"))
    machine, project = google.auth.default(scopes=SCOPE)
    assert project == "app"
    calls(client(machine))
    # After a 401 the SDK tries to get another token, and has nothing to get it with.
    old, error = client(Credentials("ya29.old")), google.auth.exceptions.RefreshError
    refused(error, "refresh_token", lambda: old.encrypt(name=KEY, plaintext=b"x"))
    print("all of it")


if __name__ == "__main__":
    main()
