"""Kit: the entry, recipients, the rule, wraps, records of the metadata."""

from dataclasses import replace

import age_file
from kit import (
    FORMATS,
    BASE,
    DATA_KEY,
    FID,
    OTHER,
    RECIPIENT,
    flip,
    forged,
    sealed,
    with_fields,
    with_metadata,
    with_tag,
    wrap,
)
from primitives import b64u, be32


def cases():
    yield from keys()
    yield from recipients()
    yield from groups()
    yield from policy()
    yield from fields()
    yield from place()
    yield from good()


def set_to(**changes):
    """An edit that sets attributes of an entry."""

    def edit(entry):
        for name, value in changes.items():
            setattr(entry, name, value)

    return edit


def of_first(**changes):
    """An edit of the first recipient."""

    def edit(entry):
        entry.groups[0][0] = replace(entry.groups[0][0], **changes)

    return edit


def keys():
    """Commitment and wraps."""
    for at, name in enumerate(FORMATS):
        text = sealed(name)
        flipped = with_metadata(text, name, lambda e, at=at: setattr(e, "commitment", flip(11 * at)(e.commitment)))
        yield "commitment-flip", name, flipped, 5, "one bit of the commitment", 3
    text = sealed("yaml")
    forge = lambda plaintext, name="yaml": with_metadata(  # noqa: E731
        sealed(name), name, lambda e: e.groups.__setitem__(0, [wrap(e, plaintext=plaintext)])
    )
    header = lambda magic=b"sealeaf/v1 wrap", fid=FID, epoch=1, group=0, share=0: (  # noqa: E731
        magic + fid + be32(epoch) + bytes([group, share])
    )
    yield "wrap-file", "yaml", forge(header(fid=b"kit-file-id-0002") + DATA_KEY), 5, "a wrap of another file", 10
    yield "wrap-epoch", "json", forge(header(epoch=2) + DATA_KEY, "json"), 5, "a wrap of another epoch", 10
    yield "wrap-group", "toml", forge(header(group=1) + DATA_KEY, "toml"), 5, "a wrap of another group", 10
    yield "wrap-share", "yaml", forge(header(share=1) + DATA_KEY), 5, "a wrap of a share", 10
    yield (
        "wrap-magic",
        "json",
        forge(header(magic=b"sealeaf/v2 wrap") + DATA_KEY, "json"),
        5,
        "a wrap of another application",
        10,
    )
    yield "wrap-short", "toml", forge(header() + DATA_KEY[:-1], "toml"), 5, "a wrap of 68 bytes", 10
    yield "wrap-long", "yaml", forge(header() + DATA_KEY + b"x"), 5, "a wrap of 70 bytes", 10
    yield "wrap-bare-key", "json", forge(DATA_KEY, "json"), 5, "a wrap of the key alone", 10
    yield "wrap-empty", "toml", forge(b"x", "toml"), 5, "a wrap of one byte", 10
    yield "wrap-other-key", "yaml", forge(header() + bytes(32)), 5, "another data key than the commitment's", 3
    nobody = with_metadata(text, "yaml", lambda e: e.groups.__setitem__(0, [wrap(e, OTHER, "other")]))
    yield "no-key", "yaml", nobody, 4, "only a recipient whose key nobody has", 12
    lie = with_metadata(
        text, "yaml", lambda e: e.groups.__setitem__(0, [replace(wrap(e, OTHER), identifier=RECIPIENT)])
    )
    yield "wrap-for-another", "yaml", lie, 4, "a wrap for somebody else under the recipient's name", 10
    junk = with_metadata(text, "yaml", of_first(wrapped=b"junk"))
    yield "wrap-junk", "yaml", junk, 4, "a wrap that is no age file", 10
    for at in (30, 90, -30, -1):
        name = FORMATS[at % 3]
        broken = with_metadata(
            sealed(name), name, lambda e, at=at: of_first(wrapped=flip(at)(e.groups[0][0].wrapped))(e)
        )
        yield f"wrap-flip{at}", name, broken, 4, "one bit of a wrap", 10
    glass = sealed("toml", keys=lambda e: [[wrap(e, break_glass=True)]])
    yield "break-glass-only", "toml", glass, 4, "the only key is for breaking glass: it is not tried", 12


def recipients():
    """Who can read."""
    for name in FORMATS:
        text = sealed(name, keys=lambda e: [[wrap(e), wrap(e, OTHER, "other")]])
        yield "good-two-recipients", name, text, 0, "two recipients", 9
        edits = {
            "added": (
                lambda e: e.groups[0].append(wrap(e, age_file.recipient_of(bytes(range(1, 33))), "eve")),
                "a recipient added with a good wrap",
            ),
            "removed": (lambda e: e.groups[0].pop(), "a recipient removed"),
            "reordered": (lambda e: e.groups[0].reverse(), "recipients in another order"),
            "renamed": (of_first(name="kit2"), "a recipient renamed"),
            "unnamed": (of_first(name=""), "a recipient's name removed"),
            "doubled": (
                lambda e: e.groups[0].append(replace(e.groups[0][1], name="eve")),
                "a recipient added with a copied wrap",
            ),
            "exchanged": (
                lambda e: e.groups[0].__setitem__(
                    1, replace(e.groups[0][1], identifier=age_file.recipient_of(bytes(range(1, 33))))
                ),
                "another public key under a wrap",
            ),
        }
        for at, (case, (edit, what)) in enumerate(edits.items()):
            if (at + FORMATS.index(name)) % 3 == 0:
                yield f"recipient-{case}", name, with_metadata(text, name, edit), 5, what, 9
    text = sealed("yaml", keys=lambda e: [[wrap(e), wrap(e, OTHER, "other")]])
    broken = with_metadata(
        text, "yaml", lambda e: e.groups[0].__setitem__(1, replace(e.groups[0][1], break_glass=True))
    )
    yield "recipient-glass", "yaml", broken, 5, "a recipient made one for breaking glass", 9
    moved = with_metadata(text, "yaml", lambda e: e.groups.append([e.groups[0].pop()]))
    yield "recipient-group", "yaml", moved, 5, "a recipient moved to a group of its own", 9
    junk = with_metadata(text, "yaml", lambda e: e.groups[0].__setitem__(1, replace(e.groups[0][1], wrapped=b"junk")))
    yield "recipient-junk", "yaml", junk, 5, "junk in another recipient's wrap", 9
    unknown = sealed(
        "yaml", keys=lambda e: [[wrap(e), replace(wrap(e, OTHER, "hsm"), type="hsm", identifier="slot-1")]]
    )
    yield "good-unknown-type", "yaml", unknown, 0, "a recipient of an unknown type", 9
    yield (
        "recipient-unknown-type",
        "yaml",
        unknown.replace("slot-1", "slot-2"),
        5,
        "a recipient of an unknown type changed",
        9,
    )
    kms = sealed(
        "json",
        keys=lambda e: [
            [wrap(e), replace(wrap(e, OTHER, "aws"), type="aws_kms", identifier=ARN, context={"app": "web", "a": "b"})]
        ],
    )
    yield "good-context", "json", kms, 0, "a recipient with a context", 9
    yield "recipient-context", "json", kms.replace('"web"', '"app"'), 5, "a recipient's context changed", 9


ARN = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def groups():
    """Two groups, of which one opens."""
    text = sealed("json", keys=lambda e: [[wrap(e, OTHER, "other")], [wrap(e, group=1)]])
    yield "good-two-groups", "json", text, 0, "two groups, of which one opens", 9


def policy():
    """Rule, modes, scope, epoch, and single bits of records."""
    edits = {
        "encrypt-fewer": (lambda e: e.encrypt.pop(), "a pattern removed"),
        "encrypt-more": (lambda e: e.encrypt.append("**.host"), "a pattern added"),
        "encrypt-order": (lambda e: e.encrypt.reverse(), "patterns in another order"),
        "encrypt-to-clear": (lambda e: e.clear.append(e.encrypt.pop()), "a pattern moved from encrypt to clear"),
        "encrypt-none": (set_to(encrypt=[]), "all patterns removed"),
        "clear-added": (set_to(clear=["token"]), "a pattern for clear values added"),
        "integrity": (set_to(integrity="sealed"), "integrity changed"),
        "cleartext": (set_to(cleartext="free"), "cleartext changed"),
        "comments": (set_to(comments="strip"), "the mode of comments changed"),
        "padding": (set_to(padding="none"), "padding changed"),
        "scope": (set_to(scope="prod"), "a scope added"),
        "epoch-up": (set_to(epoch=2), "the epoch raised"),
        "fid": (set_to(fid=b"kit-file-id-0002"), "another file id"),
        "format": (set_to(format="toml"), "another format's name"),
    }
    for at, (case, (edit, what)) in enumerate(edits.items()):
        name = FORMATS[at % 3]
        yield f"policy-{case}", name, with_metadata(sealed(name), name, edit), 8 if case == "format" else 5, what, 9
    for case, place in (("n", 3), ("tag", 7)):
        for record in ("policy", "head"):
            name = FORMATS[(place + len(record)) % 3]
            text = with_metadata(
                sealed(name), name, lambda e, r=record, p=place: setattr(e, r, with_tag(flip(p))(getattr(e, r)))
            )
            yield f"flip-{record}-{case}", name, text, 5, f"one bit of {record}'s {case}", 9
        section = lambda e, p=place: e.sections.__setitem__(0, (e.sections[0][0], with_tag(flip(p))(e.sections[0][1])))  # noqa: E731
        yield (
            f"flip-section-{case}",
            "json",
            with_metadata(sealed("json"), "json", section),
            5,
            f"one bit of a section's {case}",
            9,
        )
    for record in ("policy", "head"):
        text = with_metadata(
            sealed("yaml"), "yaml", lambda e, r=record: setattr(e, r, with_tag(flip(-1))(getattr(e, r)))
        )
        yield f"linked-flip-{record}", "yaml", text, 0, f"one bit of {record}'s seal: linked", 9
    seal = lambda e: e.sections.__setitem__(1, (e.sections[1][0], with_tag(flip(22))(e.sections[1][1])))  # noqa: E731
    yield (
        "linked-flip-section",
        "toml",
        with_metadata(sealed("toml"), "toml", seal),
        0,
        "one bit of a section's seal: linked",
        9,
    )
    strict = sealed("yaml", integrity="sealed")
    text = with_metadata(strict, "yaml", lambda e: setattr(e, "head", with_tag(flip(-1))(e.head)))
    yield "linked-refused", "yaml", text, 6, "a linked file whose integrity is sealed", 8
    yield (
        "sections-dropped",
        "yaml",
        with_metadata(sealed("yaml"), "yaml", lambda e: e.sections.pop()),
        5,
        "a section dropped",
        9,
    )
    yield (
        "sections-all-dropped",
        "json",
        with_metadata(sealed("json"), "json", lambda e: e.sections.clear()),
        5,
        "all sections dropped",
        9,
    )
    yield (
        "sections-reordered",
        "toml",
        with_metadata(sealed("toml"), "toml", lambda e: e.sections.reverse()),
        5,
        "sections in another order",
        9,
    )
    yield (
        "sections-doubled",
        "yaml",
        with_metadata(sealed("yaml"), "yaml", lambda e: e.sections.append(e.sections[0])),
        5,
        "a section twice",
        9,
    )
    yield (
        "sections-renamed",
        "json",
        with_metadata(sealed("json"), "json", lambda e: e.sections.__setitem__(0, ("servers", e.sections[0][1]))),
        5,
        "a section of another name",
        9,
    )
    yield (
        "sections-tags-swapped",
        "yaml",
        with_metadata(sealed("yaml"), "yaml", swap_sections),
        5,
        "the tags of two sections swapped",
        9,
    )


def swap_sections(entry):
    (one, first), (two, second) = entry.sections
    entry.sections = [(one, second), (two, first)]


def fields():
    """Fields that are unknown, missing, twice, or of another type."""
    required = (
        "version",
        "format",
        "file",
        "epoch",
        "commitment",
        "integrity",
        "cleartext",
        "comments",
        "padding",
        "encrypt",
        "threshold",
        "groups",
        "policy",
        "head",
    )
    for at, field in enumerate(required):
        name = FORMATS[at % 3]
        yield (
            f"missing-{field}",
            name,
            with_fields(sealed(name), name, lambda f, k=field: f.pop(k)),
            8,
            f"no field `{field}`",
            9,
        )
    recipient = lambda f: f["groups"][0]["keys"][0]  # noqa: E731
    changes = {
        "unknown-field": (lambda f: f.update(extra="x"), "an unknown field"),
        "unknown-field-key": (lambda f: recipient(f).update(role="admin"), "an unknown field of a recipient"),
        "unknown-field-group": (lambda f: f["groups"][0].update(name="x"), "an unknown field of a group"),
        "unknown-field-section": (lambda f: f["sections"][0].update(extra="x"), "an unknown field of a section"),
        "missing-wrapped": (lambda f: recipient(f).pop("wrapped"), "a recipient without its wrap"),
        "missing-type": (lambda f: recipient(f).pop("age"), "a recipient without a key"),
        "two-types": (lambda f: recipient(f).update(pgp="A" * 40), "a recipient of two types"),
        "context-text": (lambda f: recipient(f).update(context="a"), "a context that is a text"),
        "context-number": (lambda f: recipient(f).update(context={"a": 1}), "a context that holds a number"),
        "context-unknown-type": (
            lambda f: f["groups"][0]["keys"].append({"hsm": "slot", "context": {"a": "b"}, "wrapped": "AAAA"}),
            "a context of an unknown key type",
        ),
        "break-glass-false": (lambda f: recipient(f).update(break_glass=False), "break_glass: false is left out"),
        "break-glass-text": (lambda f: recipient(f).update(break_glass="true"), "break_glass as a string"),
        "no-keys": (lambda f: f["groups"][0].update(keys=[]), "a group without recipients"),
        "no-groups": (lambda f: f.update(groups=[]), "no group"),
        "group-check": (lambda f: f["groups"][0].update(check=b64u(bytes(32))), "a group's check, which is reserved"),
        "version-2": (lambda f: f.update(version=2), "version 2"),
        "version-0": (lambda f: f.update(version=0), "version 0"),
        "version-text": (lambda f: f.update(version="1"), "the version as a string"),
        "version-list": (lambda f: f.update(version=[1]), "the version in a list"),
        "format-other": (lambda f: f.update(format="ini"), "a format that the file is not in"),
        "epoch-0": (lambda f: f.update(epoch=0), "epochs count from 1"),
        "epoch-large": (lambda f: f.update(epoch=1 << 32), "an epoch of more than 32 bits"),
        "epoch-negative": (lambda f: f.update(epoch=-1), "a negative epoch"),
        "epoch-text": (lambda f: f.update(epoch="1"), "the epoch as a string"),
        "file-short": (lambda f: f.update(file=b64u(FID[:15])), "a file id of 15 bytes"),
        "file-padded": (lambda f: f.update(file=f["file"] + "=="), "base64 padding"),
        "file-loose": (lambda f: f.update(file=f["file"][:-1] + "R"), "base64url with bits set behind the last byte"),
        "commitment-short": (lambda f: f.update(commitment=b64u(bytes(31))), "a commitment of 31 bytes"),
        "policy-long": (lambda f: f.update(policy=b64u(bytes(37))), "a policy record of 37 bytes"),
        "head-number": (lambda f: f.update(head=1), "a head that is a number"),
        "integrity-other": (lambda f: f.update(integrity="none"), "an unknown integrity"),
        "cleartext-other": (lambda f: f.update(cleartext="Bound"), "an unknown mode of cleartext"),
        "comments-other": (lambda f: f.update(comments="keep"), "an unknown mode of comments"),
        "padding-other": (lambda f: f.update(padding="zero"), "an unknown padding"),
        "threshold-2": (lambda f: f.update(threshold=2), "a threshold, which is reserved"),
        "threshold-0": (lambda f: f.update(threshold=0), "a threshold of 0"),
        "encrypt-text": (lambda f: f.update(encrypt="**"), "patterns that are no list"),
        "encrypt-number": (lambda f: f.update(encrypt=[1]), "a pattern that is a number"),
        "pattern-broken": (lambda f: f.update(encrypt=["a..b"]), "a pattern that does not parse"),
        "pattern-stars": (lambda f: f.update(encrypt=["a**"]), "two `*` side by side"),
        "pattern-index": (lambda f: f.update(encrypt=["a[01]"]), "an index with a leading zero"),
        "pattern-control": (lambda f: f.update(encrypt=["a\x01"]), "a control character in a pattern"),
        "pattern-long": (lambda f: f.update(encrypt=[".".join("a" * 64)]), "a pattern of 64 segments"),
        "recipients-many": (lambda f: f["groups"][0].update(keys=[recipient(f)] * 65), "65 recipients of one group"),
        "groups-many": (lambda f: f.update(groups=f["groups"] * 17), "17 groups"),
        "wrap-long": (lambda f: recipient(f).update(wrapped=b64u(bytes(16385))), "a wrap of more than 16 KiB"),
        "threshold-above": (lambda f: f.update(threshold=2, groups=f["groups"] * 2), "a threshold without checks"),
        "pattern-many": (lambda f: f.update(encrypt=["a"] * 1025), "more than 1024 patterns"),
    }
    for at, (case, (edit, what)) in enumerate(changes.items()):
        name = FORMATS[at % 3]
        if name == "toml" and case == "version-list":
            name = "yaml"
        number = {"threshold-2": 11, "threshold-0": 11, "group-check": 11}.get(case, 9)
        yield f"meta-{case}", name, with_fields(sealed(name), name, edit), 8, what, number
    yaml, json, toml = (sealed(name) for name in FORMATS)
    texts = [
        ("duplicate-yaml", "yaml", yaml.replace("  epoch: 1\n", "  epoch: 1\n  epoch: 1\n"), "a field twice"),
        ("duplicate-json", "json", json.replace('"epoch": 1,', '"epoch": 1, "epoch": 1,'), "a field twice"),
        ("duplicate-toml", "toml", toml.replace("epoch = 1\n", "epoch = 1\nepoch = 1\n"), "a field twice"),
        ("number-zero", "yaml", yaml.replace("epoch: 1", "epoch: 01"), "a number with a leading zero"),
        ("number-sign", "yaml", yaml.replace("epoch: 1", "epoch: +1"), "a number with a sign"),
        ("number-sign-toml", "toml", toml.replace("epoch = 1", "epoch = +1"), "a number with a sign"),
        ("number-hex", "toml", toml.replace("epoch = 1", "epoch = 0x1"), "a number that is not decimal"),
        ("number-float", "json", json.replace('"epoch": 1', '"epoch": 1.0'), "a number with a fraction"),
        ("number-exponent", "json", json.replace('"epoch": 1', '"epoch": 1e0'), "a number with an exponent"),
        ("void", "yaml", yaml.replace("format: yaml", "format:"), "a field without a value"),
        ("null", "json", json.replace('"padding": "buckets"', '"padding": null'), "a field of null"),
        ("anchor", "yaml", yaml.replace("epoch: 1", "epoch: &e 1"), "an anchor in the metadata"),
        ("tag", "yaml", yaml.replace("epoch: 1", "epoch: !!int 1"), "a tag in the metadata"),
        (
            "alias",
            "yaml",
            yaml.replace("integrity: linked", "integrity: &l linked").replace("name: kit", "name: *l"),
            "an alias in the metadata",
        ),
    ]
    for case, name, text, what in texts:
        assert text not in (yaml, json, toml), case
        yield f"meta-{case}", name, text, 8, what, 9


def place():
    """Where the entry stands."""
    yaml, json, toml = (sealed(name) for name in FORMATS)
    last = "last: 1\n"
    entry = yaml[yaml.index("sealeaf:") :]
    yield "meta-first", "yaml", entry + yaml.replace(entry, ""), 8, "the metadata is not last", 9
    yield "meta-followed", "yaml", yaml + last, 8, "an entry behind the metadata", 9
    yield "meta-followed-document", "yaml", yaml + "---\n" + last, 8, "a document behind the metadata", 9
    yield "meta-twice", "yaml", yaml + "---\n" + entry, 8, "a second metadata", 9
    yield "meta-twice-key", "yaml", yaml + entry, 8, "the metadata twice in one map", 9
    yield "meta-comment-behind", "yaml", yaml + "# x\n", 8, "a comment behind the metadata", 9
    yield "meta-comment-in", "yaml", yaml.replace("  epoch", "  # x\n  epoch"), 8, "a comment in the metadata", 9
    yield "meta-entry-anchor", "yaml", yaml.replace("sealeaf:", "sealeaf: &x"), 8, "an anchor of the metadata", 9
    yield "meta-end-behind", "yaml", yaml + "...\n", 8, "a document end behind the metadata", 9
    yield (
        "good-own-document",
        "yaml",
        yaml.replace("sealeaf:", "---\nsealeaf:"),
        0,
        "the metadata in a document of its own where the last one has room",
        9,
    )
    text = json.rstrip()[:-1].rstrip() + ',\n  "last": 1\n}\n'
    yield "meta-followed", "json", text, 8, "an entry behind the metadata", 9
    yield "meta-behind", "json", json + "{}", 8, "something behind the root", 9
    inner = json[json.index('"sealeaf"') : json.rindex("}")].rstrip()
    yield "meta-twice", "json", json.replace('"server"', inner + ',\n  "server"', 1), 8, "a second metadata", 9
    yield "meta-comment", "json", json.replace('"epoch"', '/* x */ "epoch"'), 8, "a comment in the metadata", 9
    yield "meta-followed", "toml", toml + "\n[last]\nx = 1\n", 8, "a table behind the metadata", 9
    yield "meta-inner", "toml", toml + "\n[sealeaf.extra]\nx = 1\n", 8, "an unknown table of the metadata", 9
    yield (
        "meta-first",
        "toml",
        toml[toml.index("[sealeaf]") :] + "\n" + toml[toml.index("[server]") : toml.index("[sealeaf]")],
        8,
        "the metadata is not last",
        9,
    )
    yield "meta-comment", "toml", toml.replace("epoch = 1", "epoch = 1 # x"), 8, "a comment in the metadata", 9
    yield "meta-none", "yaml", BASE["yaml"], 6, "a plain file", 12
    yield "meta-none-tokens", "yaml", yaml.replace(entry, ""), 6, "tokens without metadata", 12
    yield "meta-scalar", "json", '{"a": 1, "sealeaf": true}\n', 8, "metadata that is no map", 9


def good():
    """Files that must open."""
    for name in FORMATS:
        yield "good-base", name, sealed(name), 0, "the base file", 12
        modes = {"padding": "none", "integrity": "sealed", "clear": ["**.host"], "scope": "kit"}
        yield (
            "good-modes",
            name,
            sealed(name, **modes),
            0,
            "no padding, integrity sealed, patterns for clear values, a scope",
            9,
        )
        yield "good-all", name, sealed(name, encrypt=["**"]), 0, "every value sealed: no sections", 7
        yield "good-none", name, sealed(name, encrypt=["nothing"]), 0, "no value sealed", 7
    yield "good-epoch", "yaml", sealed("yaml", epoch=7), 0, "the seventh data key", 3
    yield "good-crlf", "yaml", sealed("yaml").replace("\n", "\r\n"), 0, "all line breaks converted", 9
    yield "good-no-final-break", "yaml", sealed("yaml", BASE["yaml"].rstrip()), 0, "no line break at the end", 9
    empty = lambda f: (f.update(scope="", clear=[]), f["groups"][0]["keys"][0].update(context={}))  # noqa: E731
    yield (
        "good-empty-fields",
        "json",
        with_fields(sealed("json"), "json", empty),
        0,
        "fields that are left out where empty, empty",
        9,
    )
    behind = sealed("json").rstrip()[:-1] + "  // last\n}\n/* end */\n"
    yield "good-comment-behind", "json", behind, 0, "comments behind the metadata", 9
    yield "good-order", "yaml", with_fields(sealed("yaml"), "yaml", reorder), 0, "fields in another order", 9
    text = sealed("yaml").replace("  epoch: 1\n", "  'epoch': 1\n").replace("format: yaml", 'format: "yaml"')
    yield "good-quoted-fields", "yaml", text, 0, "fields and values in quotes", 9
    types = 'a: 0x1F\nb: 1e3\nc: ~\nd: yes\ne: ""\nf: []\ng: {}\nh: false\ni: "two\\nlines"\nj: |\n  block\n  text\nk: 2026-01-02\n'
    yield "good-types", "yaml", sealed("yaml", types, encrypt=["**"]), 0, "every type", 4
    types = 'a = 0x1F\nb = 1e3\nd = 2026-01-02\ne = ""\nf = []\ng = {}\nh = false\nj = """\nblock\n"""\nk = 07:32:00\n'
    yield "good-types", "toml", sealed("toml", types, encrypt=["**"]), 0, "every type", 4
    types = '{"a": -1, "b": 1E3, "c": null, "e": "", "f": [], "g": {}, "h": false, "i": "\\ud83d\\ude00\\n"}\n'
    yield "good-types", "json", sealed("json", types, encrypt=["**"]), 0, "every type", 4
    again = forged(sealed("yaml"), "yaml", set_to(comments="strip"), recommit=False)
    yield (
        "good-second-session",
        "yaml",
        again,
        0,
        "a second session changed a mode: all records but the ciphertexts anew",
        8,
    )


def reorder(fields):
    """Turns the order of all fields round."""
    for name in list(reversed(fields)):
        fields[name] = fields.pop(name)
    for section in fields["sections"]:
        section["name"] = section.pop("name")
