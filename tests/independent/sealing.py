"""Sections 8 and 11: writing. A plain text is sealed in two steps: tokens are put in their places, then every tag and
seal is written. The second step alone makes the next version of a sealed text, and whatever a test wants to forge."""

from metadata import Entry, Tag
from opening import PARSERS, all_records, read_text, seal, stays_clear, tags
from patterns import Rule
from payload import COMMENT, EMPTY_LIST, EMPTY_MAP, FORMATS, Payload, is_default
from primitives import Refusal, b64u, be32, encrypt, sized
from scalars import plain_type
from stream import bind_ids, stream
from tree import Token, innermost
from writing import attach, entry_text, is_empty_table, quoted, spliced

STYLES = {"plain": 0, "flow": 0, "": 0, "single": 1, "double": 2, "literal": 3, "folded": 4, "lines-single": 5, "lines-double": 6}


def token_text(public, tail=None):
    """A token; without a tail one that `finish` still has to write."""
    return f"sealed.v1.{b64u(public)}.{b64u(tail or bytes(36))}"


def new_entry(file_format, data_key, random, **fields):
    """The metadata of a new file, without recipients."""
    entry = Entry(file_format, random(16), fields.pop("epoch", 1))
    for name, value in fields.items():
        setattr(entry, name, value)
    entry.commitment = entry.keys(data_key).commit
    return entry


def seal_text(plain, entry, data_key, random, change=lambda shown, payload: payload, strict=True):
    """Seals a plain text. `change` gives payloads, or bytes, other than the right ones; without `strict` ids may be what
    they must not."""
    file = PARSERS[entry.format](plain)
    if file.entry is not None:
        raise Refusal(7, "an entry of that name")
    records = marked(file, entry)
    _new_ids(records, len(file.documents) > 1, random)
    bind_ids(records, file.documents, strict)
    keys = entry.keys(data_key)
    splices = []
    for record in records:
        payload = change(record.shown, payload_of(file, record))
        data = payload if isinstance(payload, bytes) else payload.encode(entry.padding)
        sealed = encrypt(keys, record.path, data, random(32))
        record.token.public = bytes([len(record.token.ids)]) + b"".join(record.token.ids) + sealed
        splices += _places(file, record, token_text(record.token.public))
    text = spliced(plain, splices)
    sealed = PARSERS[entry.format](text)
    walked = stream(_with_comments(sealed, entry), entry.cleartext == "free")
    entry.sections = [(section.text, Tag()) for section in walked.sections]
    return finish(attach(sealed, entry.fields()), entry.format, data_key, entry=entry, strict=strict)


def marked(file, entry):
    """Gives an empty token to all that is to be sealed; the records are in stream order."""
    rule = Rule(entry.encrypt, entry.clear)
    for _, place, node in stream(file, False).clear:
        if rule.marks(place.match) and not is_empty_table(node):
            node.token = Token(b"", [], b"", 0, b"", b"")
    for comment in file.comments:
        if entry.comments == "encrypt" and not stays_clear(file, comment):
            comment.token = Token(b"", [], b"", 0, b"", b"")
    return stream(file, False).records


def _with_comments(file, entry):
    from opening import check_comments

    check_comments(file, entry.comments)
    return file


def _new_ids(records, many, random):
    of_document, ids = {}, {}
    for record in records:
        slots = [step for step in record.steps if not isinstance(step, bytes)]
        own = [of_document.setdefault(record.document, random(8))] if many else []
        record.token.ids = own + [ids.setdefault(id(slot), random(8)) for slot in slots]


def payload_of(file, record):
    """What is encrypted for a record."""
    node = record.owner
    if record.is_comment:
        return Payload(COMMENT, node.text.encode())
    raw = file.text[node.start : node.end]
    value = b"" if node.type in (EMPTY_MAP, EMPTY_LIST) else node.value
    code = bytes([FORMATS[file.format]])
    is_word = lambda text: plain_type(text) == 1  # noqa: E731
    if not node.children and is_default(raw, node.type, value.decode(), file.format, is_word):
        return Payload(node.type, value)
    style = node.style.removesuffix("-lines")
    body = file.text[slice(*node.body)]
    if not body and "\n" not in raw and style not in ("literal", "folded"):
        return Payload(node.type, value, 1, code + raw.encode())
    column = innermost([(a, b, c + 1) for a, b, c in file.blocks], node.start) or 0
    in_flow = any(raw != file.text[a:b] and a <= node.start < b for a, b in _brackets(file))
    breaks = 2 if "\r\n" in raw + body else 1
    spelling = code + bytes([STYLES[style], in_flow]) + (column - 1).to_bytes(4, "big", signed=True) + bytes([breaks])
    return Payload(node.type, value, 2, spelling + sized(raw.encode()) + sized(body.encode()))


def _brackets(file):
    return [(node.start, node.end) for document in file.documents for node in document.root.walk() if node.style == "flow"]


def places_of(file_format, record, text):
    """The splices that put a simple word or a token in a leaf's place."""
    return [(record.owner.start, record.owner.end, quoted(file_format, text)), (*record.owner.body, "")]


def newest(entry, records):
    """The highest number of a file's records."""
    tokens = [record.token for record in records]
    return max(record.n for record in [entry.policy, entry.head, *tokens, *(tag for _, tag in entry.sections)])


def _places(file, record, token):
    owner = record.owner
    if record.is_comment:
        end = owner.end - (2 if owner.marker == "/*" else 0)
        return [(owner.start + len(owner.marker), end, " " + token)]
    return places_of(file.format, record, token)


def finish(text, file_format, data_key, base=None, entry=None, strict=True):
    """Writes every tag that does not fit, and the seal, as one session would. `base` is the highest n of the version
    before it, by default that of the text; `entry` replaces the metadata."""
    file, found = read_text(text, file_format)
    entry = entry or found
    keys = entry.keys(data_key)
    walked = stream(file, entry.cleartext == "free")
    bind_ids(walked.records, file.documents, strict)
    old = list(entry.sections)
    entry.sections = []
    for section in walked.sections:
        match = next((pair for pair in old if pair[0] == section.text), (section.text, Tag()))
        entry.sections.append(match)
        old = [pair for pair in old if pair is not match]
    records = all_records(entry, walked)
    highest = 1 + (max(record.n for record in records) if base is None else base)
    fitting = tags(entry, walked, keys, [record.n for record in records])
    numbers = [record.n if record.n and record.tag == tag else highest for record, tag in zip(records, fitting)]
    for record, n, tag in zip(records, numbers, tags(entry, walked, keys, numbers)):
        record.n, record.tag = n, tag
    wanted = seal(records, keys, highest)
    for record in records:
        record.seal = wanted if record.n == highest else record.seal
    return rewritten(file, entry, walked)


def rewritten(file, entry, walked):
    """The text with the tails and the metadata as they are now."""
    splices = [(file.entry_key, file.entry.end, entry_text(file, entry.fields()))]
    for record in walked.records:
        token, owner = record.token, record.owner
        text = token_text(token.public, be32(token.n) + token.tag + token.seal)
        if record.is_comment:
            end = owner.end - (2 if owner.marker == "/*" else 0)
            splices.append((owner.start + len(owner.marker), end, " " + text))
        else:
            splices.append((owner.start, owner.end, quoted(file.format, text)))
    return spliced(file.text, splices)
