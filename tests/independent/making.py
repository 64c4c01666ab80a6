"""Random sealed files: a plain text, a rule, modes, recipients, some versions."""

import random

import age_file
from metadata import Wrap
from opening import PARSERS, open_text, read_text
from payload import STRING, Payload
from primitives import Refusal, encrypt
from sealing import finish, marked, new_entry, newest, places_of, seal_text, token_text
from stream import bind_ids, stream
from trees import plain as plain_text
from writing import spliced


def answer(request):
    """Makes the file of a seed. What a rule would refuse is made anew."""
    dice = random.Random(request["seed"])
    while True:
        try:
            return _file(request, dice)
        except Refusal as refusal:
            if refusal.code != 7:
                raise


def _file(request, dice):
    file_format = request["format"]
    plain = plain_text(file_format, dice)
    modes, scope = _modes(dice), dice.choice(["", "", "prod"])
    parsed = PARSERS[file_format](plain)
    encrypt_patterns, clear = _rule(parsed, dice)
    if modes["comments"] == "strip" and parsed.comments:
        modes["comments"] = "encrypt"
    data_key = dice.randbytes(32)
    entry = new_entry(file_format, data_key, dice.randbytes, epoch=dice.choice([1, 1, 1, 2, 9]), scope=scope,
                      encrypt=encrypt_patterns, clear=clear, **modes)
    people = request["recipients"][: dice.randint(1, len(request["recipients"]))]
    entry.groups = [[
        Wrap("age", key, age_file.encrypt(key, entry.wrap_plaintext(0, data_key), dice.randbytes(64)), name)
        for name, key in people
    ]]
    sealed = seal_text(plain, entry, data_key, dice.randbytes)
    for _ in range(dice.choice([0, 0, 1, 2, 5])):
        plain, sealed = _next(plain, sealed, file_format, data_key, dice)
    opened = open_text(sealed, file_format, lambda _: data_key, scope)
    assert opened.state == "sealed"
    paths = [record.shown for record in opened.stream.records if _is_easy(record)]
    return {"sealed": sealed, "plain": plain, "newest": opened.highest, "path": dice.choice(paths) if paths else None,
            "rule": {"to": [name for name, _ in people], "encrypt": encrypt_patterns, "clear": clear, "scope": scope, **modes}}


def _modes(dice):
    return {
        "integrity": dice.choice(["linked", "sealed"]),
        "cleartext": dice.choice(["bound", "bound", "free"]),
        "comments": dice.choice(["plain", "encrypt", "encrypt", "strip"]),
        "padding": dice.choice(["buckets", "buckets", "none"]),
    }


def _rule(file, dice):
    """Patterns that fit the file's own keys."""
    keys = [key.text for document in file.documents for node in document.root.walk() if node.kind == "map"
            for key, _ in node.children]
    keys = [key for key in keys if key.isalnum()]
    some = [f"**.{key}" for key in dice.sample(keys, min(len(keys), 3))]
    return dice.choice([(["**"], []), (["**"], some), (some or ["**"], []), (["**.*1", "**[0]", "*2.**"], some[:1])])


def _next(plain, sealed, file_format, data_key, dice):
    """The next version: one secret has another value, which is a simple word."""
    file, entry = read_text(sealed, file_format)
    records = stream(file, entry.cleartext == "free").records
    bind_ids(records, file.documents)
    leaves = [at for at, record in enumerate(records) if not record.is_comment]
    if not leaves:
        return plain, sealed
    at = dice.choice(leaves)
    word = f"new{dice.randint(0, 9999)}"
    own = marked(PARSERS[file_format](plain), entry)[at]
    plain = spliced(plain, places_of(file_format, own, word))
    record = records[at]
    payload = Payload(STRING, word.encode()).encode(entry.padding)
    ids = record.token.public[: 1 + 8 * len(record.token.ids)]
    public = ids + encrypt(entry.keys(data_key), record.path, payload, dice.randbytes(32))
    sealed = spliced(sealed, places_of(file_format, record, token_text(public)))
    return plain, finish(sealed, file_format, data_key, newest(entry, records))


def _is_easy(record):
    """Whether `set` can be told of it without quotes."""
    steps = record.shown.replace("[", ".").replace("]", "")
    return not record.is_comment and record.document == 0 and all(step.isalnum() for step in steps.split("."))
