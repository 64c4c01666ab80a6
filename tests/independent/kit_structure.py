"""Kit: structure, clear values, documents, epochs, encodings and limits. Nothing is authenticated anew."""

import kit_comments
from kit import FORMATS, RULE, put, sealed, swapped, token, with_metadata


def cases():
    """Everything of this module."""
    yield from keys()
    yield from shapes()
    yield from clear_values()
    yield from free()
    yield from kit_comments.comments()
    yield from yaml_only()
    yield from documents()
    yield from other_files()
    yield from encodings()
    yield from limits()


def keys():
    """Keys renamed, moved, removed, inserted, twice."""
    yaml, json, toml = (sealed(name) for name in FORMATS)
    yield "key-secret-renamed", "yaml", put(yaml, "token: ", "tokem: "), 5, "the key of a secret renamed", 6
    yield "key-secret-case", "json", put(json, '"pin"', '"Pin"'), 5, "a key's case changed", 6
    yield "key-parent-renamed", "json", put(json, '"users"', '"people"'), 5, "a key above secrets renamed", 6
    yield "key-parent-renamed", "toml", toml.replace("[users", "[people"), 5, "a table above secrets renamed", 6
    yield "key-clear-renamed", "toml", put(toml, "host = ", "hosts = "), 5, "the key of a clear value renamed", 7
    yield (
        "key-section-renamed",
        "yaml",
        put(yaml, "server:", "servers:"),
        5,
        "the top-level key of clear values renamed",
        7,
    )
    yield (
        "key-normalised",
        "yaml",
        sealed("yaml", "\u00e9: x\n", encrypt=["**"]).replace("\u00e9", "e\u0301"),
        5,
        ("a key in another Unicode normal form"),
        2,
    )
    for name, text, old in (
        ("yaml", yaml, "  port: 5432\n"),
        ("json", json, ',\n    "port": 5432'),
        ("toml", toml, "port = 5432\n"),
    ):
        yield "key-clear-removed", name, put(text, old, ""), 5, "a clear entry removed", 7
    yield "key-clear-doubled", "yaml", put(yaml, "  port: 5432\n", "  port: 5432\n  port: 5432\n"), 8, "a key twice", 6
    yield "key-clear-doubled", "json", put(json, '"port": 5432', '"port": 5432, "port": 1'), 8, "a key twice", 6
    yield "key-clear-doubled", "toml", put(toml, "port = 5432\n", "port = 5432\nport = 1\n"), 8, "a key twice", 6
    yield "key-secret-doubled", "yaml", put(yaml, "pin: ", "token: x\npin: "), 8, "a secret's key twice", 6
    yield "key-clear-inserted", "yaml", put(yaml, "  port: ", "  user: root\n  port: "), 5, "a clear entry inserted", 7
    yield "key-clear-inserted", "json", put(json, '"port"', '"user": "root", "port"'), 5, "a clear entry inserted", 7
    yield "key-clear-inserted", "toml", put(toml, "port = ", 'user = "root"\nport = '), 5, "a clear entry inserted", 7
    yield (
        "key-section-inserted",
        "json",
        put(json, '"token"', '"extra": 1,\n  "token"'),
        5,
        "a new top-level clear entry",
        7,
    )
    yield "key-empty-map-inserted", "yaml", put(yaml, "token: ", "extra: {}\ntoken: "), 5, "an empty map inserted", 7
    yield "key-secret-moved", "json", move_pin(json), 5, "a secret moved into another map", 6
    yield (
        "key-clear-moved",
        "yaml",
        put(put(yaml, "  port: 5432\n", ""), "token: ", "port: 5432\ntoken: "),
        5,
        ("a clear entry moved into another map"),
        7,
    )
    yield (
        "key-clear-reordered",
        "yaml",
        swapped(yaml, "host: db.example.org", "port: 5432"),
        5,
        ("two clear entries of one map in another order"),
        7,
    )
    block = "server:\n  host: db.example.org\n  port: 5432\n"
    yield (
        "key-sections-reordered",
        "yaml",
        put(put(yaml, block, ""), "token: ", block + "token: "),
        5,
        ("two top-level keys of clear values in another order"),
        7,
    )
    pin = f"pin: {token(yaml, 3)}\n"
    yield (
        "key-clear-past-secret",
        "yaml",
        put(put(yaml, block, ""), pin, pin + block),
        5,
        ("clear values moved past secrets and past another section"),
        7,
    )
    one = sealed("yaml", "a: 1\ns: x\nt: y\n", encrypt=["s", "t"])
    yield (
        "good-clear-past-secret",
        "yaml",
        put(put(one, "a: 1\n", ""), "sealeaf:", "a: 1\nsealeaf:"),
        0,
        ("a clear entry moved past secrets of its own map: that order has no meaning"),
        1,
    )


def move_pin(json):
    """The entry `pin` in `server`."""
    pin = f',\n  "pin": "{token(json, 3)}"'
    return put(put(json, pin, ""), '"port": 5432', f'"port": 5432{pin}')


def shapes():
    """Lists and types."""
    yaml, json, toml = (sealed(name) for name in FORMATS)
    yield "element-inserted", "yaml", put(yaml, "users:\n", "users:\n  - x\n"), 5, "a clear list element inserted", 6
    yield (
        "element-appended",
        "toml",
        put(toml, "[sealeaf]", '[[users]]\nname = "eve"\n\n[sealeaf]'),
        5,
        ("a clear list element appended"),
        6,
    )
    yield (
        "element-removed",
        "json",
        sealed("json", LISTS["json"], encrypt=["b"]).replace("2, ", "", 1),
        5,
        ("a clear list element removed"),
        7,
    )
    yield (
        "elements-reordered",
        "yaml",
        put(sealed("yaml", LISTS["yaml"], encrypt=["b"]), "[1, 2, 3]", "[2, 1, 3]"),
        5,
        ("clear list elements in another order"),
        7,
    )
    yield (
        "elements-nested",
        "toml",
        put(sealed("toml", LISTS["toml"], encrypt=["b"]), "[1, 2, 3]", "[1, [2], 3]"),
        5,
        ("a clear list element in a list of its own"),
        7,
    )
    yield (
        "secret-in-list",
        "yaml",
        put(yaml, f"token: {token(yaml, 2)}", f"token: [{token(yaml, 2)}]"),
        8,
        ("a secret put into a list: it has no id for it"),
        5,
    )
    yield (
        "secret-in-map",
        "json",
        put(json, f'"{token(json, 2)}"', f'{{"x": "{token(json, 2)}"}}'),
        5,
        "a secret put into a map",
        6,
    )
    one = sealed("yaml", "l: [x]\n", encrypt=["**"])
    yield "list-to-map", "yaml", put(put(one, "[", "{a: "), "]", "}"), 5, "a list of secrets made a map", 5
    for name, text, old, new in (
        ("yaml", yaml, "port: 5432", 'port: "5432"'),
        ("json", json, '"port": 5432', '"port": "5432"'),
        ("toml", toml, "port = 5432", 'port = "5432"'),
        ("yaml", yaml, "port: 5432", "port: 5432.0"),
        ("json", json, "5432", "5432e0"),
        ("toml", toml, "port = 5432", "port = 0x1538"),
    ):
        case = "type-text" if '"5432"' in new else "type-spelling"
        yield case, name, put(text, old, new), 5, "a clear value of another type or spelling", 7
    nothing = sealed("yaml", "a:\nb: x\n", encrypt=["b"])
    yield "void-to-null", "yaml", put(nothing, "a:\n", "a: null\n"), 5, "null in the place of a value of no width", 6
    yield (
        "void-to-text",
        "yaml",
        put(nothing, "a:\n", 'a: ""\n'),
        5,
        "an empty text in the place of a value of no width",
        6,
    )
    yield "void-removed", "yaml", put(nothing, "a:\n", ""), 5, "a value of no width removed", 6
    empty = sealed("json", '{"a": {}, "b": "x", "c": []}\n', encrypt=["b"])
    yield "empty-to-list", "json", put(empty, "{}", "[]"), 5, "an empty map made an empty list", 7
    yield "empty-filled", "json", put(empty, "[]", "[{}]"), 5, "something put into an empty list", 7
    table = sealed("toml", 'a = "s"\n\n[cache]\n', encrypt=["**"])
    yield "table-removed", "toml", put(table, "[cache]\n", ""), 5, "a table without entries removed", 5
    yield (
        "table-filled",
        "toml",
        put(table, "[cache]\n", "[cache]\nx = 1\n"),
        5,
        "a clear value where the rule wants none",
        5,
    )
    yield "good-quotes", "yaml", put(yaml, "db.example.org", "'db.example.org'"), 0, "a clear value in quotes", 7
    yield (
        "good-flow",
        "yaml",
        put(yaml, "server:\n  host: db.example.org\n  port: 5432\n", "server: {host: db.example.org, port: 5432}\n"),
        0,
        ("a clear map in flow style: style is not bound"),
        7,
    )
    yield "good-indented", "json", json.replace("\n    ", "\n\t\t"), 0, "another indentation", 7
    yield "type-underscore", "toml", put(toml, "port = 5432", "port = 5_432"), 5, "a clear number with an underscore", 7


LISTS = {
    "yaml": "a: [1, 2, 3]\nb: x\n",
    "json": '{"a": [1, 2, 3], "b": "x"}\n',
    "toml": 'a = [1, 2, 3]\nb = "x"\n',
}


def clear_values():
    """Clear values in bound mode."""
    yaml, json, toml = (sealed(name) for name in FORMATS)
    for name, text in zip(FORMATS, (yaml, json, toml)):
        yield "clear-changed", name, put(text, "db.example.org", "db.evil.org"), 5, "a clear value changed", 7
    yield "clear-number-changed", "json", put(json, "5432", "5433"), 5, "a clear number changed", 7
    yield "clear-in-list-changed", "toml", put(toml, '"bob"', '"eve"'), 5, "a clear value in a list changed", 7
    yield "clear-swapped", "yaml", swapped(yaml, "alice", "bob"), 5, "two clear values swapped", 7
    root = sealed("yaml", "- a\n- b: s\n", encrypt=["**.b"])
    yield "clear-root-list", "yaml", put(root, "- a\n", "- x\n"), 5, "a clear value changed where the root is a list", 7
    none = sealed("yaml", "a: x\nb: y\n", encrypt=["nothing"])
    yield (
        "clear-all-changed",
        "yaml",
        put(none, "a: x", "a: z"),
        5,
        "a clear value changed in a file without secrets",
        7,
    )
    yield (
        "clear-all-added",
        "yaml",
        put(none, "b: y", "b: y\nc: z"),
        5,
        "a clear value added to a file without secrets",
        7,
    )


def free():
    """Files whose clear values anyone may edit, and what stays bound in them."""
    for name in FORMATS:
        text = sealed(name, cleartext="free")
        yield (
            "good-free-changed",
            name,
            put(text, "db.example.org", "db.other.org"),
            0,
            "a clear value of a free file changed",
            7,
        )
    text = sealed("yaml", cleartext="free")
    yield (
        "good-free-added",
        "yaml",
        put(text, "  port: ", "  user: root\n  port: "),
        0,
        "a clear entry added to a free file",
        7,
    )
    yield "good-free-removed", "yaml", put(text, "  port: 5432\n", ""), 0, "a clear entry removed from a free file", 7
    yield (
        "free-element",
        "yaml",
        put(text, "users:\n", "users:\n  - x\n"),
        5,
        "an element added to a loud list of a free file",
        6,
    )
    yield "free-secret-renamed", "yaml", put(text, "token: ", "tokem: "), 5, "a secret's key renamed in a free file", 6
    yield "free-anchor", "yaml", put(text, "host: ", "host: &h "), 5, "an anchor added in a free file", 6
    yield "free-void", "yaml", put(text, "port: 5432", "port:"), 5, "a value of no width in a free file", 6
    yield (
        "free-marked",
        "yaml",
        put(text, "sealeaf:", "password: x\nsealeaf:"),
        7,
        "a clear value that the rule marks",
        5,
    )
    yield (
        "free-key-separator",
        "json",
        put(sealed("json", cleartext="free"), '"host"', '"ho\u2028st"'),
        8,
        "U+2028 in a key of a free file",
        7,
    )
    yield (
        "free-next-line",
        "toml",
        put(sealed("toml", cleartext="free"), "db.ex", "db\u0085ex"),
        8,
        "U+0085 in a clear value of a free file",
        7,
    )
    merge = put(text, "  port: 5432\n", "  <<: {port: 5432}\n")
    yield "free-merge-key", "yaml", merge, 8, "a clear value put below `<<` in a free file", 7
    bound = with_metadata(text, "yaml", lambda entry: entry.sections.append(("server", entry.head)))
    yield "free-section", "yaml", bound, 5, "a section in a free file", 7


ANCHORS = """\
base: &base
  user: app
other: &other
  user: root
use: *base
on: yes
tagged: !secret x
pass: s
"""


def yaml_only():
    """Anchors, aliases, tags, directives, kinds of keys."""
    text = sealed("yaml", ANCHORS, encrypt=["pass"])
    yield "good-anchors", "yaml", text, 0, "anchors, an alias, a tag, a key of YAML 1.1", 6
    yield "anchor-added", "yaml", put(text, "pass: ", "pass: &p "), 5, "an anchor added to a secret", 6
    yield "anchor-removed", "yaml", put(text, "&other", ""), 5, "an anchor removed", 6
    yield "anchor-swapped", "yaml", swapped(text, "&base", "&other"), 5, "two anchors swapped", 6
    yield "alias-changed", "yaml", put(text, "*base", "*other"), 5, "an alias of another anchor", 6
    yield "alias-replaced", "yaml", put(text, "use: *base", "use: {user: app}"), 5, "a copy in an alias' place", 6
    yield "alias-unknown", "yaml", put(text, "*base", "*nobody"), 5, "an alias of an anchor that is not there", 6
    yield "tag-changed", "yaml", put(text, "!secret", "!public"), 5, "a tag changed", 6
    yield "tag-removed", "yaml", put(text, "!secret ", ""), 5, "a tag removed", 6
    yield "tag-added", "yaml", put(text, "pass: ", "pass: !!binary "), 5, "a tag added to a secret", 6
    yield (
        "property-order",
        "yaml",
        put(sealed("yaml", "a: &x !t s\n", encrypt=["a"]), "&x !t", "!t &x"),
        5,
        "tag and anchor in another order",
        6,
    )
    yield "key-kind", "yaml", put(text, "on: ", '"on": '), 5, "a key that was no string in YAML 1.1 put in quotes", 5
    yield "value-kind", "yaml", put(text, "yes", '"yes"'), 5, "a value that was no string in YAML 1.1 put in quotes", 4
    yield "key-complex", "yaml", put(text, "pass: ", "? [a]\n: b\npass: "), 8, "a key that is a list", 6
    yield "key-alias", "yaml", put(text, "pass: ", "*base : b\npass: "), 8, "a key that is an alias", 6
    yield "key-anchor", "yaml", put(text, "pass: ", "&p pass: "), 8, "a key with an anchor", 6
    yield "merge-added", "yaml", put(text, "other: &other\n", "other: &other\n  <<: *base\n"), 5, "a merge key added", 6
    yield "directive-added", "yaml", "%YAML 1.1\n---\n" + text, 5, "a directive added", 6
    directed = sealed("yaml", "%TAG !e! tag:example.org,2026:\n---\na: !e!x s\n", encrypt=["a"])
    yield "good-directive", "yaml", directed, 0, "a directive", 6
    yield "directive-changed", "yaml", put(directed, "2026", "2027"), 5, "a directive changed", 6
    yield "good-document-start", "yaml", "---\n" + text, 0, "a `---` before the first document", 6
    scalar = sealed("yaml", "just a text\n", encrypt=["**"])
    yield "good-root-scalar", "yaml", scalar, 0, "a root that is a scalar; the metadata has a document of its own", 9
    yield (
        "root-scalar-replaced",
        "yaml",
        put(scalar, token(scalar, 0), "text"),
        5,
        "a clear root in a secret's place",
        5,
    )
    yield "good-root-empty", "yaml", sealed("yaml", "", encrypt=["**"]), 0, "an empty file", 6


def documents():
    """Several documents."""
    text = sealed("yaml", "a: one\nc: 1\n---\na: two\nc: 2\n---\nc: 3\n", encrypt=["a"])
    one, two = token(text, 0), token(text, 1)
    yield "good-documents-three", "yaml", text, 0, "three documents", 5
    yield (
        "documents-swapped",
        "yaml",
        swapped(text, f"a: {one}\nc: 1\n", f"a: {two}\nc: 2\n"),
        5,
        "two documents swapped",
        6,
    )
    yield "documents-values-swapped", "yaml", swapped(text, one, two), 5, "the secrets of two documents swapped", 6
    yield "document-removed", "yaml", put(text, f"---\na: {two}\nc: 2\n", ""), 5, "a document removed", 6
    yield "document-added", "yaml", put(text, "---\nc: 3\n", "---\nc: 4\n---\nc: 3\n"), 5, "a clear document added", 6
    yield "document-empty-added", "yaml", put(text, "---\nc: 3\n", "---\n---\nc: 3\n"), 5, "an empty document added", 6
    yield (
        "document-doubled",
        "yaml",
        put(text, "---\nc: 3\n", f"---\na: {two}\nc: 2\n---\nc: 3\n"),
        8,
        "a document twice",
        5,
    )
    yield (
        "document-clear-changed",
        "yaml",
        put(text, "c: 2", "c: 5"),
        5,
        "a clear value of the second document changed",
        7,
    )
    yield (
        "document-clear-swapped",
        "yaml",
        swapped(text, "c: 1", "c: 2"),
        5,
        "the clear values of two documents swapped",
        7,
    )
    yield "documents-joined", "yaml", put(text, "---\nc: 3\n", "d: 3\n"), 5, "two documents joined", 6


def other_files():
    """Records of another file, another version or another epoch, with the same data key and with another one."""
    kinds = {
        "file": ({"fid": b"kit-file-id-0002"}, "another file", 3),
        "epoch": ({"epoch": 2}, "another epoch", 3),
        "key": ({"data_key": bytes(range(1, 33))}, "another data key", 3),
        "rule": ({"encrypt": [*RULE, "nothing"]}, "a file of another rule", 3),
    }
    for at, (case, (fields, what, section)) in enumerate(kinds.items()):
        name = FORMATS[at % 3]
        text, other = sealed(name), sealed(name, **fields)
        yield f"other-{case}-token", name, put(text, token(text, 0), token(other, 0)), 5, f"a token of {what}", section
        yield f"other-{case}-tokens", name, all_tokens(text, other), 5, f"all tokens of {what}", section
        for record in ("policy", "head"):
            yield (
                f"other-{case}-{record}",
                name,
                with_record(text, other, name, record),
                5,
                f"the {record} record of {what}",
                section,
            )
        yield (
            f"other-{case}-section",
            name,
            with_record(text, other, name, "sections"),
            5,
            f"the sections of {what}",
            section,
        )
    changed = sealed("yaml", sealed_plain("db.example.org", "db.old.org"), seed="base")
    yield (
        "other-version-section",
        "yaml",
        with_record(sealed("yaml"), changed, "yaml", "sections"),
        5,
        "a section of other clear values",
        7,
    )
    text, other = sealed("json"), sealed("json", epoch=2)
    yield "epochs-mixed-wraps", "json", with_record(text, other, "json", "groups"), 5, "the wraps of another epoch", 10


def sealed_plain(old, new):
    """The YAML base with another clear value."""
    from kit import BASE

    return put(BASE["yaml"], old, new)


def all_tokens(text, other):
    """All tokens of another file, in their order."""
    from kit import TOKEN

    for old, new in zip(TOKEN.findall(text), TOKEN.findall(other)):
        text = put(text, old, new)
    return text


def with_record(text, other, name, field):
    """A text whose metadata has one field of another text."""
    from opening import read_text

    _, foreign = read_text(other, name)
    return with_metadata(text, name, lambda entry: setattr(entry, field, getattr(foreign, field)))


def encodings():
    """Bytes that are no text, marks, line breaks, broken syntax."""
    yaml, json, toml = (sealed(name) for name in FORMATS)
    for name, text in zip(FORMATS, (yaml, json, toml)):
        yield "good-bom", name, "\ufeff" + text, 0, "a byte order mark", 9
        yield "good-crlf-all", name, text.replace("\n", "\r\n"), 0, "all line breaks converted", 9
        mixed = "".join(line + ("\r\n" if at % 2 else "\n") for at, line in enumerate(text.splitlines()))
        yield "good-crlf-mixed", name, mixed, 0, "line breaks of two kinds", 9
        yield (
            "utf8-broken",
            name,
            put(text, "db.ex", "db.\0ex").encode().replace(b"\0", b"\xff"),
            8,
            "a byte that is no UTF-8",
            2,
        )
        yield "nul", name, put(text, "db.ex", "db.\0ex"), 8, "a NUL in a clear value", 12
        yield "truncated", name, text[: text.index("commitment") + 20], 8, "the end of the file is missing", 9
    yield "utf16", "json", json.encode("utf-16"), 8, "UTF-16", 2
    yield "bom-inside", "yaml", put(yaml, "users:", "\ufeffusers:"), 8, "a byte order mark inside", 12
    yield "surrogate", "json", put(json, "db.ex", "\\ud800"), 8, "a lone surrogate", 4
    yield "tab-indented", "yaml", put(yaml, "  port", "\tport"), 8, "a tab as indentation", 12
    yield "no-yaml", "yaml", "a: [1\n" + yaml, 8, "no YAML", 12
    yield "trailing-text", "json", json + "x", 8, "something behind the root", 9


def limits():
    """Small files beyond a limit, and some at it."""
    at = {
        "yaml": lambda n: "d: " + "[" * n + "]" * n + "\ns: x\n",
        "json": lambda n: '{"d": ' + "[" * n + "]" * n + ', "s": "x"}\n',
    }
    for name, nested in at.items():
        text = sealed(name, nested(63), encrypt=["s"])
        yield "good-deep", name, text, 0, "containers nested 64 deep", 12
        yield "too-deep", name, put(text, "[]", "[[]]"), 8, "containers nested 65 deep", 12
    key = "k" * 1024
    text = sealed("yaml", f"{key}: x\n", encrypt=["**"])
    yield "good-long-key", "yaml", text, 0, "a key of 1 KiB", 12
    yield "long-key", "yaml", put(text, key, key + "k"), 8, "a key of more than 1 KiB", 12
