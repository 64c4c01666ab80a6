"""YAML as a tree, through PyYAML's tokens and events. Comments and spellings are read from the text itself."""

import bisect
import re

import yaml

from payload import EMPTY_LIST, EMPTY_MAP, STRING
from primitives import malformed
from scalars import plain_type, plain_value
from tree import ALIAS, LIST, MAP, SCALAR, VOID, Comment, Document, File, Key, Node, innermost, look_for_token

ENTRY = "sealeaf"
_WITHOUT_TEXT = (yaml.StreamStartToken, yaml.BlockMappingStartToken, yaml.BlockSequenceStartToken, yaml.KeyToken)
BREAKS = "\r\n\x85\u2028\u2029"


def parse(text):
    """Parses a plain or sealed file."""
    if re.search("^\ufeff", text[1:], re.MULTILINE):
        raise malformed("a byte order mark inside")
    try:
        loader = _Loader(text)
        events = []
        while loader.check_event():
            events.append(loader.get_event())
    except yaml.YAMLError as error:
        raise malformed(f"no YAML: {error}") from error
    tokens = loader.seen
    reader = _Reader(text, tokens, events)
    documents = reader.documents()
    file = File("yaml", text, documents, [])
    _take_entry(file, reader)
    file.blocks = [(opened, closed, _column(text, opened)) for opened, closed, node in reader.containers
                   if node.style != "flow"]
    last = documents[-1].root if documents else None
    file.is_open = id(last) in reader.block_maps and not isinstance(tokens[-2], yaml.DocumentEndToken)
    file.comments = [_comment(text, at) for at in _comment_starts(text, tokens)]
    _place_comments(file, reader)
    return file


class _Loader(yaml.SafeLoader):
    """Keeps the tokens that its events are made of."""

    def __init__(self, text):
        super().__init__(text)
        self.seen = []

    def get_token(self):
        token = super().get_token()
        self.seen.append(token)
        return token


class _Reader:
    def __init__(self, text, tokens, events):
        self.text = text
        self.tokens = tokens
        self.events = events
        self.at = 0
        self.by_start = {}
        for index, token in enumerate(tokens):
            if not isinstance(token, _WITHOUT_TEXT):
                self.by_start.setdefault(token.start_mark.index, index)
        self.dashes = [t.start_mark.index for t in tokens if isinstance(t, yaml.BlockEntryToken)]
        #: For each document where it begins, and whether an explicit end came right before.
        self.starts = []
        #: What a container's text is: (open, close, node).
        self.containers = []
        #: Maps in block style.
        self.block_maps = set()

    def documents(self):
        found = []
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                self.at = self.events.index(event) + 1
                break
        else:
            return found
        index = 0
        while index < len(self.events):
            event = self.events[index]
            if isinstance(event, yaml.DocumentStartEvent):
                self.at = index + 1
                root = self.node()
                found.append(Document(root))
                index = self.at
                if root.kind == VOID and not root.properties:
                    # It stands behind its `---`, not where PyYAML found that there is nothing.
                    root.start = root.end = event.end_mark.index
            else:
                index += 1
        self._directives(found)
        return found

    def _directives(self, documents):
        """Gives each document its directives, and finds where the documents begin."""
        number, pending, start = -1, [], 0
        after_end = True
        first = True
        for token in self.tokens:
            if isinstance(token, yaml.DirectiveToken):
                begin = token.start_mark.index
                pending.append((begin, _directive(self.text, begin)))
            elif isinstance(token, yaml.DocumentStartToken):
                number += 1
                begin = start if after_end else token.start_mark.index
                self.starts.append(begin)
                documents[number].directives = pending
                pending, after_end, first = [], False, False
            elif isinstance(token, yaml.DocumentEndToken):
                after_end, start = True, token.end_mark.index
            elif after_end and not isinstance(token, (yaml.StreamStartToken, yaml.StreamEndToken)):
                # A document without `---`.
                number += 1
                self.starts.append(start)
                after_end, first = False, False
        if first and documents:
            self.starts.append(0)

    def _properties(self, event):
        """Anchors and tags as written, and the index of the token behind them."""
        found = []
        index = self.by_start.get(event.start_mark.index)
        while index is not None and index < len(self.tokens):
            token = self.tokens[index]
            raw = self.text[token.start_mark.index : token.end_mark.index]
            if isinstance(token, yaml.AnchorToken):
                found.append((0x0E, raw[1:]))
            elif isinstance(token, yaml.TagToken):
                found.append((0x0F, raw))
            else:
                break
            index += 1
        return found, index

    def node(self):
        event = self.events[self.at]
        self.at += 1
        start, end = event.start_mark.index, event.end_mark.index
        if isinstance(event, yaml.AliasEvent):
            return Node(ALIAS, start, end, name=event.anchor)
        has = event.anchor is not None or event.tag is not None
        properties, index = self._properties(event) if has else ([], self.by_start.get(start))
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, properties, index)
        if isinstance(event, yaml.MappingStartEvent):
            return self._map(event, properties)
        return self._list(event, properties)

    def _scalar(self, event, properties, index):
        token = self.tokens[index] if index is not None and index < len(self.tokens) else None
        if not isinstance(token, yaml.ScalarToken) or token.end_mark.index != event.end_mark.index:
            at = event.end_mark.index
            return Node(VOID, at, at, properties)
        start, end = token.start_mark.index, token.end_mark.index
        node = Node(SCALAR, start, end, properties, raw=self.text[start:end])
        node.style = {None: "plain", "": "plain", "'": "single", '"': "double", "|": "literal", ">": "folded"}[
            token.style
        ]
        if node.style in ("literal", "folded"):
            node.raw = re.match(r"[|>][-+0-9]*", node.raw).group()
            node.end = start + len(node.raw)
            line_end = re.compile(f"[^{BREAKS}]*").match(self.text, node.end).end()
            begin = line_end + (2 if self.text[line_end : line_end + 2] == "\r\n" else 1)
            keeps, strips = "+" in node.raw, "-" in node.raw
            begin = min(begin, end)
            body_end = end if keeps else begin + _content_length(self.text[begin:end])
            if self.text[begin:body_end] and self.text[body_end - 1] not in "\r\n":
                # The last line of a file without a break at its end: the body has the one before.
                begin = line_end
            node.body = (begin, body_end)
            node.type, node.value = STRING, event.value.encode()
            if event.value and not strips and not event.value.endswith("\n"):
                # The file ends without a line break; the value does not.
                node.value += b"\n"
            style = node.style
        else:
            style = node.style if not any(c in node.raw for c in BREAKS) else node.style + "-lines"
            plain = node.style == "plain"
            node.type, node.value = plain_value(event.value) if plain else (STRING, event.value.encode())
        node.style = style
        look_for_token(node, event.value)
        return node

    def _map(self, event, properties):
        start = event.start_mark.index
        node = Node(MAP, start, 0, properties, type=EMPTY_MAP)
        keys = set()
        while not isinstance(self.events[self.at], yaml.MappingEndEvent):
            key = self._key(keys)
            node.children.append((key, self.node()))
        end = self.events[self.at].end_mark.index
        self.at += 1
        if event.flow_style:
            self._flow(node, start, end, "{")
        else:
            node.start = node.children[0][0].start
            node.end = node.children[-1][1].end
            self.containers.append((node.start, node.end, node))
            self.block_maps.add(id(node))
        return node

    def _key(self, keys):
        event = self.events[self.at]
        if not isinstance(event, yaml.ScalarEvent) or event.anchor is not None or event.tag is not None:
            raise malformed("a key that is complex or carries an alias, anchor or tag")
        self.at += 1
        if event.value in keys:
            raise malformed("a duplicate key")
        keys.add(event.value)
        plain = event.style in (None, "")
        kind = 1 if plain and plain_type(event.value) != STRING else 0
        return Key(event.value, kind, event.start_mark.index, event.end_mark.index)

    def _flow(self, node, start, end, bracket):
        """A flow collection: `start` may be that of its properties."""
        token = self.by_start.get(start)
        while token is not None and isinstance(self.tokens[token], (yaml.AnchorToken, yaml.TagToken)):
            token += 1
        if token is not None:
            start = self.tokens[token].start_mark.index
        node.start, node.end = start, end
        # `[a: b]` holds a map without brackets.
        if self.text[start : start + 1] == bracket:
            node.style = "flow"
            self.containers.append((start, end, node))
        else:
            node.start, node.end = node.children[0][0].start, node.children[-1][1].end
            self.containers.append((node.start, node.end, node))

    def _list(self, event, properties):
        start = event.start_mark.index
        node = Node(LIST, start, 0, properties, type=EMPTY_LIST)
        begins = []
        while not isinstance(self.events[self.at], yaml.SequenceEndEvent):
            begins.append(self.events[self.at].start_mark.index)
            node.children.append(self.node())
        end = self.events[self.at].end_mark.index
        self.at += 1
        if event.flow_style:
            self._flow(node, start, end, "[")
        else:
            node.start = self.dashes[bisect.bisect_left(self.dashes, begins[0]) - 1]
            node.end = node.children[-1].end
            self.containers.append((node.start, node.end, node))
        return node


def _content_length(body):
    """How much of a block scalar's lines goes up to the last one with content."""
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n|$)", body)
    indent = next((len(line) - len(line.lstrip(" ")) for line in lines if line.strip(" \r\n")), len(body))
    while lines and not _has_content(lines[-1], indent):
        lines.pop()
    return sum(len(line) for line in lines)


def _has_content(line, indent):
    """Whether a line of a block scalar is more than blank."""
    line = line.rstrip("\r\n")
    return line.strip(" ") or len(line) > indent


def _take_entry(file, reader):
    """Separates the metadata, if there is any; elsewhere an entry of its name is refused."""
    last = file.documents[-1] if file.documents else None
    for document in file.documents:
        if document.root.kind == MAP:
            for key, _ in document.root.children:
                if key.text == ENTRY and (document is not last or key is not last.root.children[-1][0]):
                    raise malformed("an entry `sealeaf` that is not the last of the file")
    if last is None or last.root.kind != MAP or not last.root.children:
        return
    key, node = last.root.children[-1]
    if key.text != ENTRY:
        return
    if id(last.root) not in reader.block_maps:
        raise malformed("the metadata stands in a flow map")
    file.entry, file.entry_start, file.entry_key = node, key.start, key.start
    if file.text[node.end :].strip(" \t\r\n"):
        raise malformed("something stands behind the metadata")
    last.root.children.pop()
    if not last.root.children:
        file.documents.pop()
        file.own_document = True
        file.entry_start = file.text.rfind("---", 0, key.start)
        if last.directives:
            raise malformed("directives of the metadata's document")
    else:
        last.root.end = last.root.children[-1][1].end
        reader.containers = [
            (opened, last.root.end if owner is last.root else closed, owner)
            for opened, closed, owner in reader.containers
        ]


def _column(text, at):
    """Characters before a position in its line."""
    start = 1 + max(text.rfind("\n", 0, at), text.rfind("\r", 0, at))
    return at - start - text.startswith("\ufeff", start)


def _directive(text, start):
    """A directive's line, without a comment behind it."""
    line = re.compile(f"[^{BREAKS}]*").match(text, start).group()
    return re.sub(r"[ \t]+#.*", "", line).rstrip(" \t")


def _comment_starts(text, tokens):
    """Where comments begin: a `#` outside tokens, at the beginning of a line or behind white space."""
    at, found = 0, []
    for token in tokens:
        start, end = token.start_mark.index, token.end_mark.index
        if isinstance(token, yaml.ScalarToken) and token.style in ("|", ">"):
            found += _in_gap(text, at, start)
            header = re.compile(f"[|>][-+0-9]*([^{BREAKS}]*)").match(text, start)
            found += _in_gap(text, header.start(1), header.end(1))
            at = max(at, end)
        elif isinstance(token, yaml.DirectiveToken):
            found += _in_gap(text, at, start)
            at = max(at, start + len(_directive(text, start)))
        elif end > start:
            found += _in_gap(text, at, start)
            at = max(at, end)
    return found + _in_gap(text, at, len(text))


def _in_gap(text, start, end):
    found, at = [], start
    while (at := text.find("#", at, end)) >= 0:
        if at == 0 or text[at - 1] in " \t\ufeff" + BREAKS:
            found.append(at)
            at = re.compile(f"[^{BREAKS}]*").match(text, at).end()
        else:
            at += 1
    return found


def _comment(text, start):
    # Only a true line break ends a comment, for YAML 1.2.
    end = re.compile(r"[^\r\n]*").match(text, start).end()
    return Comment(start, end, "#", text[start + 1 : end])


def _place_comments(file, reader):
    starts = reader.starts[: len(file.documents)]
    for comment in file.comments:
        if file.entry is not None and comment.start >= file.entry_start:
            raise malformed("a comment in the metadata")
        owner = innermost(reader.containers, comment.start)
        if owner is None and file.documents:
            owner = file.documents[max(bisect.bisect_right(starts, comment.start) - 1, 0)]
        if owner is not None:
            owner.comments.append(comment)
