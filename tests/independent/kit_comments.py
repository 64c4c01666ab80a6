"""Kit: comments, encrypted and in clear."""

from kit import FORMATS, put, sealed, swapped, token


NOTES = {
    "yaml": "# first\na:\n  b: one # second\n  c: two\n# third\nd: 4\n",
    "json": '{\n  // first\n  "a": {"b": "one", /* second */ "c": "two"},\n  "d": 4 // third\n}\n',
    "toml": '# first\n[a]\nb = "one" # second\nc = "two"\n\n[e]\n# third\nd = 4\n',
}


def comments():
    """Comments in each mode."""
    for name in FORMATS:
        text = sealed(name, NOTES[name], encrypt=["a"])
        yield (
            "good-comment-changed",
            name,
            put(text, "second", "changed"),
            0,
            "a clear comment changed: it is not authenticated",
            7,
        )
        secret = sealed(name, NOTES[name], encrypt=["a"], comments="encrypt")
        tokens = [token(secret, at) for at in range(5)]
        mark = "//" if name == "json" else "#"
        note = next(one for one in tokens if f"{mark} {one}" in secret)
        yield "good-comments-secret", name, secret, 0, "encrypted comments", 7
        yield (
            "comment-opened",
            name,
            put(secret, f"{mark} {note}", f"{mark} first"),
            5,
            "a comment in clear where comments are secret",
            7,
        )
        yield "comment-removed", name, put(secret, f"{mark} {note}", ""), 5, "an encrypted comment removed", 6
        yield (
            "comment-added",
            name,
            "".join([f"{mark} new\n", secret]),
            5,
            "a clear comment added where comments are secret",
            7,
        )
    yaml, json, toml = (sealed(name, NOTES[name], encrypt=["a"], comments="encrypt") for name in FORMATS)
    yield (
        "comment-swapped",
        "yaml",
        swapped(yaml, token(yaml, 0), token(yaml, 2)),
        5,
        "two encrypted comments swapped",
        6,
    )
    yield (
        "comment-to-value",
        "yaml",
        swapped(yaml, token(yaml, 0), token(yaml, 1)),
        8,
        "a comment and a value swapped",
        6,
    )
    first = f"# {token(yaml, 0)}\n"
    yield (
        "comment-moved-in",
        "yaml",
        put(put(yaml, first, ""), "  b: ", f"  {first}  b: "),
        5,
        "an encrypted comment moved past a secret's map",
        6,
    )
    inside = f" /* {token(json, 2)}*/"
    yield (
        "comment-moved-out",
        "json",
        put(put(json, inside, ""), '"d": 4', f'"d": 4{inside}'),
        5,
        "an encrypted comment moved out of its map",
        6,
    )
    third = f"# {token(toml, 4)}\n"
    yield (
        "comment-moved-table",
        "toml",
        put(put(toml, third, ""), "[e]\n", f"{third}[e]\n"),
        5,
        "an encrypted comment moved to the table above",
        6,
    )
    yield (
        "good-comment-past-clear",
        "toml",
        put(put(toml, third, ""), "d = 4\n", f"d = 4\n{third}"),
        0,
        ("an encrypted comment moved past a clear entry of its own table"),
        1,
    )
    yield (
        "comment-glued",
        "yaml",
        put(yaml, first, first.replace("# ", "#")),
        5,
        "a comment's token without the space",
        7,
    )
    yield (
        "comment-tail-broken",
        "yaml",
        put(yaml, token(yaml, 0), token(yaml, 0)[:-1]),
        8,
        "a comment's token of a wrong length",
        5,
    )
    plain = sealed("yaml", NOTES["yaml"], encrypt=["a"])
    yield "comment-separator", "yaml", put(plain, "second", "sec\u2028ond"), 8, "U+2028 in a clear comment", 7
    yield (
        "comment-next-line",
        "toml",
        put(sealed("toml", NOTES["toml"], encrypt=["a"]), "second", "sec\u0085ond"),
        8,
        "U+0085 in a clear comment",
        7,
    )
    yield (
        "comment-control",
        "json",
        put(sealed("json", NOTES["json"], encrypt=["a"]), "second", "sec\x1bond"),
        8,
        "an escape character in a clear comment",
        7,
    )
    yield (
        "good-comment-schema",
        "yaml",
        "# yaml-language-server: $schema=x\n" + yaml,
        0,
        "a comment that no mode touches",
        7,
    )
    yield (
        "comment-late-shebang",
        "yaml",
        put(yaml, "d: 4\n", "#!x\nd: 4\n"),
        5,
        "`#!` behind the first line is a comment like others",
        7,
    )
    strip = sealed("yaml", comments="strip")
    yield (
        "good-strip-comment",
        "yaml",
        "# note\n" + strip,
        0,
        "a comment in a file whose comments are stripped when sealing",
        7,
    )
