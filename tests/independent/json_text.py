"""JSON as a tree, with byte spans and comments; every string and number goes through Python's json as well."""

import json
import re

from payload import BOOLEAN, EMPTY_LIST, EMPTY_MAP, FLOAT, INTEGER, NULL, STRING
from primitives import malformed
from tree import LIST, MAP, SCALAR, Comment, Document, File, Key, Node, innermost, look_for_token

ENTRY = "sealeaf"
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_SPACE = re.compile(r"[ \t\r\n]*")
_WORDS = {"true": (BOOLEAN, b"\x01"), "false": (BOOLEAN, b"\x00"), "null": (NULL, b"")}


def parse(text):
    """Parses a plain or sealed file."""
    reader = _Reader(text)
    root = reader.file()
    if root.kind != MAP:
        raise malformed("a root that is no object")
    file = File("json", text, [Document(root)], reader.comments)
    entries = [at for at, (key, _) in enumerate(root.children) if key.text == ENTRY]
    if entries:
        if entries != [len(root.children) - 1]:
            raise malformed("an entry `sealeaf` that is not the last of the file")
        key, file.entry = root.children.pop()
        file.entry_start = file.entry_key = key.start
        if any(key.start < comment.start < file.entry.end for comment in reader.comments):
            raise malformed("a comment in the metadata")
    for comment in reader.comments:
        owner = innermost(reader.containers, comment.start) or file.documents[0]
        owner.comments.append(comment)
    return file


class _Reader:
    def __init__(self, text):
        self.text = text
        self.at = 1 if text.startswith("\ufeff") else 0
        self.comments = []
        self.containers = []

    def file(self):
        node = self.value()
        self.skip()
        if self.at != len(self.text):
            raise malformed("something behind the root")
        return node

    def skip(self):
        """Over white space and comments."""
        while True:
            self.at = _SPACE.match(self.text, self.at).end()
            start, marker = self.at, self.text[self.at : self.at + 2]
            if marker == "//":
                self.at = re.compile(r"[^\r\n]*").match(self.text, start).end()
                self.comments.append(Comment(start, self.at, "//", self.text[start + 2 : self.at]))
            elif marker == "/*":
                close = self.text.find("*/", start + 2)
                if close < 0:
                    raise malformed("a comment without an end")
                self.at = close + 2
                self.comments.append(Comment(start, self.at, "/*", self.text[start + 2 : close]))
            else:
                return

    def take(self, wanted):
        self.skip()
        if not self.text.startswith(wanted, self.at):
            return False
        self.at += len(wanted)
        return True

    def need(self, wanted):
        if not self.take(wanted):
            raise malformed(f"no `{wanted}` where there has to be one")

    def string(self):
        self.skip()
        found = _STRING.match(self.text, self.at)
        if not found:
            raise malformed("no string where there has to be one")
        try:
            value = json.loads(found[0])
            value.encode()
        except ValueError as error:
            raise malformed("a string that is none") from error
        self.at = found.end()
        return value, found.start(), found.end()

    def value(self):
        self.skip()
        start = self.at
        if self.take("{"):
            return self.collection(Node(MAP, start, 0, type=EMPTY_MAP), "}", self.entry)
        if self.take("["):
            return self.collection(Node(LIST, start, 0, type=EMPTY_LIST), "]", lambda node: self.value())
        if self.text.startswith('"', start):
            value, _, end = self.string()
            node = Node(SCALAR, start, end, type=STRING, value=value.encode(), style="double", raw=self.text[start:end])
            look_for_token(node, value)
            return node
        for word, (leaf_type, value) in _WORDS.items():
            if self.take(word):
                return Node(SCALAR, start, self.at, type=leaf_type, value=value, raw=word)
        number = _NUMBER.match(self.text, start)
        if not number:
            raise malformed("no value where there has to be one")
        self.at = number.end()
        leaf_type = FLOAT if number[1] or number[2] else INTEGER
        return Node(SCALAR, start, self.at, type=leaf_type, value=number[0].encode(), raw=number[0])

    def entry(self, node):
        text, start, end = self.string()
        if any(key.text == text for key, _ in node.children):
            raise malformed("a duplicate key")
        self.need(":")
        return Key(text, 0, start, end), self.value()

    def collection(self, node, close, item):
        node.style = "flow"
        if not self.take(close):
            while True:
                node.children.append(item(node))
                if self.take(close):
                    break
                self.need(",")
                # One comma may stand behind the last.
                if self.take(close):
                    break
        node.end = self.at
        self.containers.append((node.start, node.end, node))
        return node
