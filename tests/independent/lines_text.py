"""dotenv and INI as trees, from docs/reference/formats.md; their metadata in comment lines, and files of bytes."""

import base64
import json
import re

import json_text
from payload import BYTES, EMPTY_LIST, EMPTY_MAP, STRING
from primitives import malformed
from tree import LIST, MAP, SCALAR, VOID, Comment, Document, File, Key, Node, look_for_token

_MARK = "# sealeaf: "
_ASSIGNMENT = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.-]*)[ \t]*(?:=|:(?=[ \t]))[ \t]*", re.ASCII)
_QUOTED = [
    ("double", re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)),
    ("single", re.compile(r"'[^']*'")),
    ("backtick", re.compile(r"`[^`]*`")),
]
_BEHIND = re.compile(r"[ \t]*(?:$|(?=[\r\n])|(?<=[ \t])(#[^\r\n]*))")
_LINE = re.compile(r"[^\r\n]*")
_BREAK = re.compile(r"\r\n|\n|$")
_STEP = re.compile(r'("(?:[^"\\]|\\.)*"|[A-Za-z0-9_-]+)((?:\[\+?\])*)')


def parse_dotenv(text):
    """A file of assignments."""
    file, pairs = _file("dotenv", text), []
    at = _begin(text)
    while at < len(text):
        end = _LINE.match(text, at).end()
        line = text[at:end].strip(" \t")
        if line[:1] in ("#", ";"):
            start = text.index(line, at)
            file.comments.append(Comment(start, end, line[0], text[start + 1 : end]))
        elif line:
            found = _ASSIGNMENT.match(text, at)
            if not found or found.end() > end:
                raise malformed("a line that is no assignment")
            node, end = _value(file, text, min(found.end(), end), end)
            pairs.append((Key(found[1], 0, *found.span(1)), node))
        at = _BREAK.match(text, end).end()
    root = file.documents[0].root
    _fill(root, pairs)
    root.comments = file.comments
    return _detach(file)


def _value(file, text, start, line_end):
    for style, pattern in _QUOTED:
        found = pattern.match(text, start)
        behind = found and _BEHIND.match(text, found.end())
        if not behind:
            continue
        comment = behind[1]
        if comment and found[0][:-1].endswith("\\"):
            continue
        if comment:
            file.comments.append(Comment(behind.start(1), behind.end(1), "#", comment[1:]))
        return _text(text, start, found.end(), style), behind.end()
    raw = text[start:line_end].rstrip(" \t")
    if (len(raw) - len(raw.rstrip("\\"))) % 2:
        following = _BREAK.match(text, line_end).end()
        if _LINE.match(text, following)[0].strip(" \t"):
            raise malformed("a backslash at the end of a line")
    return _text(text, start, start + len(raw), "plain"), line_end


def parse_ini(text):
    """A file of sections."""
    file = _file("ini", text)
    root = file.documents[0].root
    place, pairs, sections = root, [], [(root, [])]
    top = []
    at, last = _begin(text), None
    while at < len(text):
        end = _LINE.match(text, at).end()
        line = text[at:end].strip(" \t")
        start = at + len(text[at:end]) - len(text[at:end].lstrip(" \t"))
        content_end = start + len(line)
        escaped, indent = bool(last and last["escaped"]), start - at
        if last:
            last["escaped"] = False
        at = _BREAK.match(text, end).end()
        if not line:
            continue
        if line[0] in ";#":
            place.comments.append(Comment(start, content_end, line[0], line[1:]))
            continue
        looks_new = line[0] == "[" or bool(re.search("[=:]", line))
        deeper = bool(last) and indent > last["indent"]
        if last and (deeper and (escaped or last["block"] or not looks_new) or escaped and not looks_new):
            last.update(end=content_end, block=True, escaped=_odd(line))
            continue
        if escaped:
            raise malformed("a backslash at the end of a line")
        last = None
        if line[0] == "[":
            found = re.match(r'\[((?:"(?:[^"\\]|\\.)*"|[^\]"])*)\][ \t]*([;#].*)?$', line)
            if not found:
                raise malformed("a header that is none")
            place, pairs = Node(MAP, start, start + found.end(1) + 1, type=EMPTY_MAP, by_header=True), []
            top.append((Key(found[1], 0, start, start), place))
            sections.append((place, pairs))
            if found[2]:
                place.comments.append(Comment(content_end - len(found[2]), content_end, found[2][0], found[2][1:]))
        elif looks_new:
            found = re.search("[=:]", line)
            key = line[: found.start()].rstrip(" \t")
            value = line[found.end() :].lstrip(" \t")
            if not key:
                raise malformed("a pair without a key")
            last = {"indent": indent, "start": content_end - len(value), "end": content_end, "block": not value,
                    "escaped": _odd(value)}
            (top if place is root else pairs).append((Key(key, 0, start, start + len(key)), last))
        elif re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]{0,62}", line):
            void = Node(VOID, content_end, content_end)
            (top if place is root else pairs).append((Key(line, 0, start, content_end), void))
        else:
            raise malformed("a line that is nothing")
    for node, inside in [*sections[1:], (root, top)]:
        _fill(node, [(key, _joined(text, value, node)) for key, value in inside])
    for node, _ in sections:
        node.comments = [comment for comment in node.comments if not any(
            other.kind == SCALAR and other.start <= comment.start < other.end for other in root.walk())]
        file.comments += node.comments
    file.comments.sort(key=lambda comment: comment.start)
    return _detach(file)


def _joined(text, value, _):
    if isinstance(value, Node):
        return value
    raw = text[value["start"] : value["end"]]
    found = re.fullmatch(r'"[^"\n]*"|\'[^\'\n]*\'', raw)
    style = {'"': "double", "'": "single"}[raw[0]] if found else "plain"
    return _text(text, value["start"], value["end"], style)


def parse_binary(text):
    """A file of bytes."""
    file = json_text.parse(text)
    file.format = "binary"
    root = file.documents[0].root
    if [key.text for key, _ in root.children] != ["data"] or root.children[0][1].type != STRING:
        raise malformed("not the text `data` alone")
    node = root.children[0][1]
    if not node.token:
        try:
            data = base64.b64decode(node.value, validate=True)
        except ValueError as error:
            raise malformed("no base64") from error
        if base64.b64encode(data) != node.value:
            raise malformed("base64 in another form")
        node.type, node.value = BYTES, data
    return file


def _file(name, text):
    if re.search("\r(?!\n)|\0", text):
        raise malformed("a carriage return alone, or a NUL")
    begin = _begin(text)
    return File(name, text, [Document(Node(MAP, begin, len(text), type=EMPTY_MAP, by_header=True))], [])


def _begin(text):
    return 1 if text.startswith("\ufeff") else 0


def _odd(text):
    return (len(text) - len(text.rstrip("\\"))) % 2 == 1


def _text(text, start, end, style):
    raw = text[start:end]
    inner = (raw if style == "plain" else raw[1:-1]).replace("\r\n", "\n")
    node = Node(SCALAR, start, end, type=STRING, value=inner.encode(), style=style, raw=raw)
    node.written = raw.replace("\r\n", "\n").encode()
    look_for_token(node, inner)
    return node


def _fill(node, pairs):
    """The children by name; those that share one become a list."""
    names = [key.text for key, _ in pairs]
    for key, child in pairs:
        if names.count(key.text) == 1:
            node.children.append((key, child))
            continue
        known = [found for other, found in node.children if other.text == key.text]
        if not known:
            known = [Node(LIST, child.start, child.end, type=EMPTY_LIST)]
            node.children.append((key, known[0]))
        known[0].children.append(child)


def _detach(file):
    """Takes the metadata's lines out of the comments."""
    own = [comment for comment in file.comments if (comment.marker + comment.text).startswith(_MARK)]
    if not own:
        return file
    first = own[0].start
    if file.comments[-len(own) :] != own or file.text[own[-1].end :].strip():
        raise malformed("metadata that is not the last of the file")
    if any(node.end > first for node in file.documents[0].root.walk() if node.kind in (SCALAR, VOID)):
        raise malformed("something behind the metadata")
    file.entry, file.entry_start = {}, first
    for comment in own:
        if file.text[max(0, comment.start - 1)] not in "\n\ufeff" and comment.start > 0:
            raise malformed("something before the metadata in its line")
        _put(file.entry, (comment.marker + comment.text)[len(_MARK) :])
    del file.comments[-len(own) :]
    for node in file.documents[0].root.walk():
        node.comments = [comment for comment in node.comments if comment.start < first]
    return file


def _put(fields, line):
    """One line of the metadata."""
    steps, at = [], 0
    while True:
        found = _STEP.match(line, at)
        if not found:
            raise malformed("a line of the metadata without a path")
        key = json.loads(found[1]) if found[1].startswith('"') else found[1]
        steps += [key, *re.findall(r"\[\+?\]", found[2])]
        at = found.end()
        if line[at : at + 1] != ".":
            break
        at += 1
    if line[at : at + 1] != "=":
        raise malformed("a line of the metadata without a value")
    here = fields
    for step, following in zip(steps, steps[1:]):
        fresh = [] if following in ("[+]", "[]") else {}
        if step == "[+]":
            here.append(fresh)
            here = fresh
        elif step == "[]":
            here = here[-1]
        else:
            here = here.setdefault(step, fresh)
    value = _scalar(line[at + 1 :])
    if steps[-1] == "[+]":
        here.append(value)
    elif steps[-1] == "[]" or steps[-1] in here:
        raise malformed("a field that stands twice")
    else:
        here[steps[-1]] = value


def _scalar(text):
    if text.startswith('"'):
        return json.loads(text)
    if re.fullmatch("0|[1-9][0-9]*", text):
        return int(text)
    return True if text == "true" else text
