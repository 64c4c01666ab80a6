"""Sections 9 and 10: the entry's fields, the policy record, wraps."""

import hashlib
from dataclasses import dataclass, field

from primitives import Keys, b64u, be32, forged, from_b64u, hm, malformed, sized

MODES = {
    "integrity": ("linked", "sealed"),
    "cleartext": ("bound", "free"),
    "comments": ("plain", "encrypt", "strip"),
    "padding": ("buckets", "none"),
}
KNOWN_TYPES = ("age", "aws_kms", "gcp_kms", "azure_kv", "vault", "pgp")
REQUIRED = ("version", "format", "file", "epoch", "commitment", *MODES, "encrypt", "threshold", "groups", "policy", "head")
OPTIONAL = ("scope", "clear", "sections")


@dataclass
class Tag:
    """A record of the metadata: 36 bytes."""

    n: int = 0
    tag: bytes = b"\x00" * 16
    seal: bytes = b"\x00" * 16

    def text(self):
        return b64u(be32(self.n) + self.tag + self.seal)


@dataclass
class Wrap:
    """A recipient and its wrapped data key."""

    type: str
    identifier: str
    wrapped: bytes
    name: str = ""
    break_glass: bool = False
    context: dict = field(default_factory=dict)


@dataclass
class Entry:
    """The metadata."""

    format: str
    fid: bytes
    epoch: int
    commitment: bytes = b""
    integrity: str = "linked"
    cleartext: str = "bound"
    comments: str = "plain"
    padding: str = "buckets"
    scope: str = ""
    encrypt: list = field(default_factory=lambda: ["**"])
    clear: list = field(default_factory=list)
    threshold: int = 1
    groups: list = field(default_factory=list)
    policy: Tag = field(default_factory=Tag)
    head: Tag = field(default_factory=Tag)
    #: (name, Tag)
    sections: list = field(default_factory=list)

    def core_tlv(self):
        parts = [(0x01, be32(1)), (0x02, self.format.encode()), (0x03, self.fid), (0x04, be32(self.epoch)),
                 (0x05, self.commitment), (0x06, self.integrity.encode()), (0x07, self.cleartext.encode()),
                 (0x08, self.comments.encode()), (0x09, self.padding.encode()), (0x0A, self.scope.encode())]
        parts += [(0x0B, pattern.encode()) for pattern in self.encrypt]
        parts += [(0x0C, pattern.encode()) for pattern in self.clear]
        parts.append((0x0D, be32(self.threshold)))
        return _tlv(parts)

    def core(self):
        return hashlib.sha256(self.core_tlv()).digest()

    def keys(self, data_key):
        return Keys(data_key, self.fid, self.epoch, self.core())

    def policy_tag(self, keys, n):
        parts = []
        for index, group in enumerate(self.groups):
            parts += [(0x10, be32(index)), (0x11, b"")]
            for key in group:
                parts += [(0x12, key.type.encode()), (0x13, key.identifier.encode())]
                pairs = sorted((name.encode(), value.encode()) for name, value in key.context.items())
                parts += [(0x14, sized(name) + sized(value)) for name, value in pairs]
                parts += [(0x15, key.name.encode()), (0x16, bytes([key.break_glass])),
                          (0x17, hashlib.sha256(key.wrapped).digest())]
        parts.append((0x21, be32(n)))
        return hm(keys.policy, self.core_tlv() + _tlv(parts))[:16]

    def wrap_plaintext(self, group, data_key):
        return b"sealeaf/v1 wrap" + self.fid + be32(self.epoch) + bytes([group, 0]) + data_key

    def fields(self):
        """As it is written."""
        groups = []
        for group in self.groups:
            keys = []
            for key in group:
                one = {key.type: key.identifier, "name": key.name, "break_glass": key.break_glass,
                       "context": dict(key.context), "wrapped": b64u(key.wrapped)}
                keys.append({name: value for name, value in one.items() if value})
            groups.append({"keys": keys})
        fields = {"version": 1, "format": self.format, "file": b64u(self.fid), "epoch": self.epoch,
                  "commitment": b64u(self.commitment), "integrity": self.integrity, "cleartext": self.cleartext,
                  "comments": self.comments, "padding": self.padding, "scope": self.scope, "encrypt": self.encrypt,
                  "clear": self.clear, "threshold": self.threshold, "groups": groups, "policy": self.policy.text(),
                  "head": self.head.text(),
                  "sections": [{"name": name, "tag": tag.text()} for name, tag in self.sections]}
        return {name: value for name, value in fields.items() if value not in ("", []) or name == "encrypt"}


def _tlv(parts):
    return b"".join(bytes([code]) + sized(data) for code, data in parts)


def open_wrap(entry, group, plaintext):
    """The data key in what a recipient unwrapped."""
    header = entry.wrap_plaintext(group, b"")
    if len(plaintext) != 69 or plaintext[:37] != header:
        raise forged("a wrap of another file, epoch or application")
    return plaintext[37:]


def read(fields, file_format):
    """An entry from parsed fields: dicts, lists, strings, integers, booleans."""
    _known(fields, REQUIRED, OPTIONAL, "sealeaf")
    if _number(fields, "version") != 1:
        raise malformed("an unknown version")
    if _text(fields, "format") != file_format:
        raise malformed("the format is another one")
    entry = Entry(file_format, _bytes(fields, "file", 16), _number(fields, "epoch"))
    entry.commitment = _bytes(fields, "commitment", 32)
    for mode, values in MODES.items():
        if _text(fields, mode) not in values:
            raise malformed(f"an unknown {mode}")
        setattr(entry, mode, fields[mode])
    if "scope" in fields:
        entry.scope = _text(fields, "scope")
    entry.encrypt = _texts(fields, "encrypt")
    entry.clear = _texts(fields, "clear") if "clear" in fields else []
    entry.threshold = _number(fields, "threshold")
    entry.groups = [_group(group, entry.threshold) for group in _list(fields, "groups")]
    entry.policy, entry.head = _tag(fields, "policy"), _tag(fields, "head")
    if "sections" in fields:
        for section in _list(fields, "sections"):
            _known(section, ("name", "tag"), (), "section")
            entry.sections.append((_text(section, "name"), _tag(section, "tag")))
    _limits(entry)
    return entry


def _limits(entry):
    if entry.epoch == 0:
        raise malformed("epochs count from 1")
    if entry.threshold != 1 or not entry.groups:
        raise malformed("a threshold or groups that this version does not open")
    if len(entry.groups) > 16 or any(len(group) > 64 for group in entry.groups):
        raise malformed("too many groups or recipients")


def _group(group, threshold):
    _known(group, ("keys",), ("check",), "group")
    if "check" in group:
        raise malformed("a group's check is reserved")
    keys = []
    for fields in _filled(_list(group, "keys"), "keys"):
        if not isinstance(fields, dict):
            raise malformed("a recipient is no map")
        types = [name for name in fields if name not in ("name", "context", "break_glass", "wrapped")]
        if len(types) != 1:
            raise malformed("a recipient has one key type")
        wrap = Wrap(types[0], _text(fields, types[0]), _bytes(fields, "wrapped", None))
        if len(wrap.wrapped) > 16384:
            raise malformed("a wrap of more than 16 KiB")
        if "name" in fields:
            wrap.name = _text(fields, "name")
        if "break_glass" in fields:
            if fields["break_glass"] is not True:
                raise malformed("break_glass is true or left out")
            wrap.break_glass = True
        if "context" in fields:
            if types[0] not in KNOWN_TYPES or not isinstance(fields["context"], dict):
                raise malformed("a context of an unknown type, or none that is a map")
            for name in fields["context"]:
                wrap.context[name] = _text(fields["context"], name)
        keys.append(wrap)
    return keys


def _known(fields, required, optional, what):
    if not isinstance(fields, dict):
        raise malformed(f"{what} is no map")
    for name in fields:
        if name not in required and name not in optional:
            raise malformed(f"{what}: an unknown field `{name}`")
    for name in required:
        if name not in fields:
            raise malformed(f"{what}: no field `{name}`")


def _filled(value, what):
    if not value:
        raise malformed(f"{what}: empty, and then it is left out")
    return value


def _text(fields, name):
    value = fields.get(name)
    if not isinstance(value, str):
        raise malformed(f"{name}: no text")
    return value


def _number(fields, name):
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 32:
        raise malformed(f"{name}: no number")
    return value


def _list(fields, name):
    value = fields.get(name)
    if not isinstance(value, list):
        raise malformed(f"{name}: no list")
    return value


def _texts(fields, name):
    values = _list(fields, name)
    if not all(isinstance(value, str) for value in values):
        raise malformed(f"{name}: not only texts")
    return values


def _bytes(fields, name, size):
    data = from_b64u(_text(fields, name), name)
    if size is not None and len(data) != size:
        raise malformed(f"{name}: not {size} bytes long")
    return data


def _tag(fields, name):
    data = _bytes(fields, name, 36)
    return Tag(int.from_bytes(data[:4], "big"), data[4:20], data[20:])
