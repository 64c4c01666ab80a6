"""Kit: tokens that are written, placed or numbered wrongly."""

from kit import (
    FORMATS,
    TOKEN,
    bytes_of,
    flip,
    forged,
    new_value,
    part,
    sealed,
    swapped,
    token,
    with_metadata,
    with_tag,
    with_token,
)
from metadata import Tag


def cases():
    yield from forms()
    yield from flips()
    yield from moves()
    yield from numbers()


def loose(text):
    """Sets a bit that canonical base64url leaves zero; token `one` has 73 bytes of VP."""
    parts = text.split(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    parts[2] = parts[2][:-1] + alphabet[alphabet.index(parts[2][-1]) | 1]
    assert bytes_of(parts[2]) == bytes_of(text.split(".")[2])
    return ".".join(parts)


def forms():
    """Wrong token forms."""
    edits = (
        ("loose-bits", loose, "base64url with bits set behind the last byte"),
        ("space", lambda t: t[:30] + " " + t[30:], "a blank inside a token"),
        ("padded", lambda t: t + "=", "base64 padding behind a token"),
        ("padded-half", lambda t: t.replace(".", "=.").replace("=", "", 2), "base64 padding inside a token"),
        ("plus", lambda t: t[:40] + "+" + t[41:], "the alphabet of plain base64"),
        ("slash", lambda t: t[:-3] + "/" + t[-2:], "the alphabet of plain base64 in a tail"),
        ("not-ascii", lambda t: t[:40] + "\u00e9" + t[41:], "a letter that is no base64"),
        ("v2", lambda t: t.replace("v1", "v2"), "an unknown version"),
        ("v1-zero", lambda t: t.replace("v1", "v01"), "a version with a leading zero"),
        ("short-tail", lambda t: t[:-4], "a tail of 33 bytes"),
        ("one-letter", lambda t: t + "AAAAA", "base64url of an impossible length"),
        ("dot-behind", lambda t: t + ".", "an empty fifth part"),
        ("dots", lambda t: t.replace("v1.", "v1.."), "an empty third part"),
    )
    for at, (case, edit, what) in enumerate(edits):
        name = FORMATS[at % 3]
        yield f"token-{case}", name, with_token(sealed(name), 0 if name == "toml" else 2, edit), 8, what, 5
    yaml, json, toml = (sealed(name) for name in FORMATS)
    yield "token-long-tail", "yaml", with_token(yaml, 2, part(3, lambda d: d + b"\0\0\0")), 8, "a tail of 39 bytes", 5
    yield "token-no-tail", "yaml", with_token(yaml, 2, lambda t: t.rsplit(".", 1)[0]), 8, "a token without a tail", 5
    yield "token-five-parts", "json", with_token(json, 2, lambda t: t + ".AA"), 8, "text behind a token", 5
    yield "token-empty", "yaml", with_token(yaml, 2, "sealed.v1.."), 8, "a token without bytes", 5
    yield "token-prefix-only", "toml", with_token(toml, 0, "sealed.v"), 8, "the beginning of a token", 5
    yield "token-too-short", "yaml", with_token(yaml, 2, part(2, lambda d: d[:40])), 8, "no room for nonce and tag", 5
    yield (
        "token-capital",
        "yaml",
        with_token(yaml, 2, lambda t: "S" + t[1:]),
        5,
        "a value, not a token: it was sealed",
        5,
    )
    yield (
        "token-blank-before",
        "json",
        with_token(json, 2, lambda t: " " + t),
        5,
        "a value, not a token: it was sealed",
        5,
    )
    yield "token-blank-behind", "json", with_token(json, 2, lambda t: t + " "), 8, "white space behind a token", 5
    yield "token-escaped", "yaml", with_token(yaml, 2, lambda t: f'"\\x73{t[1:]}"'), 8, "a token with an escape", 5
    yield "token-escaped", "json", with_token(json, 2, lambda t: "\\u0073" + t[1:]), 8, "a token with an escape", 5
    yield "token-escaped", "toml", with_token(toml, 0, lambda t: "\\u0073" + t[1:]), 8, "a token with an escape", 5
    yield "token-literal-block", "yaml", with_token(yaml, 2, lambda t: f"|-\n  {t}"), 8, "a token in a literal block", 5
    yield "token-folded-block", "yaml", with_token(yaml, 2, lambda t: f">-\n  {t}"), 8, "a token in a folded block", 5
    yield (
        "token-two-lines",
        "yaml",
        with_token(yaml, 2, lambda t: f'"{t[:50]}\\\n  {t[50:]}"'),
        8,
        "a token of two lines",
        5,
    )
    yield (
        "token-two-lines",
        "toml",
        toml.replace(f'"{token(toml, 0)}"', f'"""\n{token(toml, 0)}"""'),
        8,
        "a token of two lines",
        5,
    )
    yield (
        "token-triple-quotes",
        "toml",
        toml.replace(f'"{token(toml, 0)}"', f"'''{token(toml, 0)}'''"),
        8,
        "a token in a multi-line string",
        5,
    )
    yield "good-token-single-quotes", "yaml", with_token(yaml, 2, lambda t: f"'{t}'"), 0, "a token in single quotes", 5
    yield "good-token-double-quotes", "yaml", with_token(yaml, 2, lambda t: f'"{t}"'), 0, "a token in double quotes", 5
    yield (
        "good-token-toml-literal",
        "toml",
        toml.replace(f'"{token(toml, 0)}"', f"'{token(toml, 0)}'"),
        0,
        "a token in single quotes",
        5,
    )


def flips():
    """One bit of a token."""
    places = {
        "count": (2, 0),
        "id": (2, 3),
        "nonce": (2, 12),
        "ciphertext": (2, 40),
        "tag": (2, -1),
        "n": (3, 3),
        "link": (3, 9),
    }
    for at, (place, (half, position)) in enumerate(places.items()):
        name = FORMATS[at % 3]
        text = with_token(sealed(name), 2 if name == "toml" else 0, part(half, flip(position)))
        yield f"flip-{place}", name, text, 8 if place == "count" else 5, f"one bit of a token's {place}", 6
    yield "flip-count-high", "yaml", with_token(sealed("yaml"), 0, part(2, flip(0, 0x80))), 8, "a token of 129 ids", 6
    for name in FORMATS:
        text = with_token(sealed(name), 1, part(3, flip(25)))
        yield "linked-flip-seal", name, text, 0, "one bit of a token's seal: linked", 6


def moves():
    """Tokens in other places."""
    for at, name in enumerate(FORMATS):
        text, other = sealed(name), sealed(FORMATS[at - 1])
        one, two = token(text, 0), token(text, 1)
        yield "move-swap", name, swapped(text, one, two), 5, "two tokens swapped", 6
        twice = 5 if name == "toml" else 8
        yield "move-copy", name, with_token(text, 1, one), twice, "one token in two places", 6
        halves = swapped(text, one.split(".")[2], two.split(".")[2])
        yield "move-halves", name, halves, 5, "the first halves of two tokens swapped", 6
        tails = swapped(text, one.split(".")[3], two.split(".")[3])
        yield "move-tails", name, tails, 5, "the tails of two tokens swapped", 6
        which = 2 if name == "toml" else 0
        again = token(sealed(name, seed="again"), which)
        yield "move-again", name, with_token(text, which, again), 5, "a token of another sealing: other ids", 6
        foreign = token(other, 0 if FORMATS[at - 1] == "toml" else 2)
        yield (
            "move-format",
            name,
            with_token(text, 0 if name == "toml" else 2, foreign),
            5,
            "a token of another format's file",
            6,
        )
    yaml, json, toml = (sealed(name) for name in FORMATS)
    lines = yaml.splitlines(keepends=True)
    find = lambda start: next(at for at, line in enumerate(lines) if line.startswith(start))  # noqa: E731
    at = find("token: ")
    yield "delete-line", "yaml", "".join(lines[:at] + lines[at + 1 :]), 5, "a sealed entry deleted", 6
    at = find("pin: ")
    yield "delete-last", "yaml", "".join(lines[:at] + lines[at + 1 :]), 5, "the last sealed entry deleted", 6
    kept = [line for line in lines if not TOKEN.search(line)]
    yield "delete-all", "yaml", "".join(kept), 5, "all sealed entries deleted", 6
    element = f'    {{ "name": "bob", "password": "{token(json, 1)}" }}'
    assert element in json
    yield "delete-element", "json", json.replace(",\n" + element, ""), 5, "a list element deleted", 6
    yield "double-element", "json", json.replace(element, element + ",\n" + element), 8, "a list element twice", 6
    head, rest = toml.split("[[users]]", 1)
    first, second = rest.split("[[users]]", 1)
    second, tail = second.split("[sealeaf]", 1)
    moved = head + "[[users]]" + second + "[[users]]" + first + "[sealeaf]" + tail
    yield "swap-elements", "toml", moved, 5, "two list elements swapped", 6
    yield "swap-keys", "toml", swapped(toml, "token =", "pin ="), 5, "the keys of two tokens swapped", 6
    yield (
        "reorder-tokens",
        "yaml",
        swapped(yaml, f"token: {token(yaml, 2)}", f"pin: {token(yaml, 3)}"),
        5,
        "two sealed entries in another order",
        6,
    )
    yield "replace-by-clear", "yaml", with_token(yaml, 2, "evil"), 5, "a clear value in a token's place", 5
    yield "replace-by-null", "json", json.replace(f'"{token(json, 2)}"', "null"), 5, "null in a token's place", 5
    yield (
        "replace-by-empty",
        "toml",
        toml.replace(f'"{token(toml, 0)}"', "{}"),
        5,
        "an empty table in a token's place",
        5,
    )
    yield "ids-swapped", "yaml", swapped_ids(yaml), 5, "the ids of two elements swapped", 5


def swapped_ids(text):
    """Exchanges the ids of the first two tokens."""
    ids = [bytes_of(token(text, at).split(".")[2])[1:9] for at in (0, 1)]
    for at in (0, 1):
        text = with_token(text, at, part(2, lambda d, at=at: d[:1] + ids[1 - at] + d[9:]))
    return text


def with_ids(at, edit):
    """Edits the ids of one token, which is a list of 8 bytes each."""

    def change(data):
        ids = [data[1 + 8 * one : 9 + 8 * one] for one in range(data[0])]
        ids = edit(ids)
        return bytes([len(ids)]) + b"".join(ids) + data[1 + 8 * data[0] :]

    return lambda text: with_token(text, at, part(2, change))


def numbers():
    """Ids and the numbers of records."""
    yaml, json, toml = (sealed(name) for name in FORMATS)
    yield "ids-missing", "yaml", with_ids(0, lambda ids: [])(yaml), 8, "the id of a list element is missing", 5
    yield "ids-more", "json", with_ids(0, lambda ids: [*ids, bytes(8), bytes(8)])(json), 8, "too many ids", 5
    yield (
        "ids-document",
        "toml",
        with_ids(0, lambda ids: [bytes(8), *ids])(toml),
        8,
        "a document id in one token only",
        5,
    )
    n = lambda value: part(3, lambda d: value.to_bytes(4, "big") + d[4:])  # noqa: E731
    yield "n-raised", "yaml", with_token(yaml, 1, n(2)), 5, "the number of a token raised", 8
    yield "n-zero", "json", with_token(json, 1, n(0)), 5, "the number of a token lowered to zero", 8
    yield "n-max", "toml", with_token(toml, 1, n(0xFFFFFFFF)), 5, "the highest number in a token", 8
    newer = new_value(yaml, "yaml", 2, "two")
    yield "good-newer", "yaml", newer, 0, "a second session changed one value", 8
    yield "n-lowered", "yaml", with_token(newer, 2, n(1)), 5, "the number of a newer token lowered", 8
    back = with_token(newer, 2, token(yaml, 2))
    newest = new_value(newer, "yaml", 0, "new")
    mix = with_token(newest, 2, token(yaml, 2))
    yield "linked-older-token", "yaml", mix, 0, "a token of an older version: linked", 8
    yield "good-whole-older", "yaml", back, 0, "the only newer record taken back: the older version, whole", 8
    yield (
        "linked-two-branches",
        "yaml",
        with_token(newer, 0, token(new_value(yaml, "yaml", 0, "b"), 0)),
        0,
        "both branches' tokens: linked",
        8,
    )
    for name, text in (("json", json), ("toml", toml)):
        two = new_value(new_value(text, name, 0, "x"), name, 1, "y")
        yield (
            "linked-older-token",
            name,
            with_token(two, 0, token(text, 0)),
            0,
            "a token of an older version: linked",
            8,
        )
    top = forged(yaml.replace("5432", "5433", 1), "yaml", all_anew, base=0xFFFFFFFE)
    yield "good-highest-n", "yaml", top, 0, "records with the highest number there is", 8
    yield "policy-older", "yaml", older_policy(), 5, "the policy record of an older version under newer tokens", 9


def all_anew(entry):
    """Forgets the records of the metadata."""
    entry.policy, entry.head, entry.sections = Tag(), Tag(), []


def older_policy():
    """A recipient was added; the old list of recipients comes back, its record too."""
    from kit import OTHER, wrap

    old = sealed("yaml")
    new = forged(old, "yaml", lambda entry: entry.groups[0].append(wrap(entry, OTHER, "other")))
    record = old.split("  policy: ")[1].split("\n")[0]
    return with_metadata(
        new, "yaml", lambda entry: setattr(entry, "policy", with_tag(lambda _: bytes_of(record))(entry.policy))
    )
