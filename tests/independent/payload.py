"""Section 4: what is encrypted for one leaf or comment."""

import re
from dataclasses import dataclass

from primitives import bucket, forged, sized

STRING, INTEGER, FLOAT, BOOLEAN, NULL, TIME, BYTES = 1, 2, 3, 4, 5, 6, 7
EMPTY_MAP, EMPTY_LIST, COMMENT, LEGACY = 8, 9, 10, 11
TYPES = {STRING, INTEGER, FLOAT, BOOLEAN, NULL, TIME, BYTES, EMPTY_MAP, EMPTY_LIST, COMMENT, LEGACY}
NO_VALUE = {NULL, EMPTY_MAP, EMPTY_LIST}
FORMATS = {"yaml": 1, "json": 2, "toml": 3, "dotenv": 4, "ini": 5, "binary": 6}


@dataclass
class Payload:
    """A type, a value as bytes, and a spelling of some kind."""

    type: int
    value: bytes
    kind: int = 0
    spelling: bytes = b""

    def packed(self):
        """Everything but the padding."""
        return bytes([self.type]) + sized(self.value) + bytes([self.kind]) + sized(self.spelling)

    def encode(self, padding):
        """With the padding of a file."""
        data = self.packed()
        return data.ljust(bucket(len(data)) if padding == "buckets" else len(data), b"\x00")


def decode(data):
    """Reads a payload and refuses what the text says a reader refuses."""
    if len(data) < 10:
        raise forged("payload: too short")
    value, at = _part(data, 1)
    if at >= len(data):
        raise forged("payload: too short")
    kind = data[at]
    spelling, end = _part(data, at + 1)
    payload = Payload(data[0], value, kind, spelling)
    if any(data[end:]):
        raise forged("payload: padding that is not zero")
    if len(data) not in (end, bucket(end)):
        raise forged("payload: neither n nor bucket(n) long")
    _check(payload)
    return payload


def _part(data, at):
    size = int.from_bytes(data[at : at + 4], "big")
    if at + 4 + size > len(data):
        raise forged("payload: a length beyond the buffer")
    return data[at + 4 : at + 4 + size], at + 4 + size


def _check(payload):
    if payload.type not in TYPES:
        raise forged(f"payload: type {payload.type}")
    if payload.kind not in (0, 1, 2):
        raise forged(f"payload: kind {payload.kind}")
    if payload.kind == 0 and payload.spelling:
        raise forged("payload: kind 00 with a spelling")
    if payload.type == BOOLEAN and payload.value not in (b"\x00", b"\x01"):
        raise forged("payload: a boolean other than 00 and 01")
    if payload.type in NO_VALUE and payload.value:
        raise forged("payload: a value where the type has none")
    try:
        payload.value.decode()
    except UnicodeDecodeError as error:
        raise forged("payload: invalid UTF-8") from error


def is_default(raw, leaf_type, text, format_name, is_string_in_yaml):
    """Whether kind 00 says it: the source is what the format would write by itself."""
    if leaf_type == STRING:
        word = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_./-]*", text) is not None and is_string_in_yaml(text)
        return word and raw == (text if format_name == "yaml" else f'"{text}"')
    if leaf_type == INTEGER:
        return re.fullmatch(r"0|[1-9][0-9]*", raw) is not None
    return raw in ("true", "false", "null")
