"""The official SDKs against the stand-in: it must be what they expect.

usage: azure_sdk.py CLIENT_PEM
"""
import os
import sys

from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.identity import CertificateCredential, ClientSecretCredential, ManagedIdentityCredential
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys.crypto import CryptographyClient, EncryptionAlgorithm

TENANT = "11111111-2222-3333-4444-555555555555"
VAULT = "https://myvault.vault.azure.net"
OAEP = EncryptionAlgorithm.rsa_oaep_256

secret = ClientSecretCredential(TENANT, "app", "app-secret-value")
keys = KeyClient(VAULT, secret)
first = keys.create_rsa_key("sdk", size=2048)
second = keys.create_rsa_key("sdk", size=2048)
assert keys.get_key("sdk").id == second.id and keys.get_key("sdk", first.properties.version).id == first.id


def remote(key, credential=secret):
    # By identifier: the client then has no public key to encrypt with by itself.
    return CryptographyClient(key.id, credential)


wrapped = remote(first).encrypt(OAEP, b"data key").ciphertext
assert remote(first).decrypt(OAEP, wrapped).plaintext == b"data key"
for other in (CertificateCredential(TENANT, "app-cert", sys.argv[1]), ManagedIdentityCredential()):
    assert remote(first, other).decrypt(OAEP, wrapped).plaintext == b"data key"
os.environ.update(IDENTITY_ENDPOINT="http://127.0.0.1:8081/msi/token", IDENTITY_HEADER="app-service-header")
assert remote(first, ManagedIdentityCredential()).decrypt(OAEP, wrapped).plaintext == b"data key"

try:
    remote(second).decrypt(OAEP, wrapped)
    raise SystemExit("another version opened it")
except HttpResponseError as error:
    assert error.status_code == 400 and error.error.code == "BadParameter", error
try:
    keys.get_key("none")
    raise SystemExit("a key that is not there")
except ResourceNotFoundError as error:
    assert error.error.code == "KeyNotFound", error
try:
    KeyClient(VAULT, ClientSecretCredential(TENANT, "app", "wrong")).get_key("sdk")
    raise SystemExit("a wrong secret")
except ClientAuthenticationError as error:
    assert "AADSTS7000215" in str(error), error
print("all of it")
