"""What the kit's cases are made of: base files, forging, small edits of a sealed text. Nothing here is random."""

import random as pseudo
import re
from base64 import urlsafe_b64decode

import age_file
from metadata import Tag, Wrap
from opening import PARSERS, read_text
from primitives import b64u
from sealing import finish, new_entry, rewritten, seal_text
from stream import stream

SECRET = bytes(range(64, 96))
IDENTITY = age_file.identity_of(SECRET)
RECIPIENT = age_file.recipient_of(SECRET)
OTHER_SECRET = bytes(range(96, 128))
OTHER = age_file.recipient_of(OTHER_SECRET)
DATA_KEY = bytes(range(32))
FID = b"kit-file-id-0001"

TOKEN = re.compile(r"sealed\.v1\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")

BASE = {
    "yaml": """\
server:
  host: db.example.org
  port: 5432
users:
  - name: alice
    password: sesame
  - name: bob
    password: open
token: one
pin: 1234
""",
    "json": """\
{
  "server": {
    "host": "db.example.org",
    "port": 5432
  },
  "users": [
    { "name": "alice", "password": "sesame" },
    { "name": "bob", "password": "open" }
  ],
  "token": "one",
  "pin": 1234
}
""",
    "toml": """\
token = "one"
pin = 1234

[server]
host = "db.example.org"
port = 5432

[[users]]
name = "alice"
password = "sesame"

[[users]]
name = "bob"
password = "open"
""",
}
FORMATS = ("yaml", "json", "toml")
#: What was sealed before, for speed.
_SEALED = {}
RULE = ["**.password", "token", "pin"]


def randomness(seed):
    """A generator of bytes that is the same in every run."""
    return pseudo.Random(seed).randbytes


def wrap(entry, recipient=RECIPIENT, name="kit", data_key=DATA_KEY, plaintext=None, group=0, **fields):
    """A recipient's entry."""
    plaintext = plaintext or entry.wrap_plaintext(group, data_key)
    return Wrap(
        "age", recipient, age_file.encrypt(recipient, plaintext, randomness(f"{name} {recipient}")(64)), name, **fields
    )


def entry_of(file_format, data_key=DATA_KEY, fid=FID, keys=None, **fields):
    """Metadata with the kit's recipient; `keys(entry)` gives other ones."""
    fields = {"encrypt": list(RULE), **fields}
    entry = new_entry(file_format, data_key, lambda size: fid, **fields)
    entry.groups = keys(entry) if keys else [[wrap(entry, data_key=data_key)]]
    return entry


def sealed(file_format, plain=None, seed="base", change=None, data_key=DATA_KEY, **fields):
    """A sealed file."""
    known = (file_format, plain, seed, data_key, repr(fields)) if change is None and "keys" not in fields else None
    if known not in _SEALED or known is None:
        change = change or (lambda shown, payload: payload)
        entry = entry_of(file_format, data_key, **fields)
        _SEALED[known] = seal_text(plain or BASE[file_format], entry, data_key, randomness(seed), change)
    return _SEALED[known]


def forged(text, file_format, edit=None, base=None, data_key=DATA_KEY, recommit=True):
    """Everything authenticated anew, after `edit(entry)`: what a key holder with a broken program would write."""
    _, entry = read_text(text, file_format)
    if edit:
        edit(entry)
    if recommit:
        entry.commitment = entry.keys(data_key).commit
    return finish(text, file_format, data_key, base, entry)


def updated(text, file_format, old, new, seed="update"):
    """The next version: a clear value is put in and what differs is authenticated anew."""
    assert old in text, old
    return finish(text.replace(old, new, 1), file_format, DATA_KEY)


def new_value(text, file_format, at, value, seed="value"):
    """The next version, in which token number `at` holds another string."""
    from payload import STRING, Payload
    from primitives import encrypt
    from sealing import token_text
    from stream import bind_ids

    file, entry = read_text(text, file_format)
    records = stream(file, entry.cleartext == "free").records
    bind_ids(records, file.documents)
    record = records[at]
    payload = Payload(STRING, value.encode()).encode(entry.padding)
    ids = bytes([len(record.token.ids)]) + b"".join(record.token.ids)
    public = ids + encrypt(entry.keys(DATA_KEY), record.path, payload, randomness(seed)(32))
    old = TOKEN.findall(text)[at]
    highest = max(tag.n for tag in tags_of(file, entry, records))
    return finish(text.replace(old, token_text(public), 1), file_format, DATA_KEY, highest)


def tags_of(file, entry, records):
    return [entry.policy, entry.head, *(record.token for record in records), *(tag for _, tag in entry.sections)]


def with_metadata(text, file_format, edit):
    """The entry written anew after `edit(entry)`, nothing authenticated."""
    file, entry = read_text(text, file_format)
    edit(entry)
    return rewritten(file, entry, stream(file, entry.cleartext == "free"))


def with_fields(text, file_format, edit):
    """The entry written anew after `edit(fields)`, which need not be an entry any more."""
    from writing import entry_text, spliced

    file, entry = read_text(text, file_format)
    fields = entry.fields()
    edit(fields)
    return spliced(text, [(file.entry_key, file.entry.end, entry_text(file, fields))])


def token(text, at):
    """Token number `at`."""
    return TOKEN.findall(text)[at]


def with_token(text, at, new):
    """Token number `at` replaced; `new` may be a function of the old one."""
    found = list(TOKEN.finditer(text))[at]
    value = new(found[0]) if callable(new) else new
    return text[: found.start()] + value + text[found.end() :]


def swapped(text, one, two):
    """Two pieces of a text in each other's place."""
    assert one in text and two in text and one != two
    return text.replace(one, "\0", 1).replace(two, one, 1).replace("\0", two, 1)


def bytes_of(part):
    """The bytes of base64url."""
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def part(at, edit):
    """Edits the bytes of a token's VP (2) or tail (3)."""

    def change(text):
        parts = text.split(".")
        parts[at] = b64u(edit(bytes_of(parts[at])))
        return ".".join(parts)

    return change


def flip(at, bit=1):
    """Flips a bit of a byte."""
    return lambda data: data[: at % len(data)] + bytes([data[at % len(data)] ^ bit]) + data[at % len(data) + 1 :]


def with_tag(edit):
    """Edits the 36 bytes of a record of the metadata."""

    def change(tag):
        data = edit(tag.n.to_bytes(4, "big") + tag.tag + tag.seal)
        return Tag(int.from_bytes(data[:4], "big"), data[4:20], data[20:])

    return change


def parses(text, file_format):
    """Whether a text is in its format's syntax at all."""
    PARSERS[file_format](text)
    return True


def put(text, old, new):
    """Replaces the first of some pieces of a text."""
    assert old in text, old
    return text.replace(old, new, 1)
