"""TOML as a tree, with byte spans and comments. tomllib must accept the text too, and reads every value."""

import re
import tomllib

from payload import BOOLEAN, EMPTY_LIST, EMPTY_MAP, FLOAT, INTEGER, STRING, TIME
from primitives import malformed
from tree import LIST, MAP, SCALAR, Comment, Document, File, Key, Node, innermost, look_for_token

ENTRY = "sealeaf"
_SPACE = re.compile(r"[ \t]*")
_BLANK = re.compile(r"[ \t\r\n]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRINGS = [
    ("lines-double", re.compile(r'"""(?:[^\\]|\\.)*?"""(?:"(?!""))?(?:"(?!""))?', re.DOTALL)),
    ("lines-single", re.compile(r"'''.*?'''(?:'(?!''))?(?:'(?!''))?", re.DOTALL)),
    ("double", re.compile(r'"(?:[^"\\\n]|\\.)*"')),
    ("single", re.compile(r"'[^'\n]*'")),
]
_OTHER = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.Zz+-]+|[^\s,\]}#]+")


def parse(text):
    """Parses a plain or sealed file."""
    try:
        tomllib.loads(text.removeprefix("\ufeff"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise malformed(f"no TOML: {error}") from error
    reader = _Reader(text)
    reader.file()
    root = reader.root
    file = File("toml", text, [Document(root)], reader.comments)
    entries = [at for at, (key, _) in enumerate(root.children) if key.text == ENTRY]
    if entries:
        key, node = root.children[entries[0]]
        if entries != [len(root.children) - 1] or reader.entry_start is None:
            raise malformed("an entry `sealeaf` that is not the last table of the file")
        root.children.pop()
        file.entry, file.entry_start, file.entry_key = node, reader.entry_start, reader.entry_start
        node.end = len(text.rstrip(" \t\r\n"))
        if any(comment.end > file.entry_start for comment in reader.comments):
            raise malformed("a comment in or behind the metadata")
    for comment, table in zip(reader.comments, reader.tables):
        (innermost(reader.containers, comment.start) or table).comments.append(comment)
    return file


class _Reader:
    def __init__(self, text):
        self.text = text
        self.at = 1 if text.startswith("\ufeff") else 0
        self.root = Node(MAP, 0, len(text), type=EMPTY_MAP)
        self.table = self.root
        self.comments = []
        #: The table of each comment.
        self.tables = []
        self.containers = []
        self.entry_start = None

    def file(self):
        while True:
            self.blank()
            if self.at == len(self.text):
                return
            start = self.at
            if self.take("[["):
                path = self.key()
                self.take("]]")
                self.header(path, start, True)
            elif self.take("["):
                path = self.key()
                self.take("]")
                self.header(path, start, False)
            else:
                self.assignment(self.table)

    def header(self, path, start, in_list):
        if path[0].text == ENTRY:
            if self.entry_start is None and (len(path) > 1 or in_list):
                raise malformed("the metadata does not begin with its table")
            self.entry_start = start if self.entry_start is None else self.entry_start
        elif self.entry_start is not None:
            raise malformed("something stands behind the metadata")
        table = self.root
        for key in path[:-1]:
            table = self.inside(table, key)
        if in_list:
            found = _child(table, path[-1].text)
            if found is None:
                found = Node(LIST, start, start, type=EMPTY_LIST)
                table.children.append((path[-1], found))
            self.table = Node(MAP, start, start, type=EMPTY_MAP, by_header=True)
            found.children.append(self.table)
        else:
            self.table = self.inside(table, path[-1])
            self.table.by_header = True

    def inside(self, table, key):
        """The table of a name in a table; of a list of tables its last one."""
        found = _child(table, key.text)
        if found is None:
            found = Node(MAP, key.start, key.start, type=EMPTY_MAP)
            table.children.append((key, found))
        return found.children[-1] if found.kind == LIST else found

    def assignment(self, table):
        *path, last = self.key()
        if table is self.root and (path or [last])[0].text == ENTRY:
            raise malformed("the metadata is no table of its own")
        for key in path:
            table = self.inside(table, key)
        self.space()
        self.take("=")
        self.space()
        table.children.append((last, self.value()))

    def key(self):
        """A dotted key."""
        path = []
        while True:
            self.space()
            start = self.at
            found = _BARE.match(self.text, start)
            if found:
                text = found[0]
            else:
                _, found = self.string()
                text = tomllib.loads(f"x = {found[0]}")["x"]
            self.at = found.end()
            path.append(Key(text, 0, start, self.at))
            self.space()
            if not self.take("."):
                return path

    def string(self):
        for style, pattern in _STRINGS:
            if found := pattern.match(self.text, self.at):
                return style, found
        return None, None

    def value(self):
        start = self.at
        if self.take("["):
            return self.collection(Node(LIST, start, 0, type=EMPTY_LIST, style="flow"), "]")
        if self.take("{"):
            return self.collection(Node(MAP, start, 0, type=EMPTY_MAP, style="flow"), "}")
        style, found = self.string()
        found = found or _OTHER.match(self.text, start)
        self.at = found.end()
        raw = found[0]
        node = Node(SCALAR, start, self.at, style=style or "", raw=raw)
        value = tomllib.loads(f"x = {raw}")["x"]
        if isinstance(value, str):
            node.type, node.value = STRING, value.encode()
            look_for_token(node, value)
        elif isinstance(value, bool):
            node.type, node.value = BOOLEAN, bytes([value])
        else:
            node.type = INTEGER if isinstance(value, int) else FLOAT if isinstance(value, float) else TIME
            node.value = raw.encode()
        return node

    def collection(self, node, close):
        self.blank()
        while not self.take(close):
            if node.kind == MAP:
                self.assignment(node)
            else:
                node.children.append(self.value())
            self.blank()
            self.take(",")
            self.blank()
        node.end = self.at
        self.containers.append((node.start, node.end, node))
        return node

    def blank(self):
        """Over white space, line breaks and comments."""
        while True:
            self.at = _BLANK.match(self.text, self.at).end()
            start = self.at
            if not self.take("#"):
                return
            self.at = re.compile(r"[^\r\n]*").match(self.text, start).end()
            self.comments.append(Comment(start, self.at, "#", self.text[start + 1 : self.at]))
            self.tables.append(self.table)

    def space(self):
        self.at = _SPACE.match(self.text, self.at).end()

    def take(self, wanted):
        found = self.text.startswith(wanted, self.at)
        self.at += len(wanted) if found else 0
        return found


def _child(table, name):
    return next((node for key, node in table.children if key.text == name), None)
