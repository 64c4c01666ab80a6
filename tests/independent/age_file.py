"""The age format for X25519, as far as tests need it: https://age-encryption.org/v1. Random bytes are given."""

import hashlib
import hmac
from base64 import b64decode, b64encode

from Crypto.Cipher import ChaCha20_Poly1305
from Crypto.Protocol.DH import import_x25519_private_key, import_x25519_public_key, key_agreement

from primitives import hkdf_expand, hkdf_extract

_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def _polymod(values):
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for at, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> at & 1 else 0
    return check


def _expanded(prefix):
    return [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]


def bech32(prefix, data):
    """Encodes 32 bytes."""
    number = int.from_bytes(data, "big") << 4
    values = [number >> 5 * at & 31 for at in reversed(range(52))]
    check = _polymod([*_expanded(prefix), *values, 0, 0, 0, 0, 0, 0]) ^ 1
    values += [check >> 5 * (5 - at) & 31 for at in range(6)]
    return prefix + "1" + "".join(_ALPHABET[value] for value in values)


def from_bech32(text):
    """The 32 bytes of a recipient or an identity."""
    prefix, _, rest = text.lower().rpartition("1")
    values = [_ALPHABET.index(character) for character in rest]
    if _polymod(_expanded(prefix) + values) != 1 or len(values) != 58:
        raise ValueError("no bech32")
    number = 0
    for value in values[:52]:
        number = number << 5 | value
    return (number >> 4).to_bytes(32, "big")


def _shared(secret, public):
    private = import_x25519_private_key(secret)
    if public is None:
        return private.public_key().export_key(format="raw")
    return key_agreement(static_priv=private, static_pub=import_x25519_public_key(public), kdf=lambda z: z)


def _wrap_key(share, recipient, shared):
    return hkdf_expand(hkdf_extract(share + recipient, shared), b"age-encryption.org/v1/X25519")


def recipient_of(secret):
    """The recipient of an identity's 32 bytes."""
    return bech32("age", _shared(secret, None))


def identity_of(secret):
    """The identity as text."""
    return bech32("age-secret-key-", secret).upper()


def encrypt(recipient, plaintext, random):
    """A binary age file for one recipient; `random` are 64 bytes: ephemeral key, file key, nonce."""
    public = from_bech32(recipient)
    ephemeral, file_key, nonce = random[:32], random[32:48], random[48:64]
    share = _shared(ephemeral, None)
    key = _wrap_key(share, public, _shared(ephemeral, public))
    body = b"".join(ChaCha20_Poly1305.new(key=key, nonce=bytes(12)).encrypt_and_digest(file_key))
    text = lambda data: b64encode(data).rstrip(b"=")  # noqa: E731
    header = b"age-encryption.org/v1\n-> X25519 " + text(share) + b"\n" + text(body) + b"\n---"
    mac = hmac.new(_mac_key(file_key), header, hashlib.sha256).digest()
    stream_key = hkdf_expand(hkdf_extract(nonce, file_key), b"payload")
    sealed = ChaCha20_Poly1305.new(key=stream_key, nonce=bytes(11) + b"\x01").encrypt_and_digest(plaintext)
    return header + b" " + text(mac) + b"\n" + nonce + b"".join(sealed)


def decrypt(secret, sealed):
    """The plaintext of an age file of at most 64 KiB; None if it is for somebody else, or broken."""
    try:
        header, mac, nonce, data = _parts(sealed)
        file_key = _file_key(secret, header)
        if not hmac.compare_digest(hmac.new(_mac_key(file_key), header, hashlib.sha256).digest(), mac):
            return None
        stream_key = hkdf_expand(hkdf_extract(nonce, file_key), b"payload")
        cipher = ChaCha20_Poly1305.new(key=stream_key, nonce=bytes(11) + b"\x01")
        return cipher.decrypt_and_verify(data[:-16], data[-16:])
    except (ValueError, IndexError):
        return None


def _parts(sealed):
    """The header up to and with `---`, its MAC, the nonce, the rest."""
    end = sealed.index(b"\n---") + 4
    line = sealed.index(b"\n", end)
    return sealed[:end], _unpadded(sealed[end + 1 : line]), sealed[line + 1 : line + 17], sealed[line + 17 :]


def _file_key(secret, header):
    """Tries every X25519 stanza; other ones may stand beside it."""
    lines = header.split(b"\n")
    for at, line in enumerate(lines):
        words = line.split(b" ")
        if words[:2] != [b"->", b"X25519"]:
            continue
        share, body = _unpadded(words[2]), _unpadded(lines[at + 1])
        key = _wrap_key(share, _shared(secret, None), _shared(secret, share))
        try:
            return ChaCha20_Poly1305.new(key=key, nonce=bytes(12)).decrypt_and_verify(body[:-16], body[-16:])
        except ValueError:
            continue
    raise ValueError("for somebody else")


def _mac_key(file_key):
    return hkdf_expand(hkdf_extract(b"", file_key), b"header")


def _unpadded(text):
    """Standard base64 without padding."""
    return b64decode(text + b"=" * (-len(text) % 4), validate=True)
