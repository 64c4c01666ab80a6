"""Sections 2 and 3 of docs/design/format-v1.md: encodings, HMAC, HKDF, keys, padding."""

import base64
import hashlib
import hmac

from Crypto.Cipher import ChaCha20_Poly1305


class Refusal(Exception):
    """Why a file is not opened; `code` is the exit code that docs/reference/exit-status.md gives this class."""

    def __init__(self, code, what):
        super().__init__(what)
        self.code = code


def malformed(what):
    """Not in the format's syntax, or a limit exceeded."""
    return Refusal(8, what)


def forged(what):
    """Authentication failed."""
    return Refusal(5, what)


def be32(number):
    """Four bytes, big endian."""
    return number.to_bytes(4, "big")


def sized(data):
    """A length and the bytes."""
    return be32(len(data)) + data


def b64u(data):
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_b64u(text, what):
    """Decodes canonical base64url, and nothing else."""
    try:
        data = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise malformed(f"{what}: no base64url") from error
    if b64u(data) != text:
        raise malformed(f"{what}: base64url that is not canonical")
    return data


def hm(key, *parts):
    """HMAC-SHA256 over parts, each behind its length."""
    return hmac.new(key, b"".join(sized(part) for part in parts), hashlib.sha256).digest()


def hkdf_extract(salt, secret):
    """RFC 5869."""
    return hmac.new(salt, secret, hashlib.sha256).digest()


def hkdf_expand(key, info):
    """RFC 5869, 32 bytes: one block."""
    return hmac.new(key, info + b"\x01", hashlib.sha256).digest()


class Keys:
    """The keys of one epoch of one file."""

    def __init__(self, data_key, fid, epoch, core):
        self._prk = hkdf_extract(b"sealeaf/v1\x00" + fid, data_key)
        self._epoch = epoch
        self.commit = self._sub(b"commit", b"")
        self.value = self._sub(b"value", b"")
        self.nonce = self._sub(b"nonce", b"")
        self.policy = self._sub(b"policy", b"")
        self.link = self._sub(b"link", core)
        self.clear = self._sub(b"clear", core)
        self.seal = self._sub(b"seal", core)

    def _sub(self, label, extra):
        return hkdf_expand(self._prk, b"sealeaf/v1 " + label + b"\x00" + be32(self._epoch) + extra)


def encrypt(keys, path, payload, random):
    """Nonce, ciphertext and tag of a payload at a path; `random` are 32 bytes."""
    nonce = hm(keys.nonce, random, path, payload)[:24]
    cipher = ChaCha20_Poly1305.new(key=keys.value, nonce=nonce)
    cipher.update(path)
    ciphertext, tag = cipher.encrypt_and_digest(payload)
    return nonce + ciphertext + tag


def decrypt(keys, path, sealed):
    """The payload."""
    cipher = ChaCha20_Poly1305.new(key=keys.value, nonce=sealed[:24])
    cipher.update(path)
    try:
        return cipher.decrypt_and_verify(sealed[24:-16], sealed[-16:])
    except ValueError as error:
        raise forged("a value does not authenticate") from error


def bucket(size):
    """The padded size."""
    if size <= 256:
        return max(32, -(-size // 32) * 32)
    exponent = size.bit_length() - 1
    step = 1 << (exponent - exponent.bit_length())
    return -(-size // step) * step
