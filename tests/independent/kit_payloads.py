"""Kit: payloads, ids and clear values that only a key holder with a broken program would write. All tags fit."""

from kit import FORMATS, DATA_KEY, entry_of, forged, randomness, sealed
from payload import Payload
from primitives import bucket, sized
from sealing import seal_text


def cases():
    yield from payloads()
    yield from ids()
    yield from rule()


def packed(leaf_type, value, kind=0, spelling=b""):
    """A payload by its parts, padded rightly."""
    data = Payload(leaf_type, value, kind, spelling).packed()
    return data.ljust(bucket(len(data)), b"\0")


def with_payload(name, data, shown="token", **fields):
    return sealed(name, change=lambda place, payload: data if place == shown else payload, **fields)


def payloads():
    """What section 4 says a reader refuses."""
    plain = Payload(1, b"one").packed()
    spelled = lambda *head: bytes(head) + sized(b"one") + sized(b"")  # noqa: E731
    unused = {
        "utf8": (packed(1, b"one", 1, b"\x01\xff"), "a spelling that is no UTF-8"),
        "format": (packed(1, b"one", 1, b"\x04one"), "a spelling of an unknown format"),
        "style": (packed(1, b"one", 2, spelled(1, 7, 0, 0, 0, 0, 0, 1)), "a spelling of an unknown style"),
        "flow": (packed(1, b"one", 2, spelled(1, 0, 2, 0, 0, 0, 0, 1)), "a flow of 02"),
        "break": (packed(1, b"one", 2, spelled(1, 0, 0, 0, 0, 0, 0, 4)), "an unknown line break"),
        "behind": (packed(1, b"one", 2, spelled(1, 0, 0, 0, 0, 0, 0, 1) + b"x"), "bytes behind a spelling"),
        "short": (packed(1, b"one", 2, b"\x01\x00\x00"), "a spelling that ends early"),
        "other": (packed(1, b"one", 1, b"\x01two"), "a spelling that reads as another value"),
        "empty": (packed(1, b"one", 1, b""), "a spelling without bytes"),
    }
    for name, (data, what) in unused.items():
        text = with_payload("yaml", data)
        yield f"good-spelling-{name}", "yaml", text, 0, f"{what}: the value is written in its default form", 4
    wrong = {
        "padding": (plain.ljust(31, b"\0") + b"\x01", "padding that is not zero"),
        "bucket": (plain.ljust(64, b"\0"), "padded to a larger bucket"),
        "bucket-odd": (plain.ljust(33, b"\0"), "a total that is neither n nor bucket(n)"),
        "early": (plain[:-1], "a payload that ends early"),
        "integer": (packed(2, b"abc"), "an integer of letters"),
        "integer-break": (packed(2, b"1\nevil: 2"), "an integer that would add an entry"),
        "float": (packed(3, b"x"), "a float of letters"),
        "time": (packed(6, b"never"), "a time that is none"),
        "null": (packed(5, b""), "a null, which TOML has not"),
        "legacy": (packed(11, b"plain"), "type 0B with a text that is a string everywhere"),
        "length": (b"\x01\x00\x00\x00\xff" + plain[5:].ljust(27, b"\0"), "a length beyond the buffer"),
        "length-spelling": (
            (plain[:-4] + b"\x7f\xff\xff\xff").ljust(32, b"\0"),
            "a spelling's length beyond the buffer",
        ),
        "utf8": (packed(1, b"\xff\xfe"), "a value that is no UTF-8"),
        "utf8-surrogate": (packed(1, b"\xed\xa0\x80"), "a value with a surrogate"),
        "boolean": (packed(4, b"\x02"), "a boolean of 02"),
        "boolean-empty": (packed(4, b""), "a boolean without a value"),
        "boolean-word": (packed(4, b"true"), "a boolean as a word"),
        "null-value": (packed(5, b"x"), "a null with a value"),
        "map-value": (packed(8, b"x"), "an empty map with a value"),
        "list-value": (packed(9, b"x"), "an empty list with a value"),
        "type-00": (packed(0, b"one"), "type 00"),
        "type-07": (packed(7, b"one"), "type 07, which is reserved"),
        "type-0c": (packed(12, b"one"), "an unknown type"),
        "type-comment": (packed(10, b"one"), "a comment in a value's place"),
        "kind-03": (packed(1, b"one", 3, b"\x01one"), "an unknown kind"),
        "kind-00-spelling": (packed(1, b"one", 0, b"one"), "kind 00 with a spelling"),
    }
    for at, (name, (data, what)) in enumerate(wrong.items()):
        file_format = FORMATS[at % 3]
        code = 8 if name in UNREADABLE else 5
        yield f"payload-{name}", file_format, with_payload(file_format, data), code, what, 4
    yield "good-unpadded", "yaml", with_payload("yaml", plain), 0, "a total of n: no padding in a padded file", 4
    yield (
        "good-foreign-spelling",
        "json",
        with_payload("json", packed(1, b"one", 1, b"\x01one")),
        0,
        "a spelling of another format is not used",
        4,
    )
    broken = with_payload("toml", packed(1, b"one", 1, b'\x03"one"\nevil = "x"'))
    yield "good-spelling-with-key", "toml", broken, 0, "a spelling that would add an entry is not used", 12
    text = sealed(
        "yaml",
        "# note\na: 1\n",
        comments="encrypt",
        encrypt=["**"],
        change=lambda place, payload: packed(1, b" note") if place == "#" else payload,
    )
    yield "payload-comment-string", "yaml", text, 5, "a string in a comment's place", 7
    text = sealed(
        "yaml",
        "# note\na: 1\n",
        comments="encrypt",
        encrypt=["**"],
        change=lambda place, payload: packed(10, b" x\nevil: 1") if place == "#" else payload,
    )
    yield "payload-comment-break", "yaml", text, 8, "a comment that would add an entry", 12


#: Well-formed, but not what the format reads in the value's place.
UNREADABLE = ("integer", "integer-break", "float", "time", "legacy", "null")


def ids():
    """Ids that are not what section 5 asks for."""
    same = lambda name: lambda size: b"\x07" * 8 if size == 8 else randomness(name)(size)  # noqa: E731
    for name in FORMATS:
        entry = entry_of(name)
        plain = '{"l": ["a", "b"]}\n' if name == "json" else 'l = ["a", "b"]\n' if name == "toml" else "l: [a, b]\n"
        entry.encrypt = ["**"]
        entry.commitment = entry.keys(DATA_KEY).commit
        yield (
            "ids-equal",
            name,
            seal_text(plain, entry, DATA_KEY, same(name), strict=False),
            8,
            "two elements of a list with one id",
            5,
        )
    for name, plain, what in (
        ("comments", "a:\n  b: 1\n  # x\n  c: 2\n  # y\n  d: 3\n", "two comments of a container with one id"),
        ("documents", "a: 1\n---\na: 2\n", "two documents with one id"),
    ):
        entry = entry_of("yaml", comments="encrypt", encrypt=["**"])
        yield f"ids-equal-{name}", "yaml", seal_text(plain, entry, DATA_KEY, same(name), strict=False), 8, what, 5
    many = sealed("yaml", "a: 1\n---\na: 2\n", encrypt=["**"])
    yield "good-documents", "yaml", many, 0, "two documents with ids", 5


def rule():
    """The rule marks something that stands in clear."""
    for name in FORMATS:
        text = forged(sealed(name), name, lambda entry: entry.encrypt.append("**.host"))
        yield "exposed", name, text, 7, "a value that the rule marks stands in clear", 5
    text = forged(sealed("json", '{"a": {}, "b": "x"}\n', encrypt=["b"]), "json", lambda e: e.encrypt.append("a"))
    yield "exposed-empty-map", "json", text, 7, "an empty map that the rule marks", 5
    base = "a: &x\n  host: h\nb: *x\nc: s\n"
    text = forged(sealed("yaml", base, encrypt=["c"]), "yaml", lambda e: e.encrypt.append("b"))
    yield "exposed-alias", "yaml", text, 7, "an alias at a marked path to something clear", 5
    chain = "a: &x h\nb: &y [*x]\nd: *y\nc: s\n"
    text = forged(sealed("yaml", chain, encrypt=["c"]), "yaml", lambda e: e.encrypt.append("d"))
    yield "exposed-alias-chain", "yaml", text, 7, "an alias at a marked path to an alias to something clear", 5
    text = sealed("yaml", "a: &x s\nb: *x\n", encrypt=["a", "b"])
    yield "good-alias-to-secret", "yaml", text, 0, "an alias at a marked path to a secret", 5
    text = sealed("yaml", "a: &x\nb: *x\nc: s\n", encrypt=["c", "b"])
    yield "good-alias-to-nothing", "yaml", text, 0, "an alias at a marked path to a value of no width", 5
    text = sealed("toml", 'a = "s"\n\n[cache]\n', encrypt=["**"])
    yield "good-empty-table", "toml", text, 0, "a table without entries cannot carry a token", 5
    free = sealed("yaml", "a: {<<: {x: 1}}\nb: s\n", cleartext="free", encrypt=["b"])
    yield "free-merge", "yaml", free, 8, "a clear value below `<<` in a free file", 7
    free = sealed("json", '{"a": "x\u2028y", "b": "s"}\n', cleartext="free", encrypt=["b"])
    yield "free-separator", "json", free, 8, "U+2028 in a clear value of a free file", 7
