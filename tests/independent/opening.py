"""Section 12: reading a sealed file, in the order of the text."""

import re
from dataclasses import dataclass

import json_text
import lines_text
import metadata
import toml_text
import yaml_text
from payload import BOOLEAN, BYTES, COMMENT, FLOAT, INTEGER, LEGACY, NULL, STRING, TIME, decode
from patterns import Rule
from primitives import Refusal, be32, decrypt, forged, hm, malformed
from stream import bind_ids, stream
from tree import ALIAS, LIST, MAP, SCALAR, VOID, look_for_comment_token

PARSERS = {
    "yaml": yaml_text.parse,
    "json": json_text.parse,
    "toml": toml_text.parse,
    "dotenv": lines_text.parse_dotenv,
    "ini": lines_text.parse_ini,
    "binary": lines_text.parse_binary,
}
#: What a one-line spelling begins with, by style.
QUOTES = {b"'": "single", b'"': "double", b"`": "backtick"}
STYLES = {0: "plain", 1: "single", 2: "double", 7: "backtick"}
IN_PLACE = {"yaml": "x: {}\n", "json": '{{"x": {}}}', "toml": "x = {}\n"}
BREAKING = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass
class Opened:
    """An authenticated file."""

    file: object
    entry: object
    keys: object
    stream: object
    #: One for each record.
    payloads: list
    state: str
    highest: int


def open_text(text, file_format, data_key, scope=None):
    """Opens a sealed text; `data_key(entry)` gives the data key."""
    file, entry = read_text(text, file_format)
    walked = stream(file, entry.cleartext == "free")
    bind_ids(walked.records, file.documents)
    if entry.cleartext == "free":
        for _, place, node in walked.clear:
            _stays_inside(place, node)
    if scope is not None and scope != entry.scope:
        raise forged("another scope")
    keys = entry.keys(check_key(entry, data_key(entry)))
    if entry.policy_tag(keys, entry.policy.n) != entry.policy.tag:
        raise forged("the policy record does not fit")
    records = all_records(entry, walked)
    for record, tag in zip(records, tags(entry, walked, keys, [record.n for record in records])):
        if record.tag != tag:
            raise forged("a link, the head or a section does not fit")
    payloads = [open_record(record, keys) for record in walked.records]
    check_quotes(file, walked.records, payloads)
    for payload in payloads:
        if payload.type != COMMENT and (payload.type == BYTES) != (file_format == "binary"):
            raise forged("bytes where there are none, or none where there are")
        if not readable(payload, file_format):
            raise malformed("a value that the format does not read as its type")
    enforce(file, entry, walked)
    highest = max(record.n for record in records)
    wanted = seal(records, keys, highest)
    is_sealed = all(record.seal == wanted for record in records if record.n == highest)
    if entry.integrity == "sealed" and not is_sealed:
        raise Refusal(6, "linked, and the file wants to be sealed")
    return Opened(file, entry, keys, walked, payloads, "sealed" if is_sealed else "linked", highest)


def read_text(text, file_format):
    """Everything that needs no key."""
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError as error:
            raise malformed("no UTF-8") from error
    file = PARSERS[file_format](text)
    _limits(file)
    if file.entry is None:
        raise Refusal(6, "the file is not sealed")
    fields = file.entry if isinstance(file.entry, dict) else _fields(file.entry)
    entry = metadata.read(fields, file_format)
    Rule(entry.encrypt, entry.clear)
    check_comments(file, entry.comments)
    return file, entry


def _limits(file):
    """What section 12 gives as limits, as far as small files can exceed them."""
    level = [(document.root, 1) for document in file.documents]
    while level:
        node, depth = level.pop()
        if node.kind in (MAP, LIST) and depth > 64:
            raise malformed("containers nested over 64 deep")
        if node.kind == MAP and any(len(key.text.encode()) > 1024 for key, _ in node.children):
            raise malformed("a key of more than 1 KiB")
        level += [(child, depth + 1) for child in node.nodes()]


def check_comments(file, mode):
    """Finds the tokens of comments, and refuses what may not stand in clear."""
    for comment in file.comments:
        if mode == "encrypt":
            look_for_comment_token(comment)
            if not comment.token and not stays_clear(file, comment):
                raise forged("a comment in clear")
        if not comment.token and BREAKING.search(comment.text):
            raise malformed("a comment with what other parsers see as a line break")


def stays_clear(file, comment):
    """Whether a comment is one that no mode touches."""
    line = file.text[comment.start : comment.end]
    first = not any(character in file.text[: comment.start] for character in "\r\n")
    return first and (line.startswith("#!") or line == "#cloud-config") or line.startswith("# yaml-language-server:")


def check_key(entry, data_key):
    """Compares the commitment."""
    if entry.keys(data_key).commit != entry.commitment:
        raise forged("the commitment is another one")
    return data_key


def all_records(entry, walked):
    """All records of a file, in the order of section 8; each has n, tag and seal."""
    if len(entry.sections) != len(walked.sections):
        raise forged("there are too few or too many sections")
    for (name, _), section in zip(entry.sections, walked.sections):
        if name != section.text:
            raise forged("a section of another name")
    tokens = [record.token for record in walked.records]
    return [entry.policy, entry.head, *tokens, *(tag for _, tag in entry.sections)]


def tags(entry, walked, keys, numbers):
    """The tags that the records should have, each with its number."""
    numbers = iter(numbers)
    found = [entry.policy_tag(keys, next(numbers))]
    head = walked.segments[0] + b"\x0c" + walked.lead
    found.append(hm(keys.link, be32(next(numbers)), b"", b"head", head)[:16])
    for record, segment in zip(walked.records, walked.segments[1:]):
        found.append(hm(keys.link, be32(next(numbers)), record.path, record.token.public, segment)[:16])
    for section in walked.sections:
        found.append(hm(keys.clear, be32(next(numbers)), section.name, section.next, *section.leaves)[:16])
    return found


def seal(records, keys, highest):
    """The seal of a session."""
    parts = [be32(one.n) + one.tag + (one.seal if one.n < highest else b"") for one in records]
    return hm(keys.seal, be32(highest), *parts)[:16]


def open_record(record, keys):
    """The payload of a token or comment."""
    payload = decode(decrypt(keys, record.path, record.token.sealed))
    if record.is_comment != (payload.type == COMMENT):
        raise forged("a comment that is none, or a value that is one")
    text = payload.value.decode()
    if record.is_comment and record.owner.marker != "/*" and ("\n" in text or "\r" in text):
        raise malformed("a comment that would not stay one")
    if record.is_comment and record.owner.marker == "/*" and "*/" in text:
        raise malformed("a comment that would end early")
    return payload


def check_quotes(file, records, payloads):
    """In dotenv and INI a token stands in the quotes of what it replaced."""
    if file.format not in ("dotenv", "ini"):
        return
    for record, payload in zip(records, payloads):
        if record.is_comment:
            continue
        style = "plain"
        if payload.kind == 1:
            style = QUOTES.get(payload.spelling[1:2], "plain")
        elif payload.kind == 2:
            style = STYLES.get(payload.spelling[1])
        if style != record.owner.style:
            raise forged("a token in other quotes")


def readable(payload, file_format):
    """Whether a text stands for a value of its type, so that the opened file means what was sealed."""
    if payload.type == BYTES:
        return True
    text = payload.value.decode()
    if payload.type == NULL:
        return file_format in ("yaml", "json")
    if payload.type not in (INTEGER, FLOAT, TIME, LEGACY):
        return True
    if file_format not in IN_PLACE:
        return False
    try:
        root = PARSERS[file_format](IN_PLACE[file_format].format(text)).documents[0].root
    except Refusal:
        return False
    found = root.children[0][1]
    return len(root.children) == 1 and (found.type, found.value) == (payload.type, payload.value)


def enforce(file, entry, walked):
    """The rule holds: nothing that it marks stands in clear."""
    rule = Rule(entry.encrypt, entry.clear)
    for _, place, node in walked.clear:
        if not (node.kind == MAP and node.by_header) and rule.marks(place.match):
            raise Refusal(7, "a value that the rule marks stands in clear")
    for document in file.documents:
        anchors = {}
        at = {id(node): place for _, place, node in walked.aliases}
        for node in document.root.walk():
            if node.kind == ALIAS and rule.marks(at[id(node)].match) and _holds_clear(anchors.get(node.name), anchors):
                raise Refusal(7, "an alias at a marked path to something clear")
            for code, name in node.properties:
                if code == 0x0E:
                    anchors[name] = node


def _holds_clear(node, anchors):
    if node is None:
        return False
    if node.kind == ALIAS:
        return _holds_clear(anchors.get(node.name), anchors)
    if not node.nodes():
        return node.kind != VOID and not node.token and not node.by_header
    return any(_holds_clear(child, anchors) for child in node.nodes())


def _stays_inside(place, node):
    """In a free file clear leaves reach no secret place."""
    merged = any(step == b"\x01\x01\x00\x00\x00\x02<<" for step in place.clear)
    texts = [node.value.decode()] + [step for step in place.match if isinstance(step, str)]
    if merged or any(character in text for text in texts for character in "\x85\u2028\u2029"):
        raise malformed("a clear value that reaches further than the rule sees")


def _fields(node):
    """The metadata as plain values."""
    if node.properties or node.kind in (ALIAS, VOID):
        raise malformed("the metadata has anchors, tags, aliases or empty fields")
    if node.kind == MAP:
        return {key.text: _fields(child) for key, child in node.children}
    if node.kind == LIST:
        return [_fields(child) for child in node.children]
    if node.kind == SCALAR and node.type in (STRING, LEGACY):
        return node.value.decode()
    if node.type == BOOLEAN:
        return node.value == b"\x01"
    if node.type == INTEGER and re.fullmatch(r"0|[1-9][0-9]*", node.value.decode()):
        return int(node.value)
    raise malformed("the metadata has a value of another type")
