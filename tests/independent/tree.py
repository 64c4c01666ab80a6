"""A file as all formats see it: documents, nodes, comments. Positions are indexes into the text."""

from dataclasses import dataclass, field

from primitives import from_b64u, malformed

MAP, LIST, SCALAR, ALIAS, VOID = "map", "list", "scalar", "alias", "void"


@dataclass
class Token:
    """A parsed token. A tail of n = 0 is one that is still to be written."""

    public: bytes
    ids: list
    sealed: bytes
    n: int
    tag: bytes
    seal: bytes


@dataclass
class Key:
    """A map's key; kind 1 for a plain YAML key that is no string."""

    text: str
    kind: int
    start: int
    end: int


@dataclass
class Node:
    """One node. `start` and `end` are those of its own text, behind anchor and tag."""

    kind: str
    start: int
    end: int
    #: Anchors (0x0E) and tags (0x0F) in source order.
    properties: list = field(default_factory=list)
    #: Of a map: (Key, Node); of a list: Node.
    children: list = field(default_factory=list)
    #: Of a scalar.
    type: int = 0
    value: bytes = b""
    #: plain, single, double, literal, folded, or the same of several lines.
    style: str = ""
    #: The raw text that is replaced by a token; of a block scalar its header.
    raw: str = ""
    #: The lines of a block scalar.
    body: tuple = (0, 0)
    #: The name of an alias.
    name: str = ""
    token: Token = None
    #: A TOML table that only its header writes.
    by_header: bool = False
    comments: list = field(default_factory=list)
    #: Of a scalar of dotenv or INI: what its section says of it in clear.
    written: bytes = None

    def nodes(self):
        """The children without keys."""
        return [child for _, child in self.children] if self.kind == MAP else self.children

    def walk(self):
        """This node and all below, parents first."""
        yield self
        for child in self.nodes():
            yield from child.walk()


@dataclass
class Comment:
    """A comment: its marker, and everything behind it."""

    start: int
    end: int
    marker: str
    text: str
    token: Token = None


@dataclass
class Document:
    """A YAML document, or all of another file. Comments are those of no container."""

    root: Node
    directives: list = field(default_factory=list)
    comments: list = field(default_factory=list)


@dataclass
class File:
    """A parsed file. `entry` is the metadata's node, `entry_start` where its text begins."""

    format: str
    text: str
    documents: list
    comments: list
    entry: Node = None
    entry_start: int = 0
    #: Where its key stands: behind the `---` of a document of its own.
    entry_key: int = 0
    #: The metadata stands in a document of its own.
    own_document: bool = False
    #: Of YAML's block collections: (open, close, column).
    blocks: list = field(default_factory=list)
    #: Whether the metadata can be the last key of the last document.
    is_open: bool = False


def token_of(text):
    """Parses a token's text."""
    parts = text.split(".")
    if parts[:2] != ["sealed", "v1"]:
        raise malformed("a token of an unknown version")
    if len(parts) != 4:
        raise malformed("a token of too few or too many parts")
    public, tail = from_b64u(parts[2], "token"), from_b64u(parts[3], "token")
    if len(tail) != 36:
        raise malformed("a token's tail is not 36 bytes long")
    count = public[0] if public else 0
    ids = [public[1 + 8 * at : 9 + 8 * at] for at in range(count)]
    sealed = public[1 + 8 * count :]
    if len(sealed) < 24 + 16:
        raise malformed("a token is too short")
    return Token(public, ids, sealed, int.from_bytes(tail[:4], "big"), tail[4:20], tail[20:])


def look_for_token(node, text):
    """Makes a scalar a token if its text begins like one."""
    if not text.startswith("sealed.v"):
        return
    if node.style not in ("plain", "single", "double", "backtick"):
        raise malformed("a token in a block or multi-line text")
    inner = node.raw if node.style == "plain" else node.raw[1:-1]
    if inner != text:
        raise malformed("a token with escapes")
    node.token = token_of(text)


def look_for_comment_token(comment):
    """Makes a comment a record if it is a space and a token."""
    if comment.text.startswith(" sealed.v"):
        comment.token = token_of(comment.text[1:])


def innermost(containers, position):
    """The innermost (open, close, node) that is open at a position, or None. Containers are nested or apart."""
    best = None
    for opened, closed, node in containers:
        if opened <= position < closed and (best is None or opened >= best[0]):
            best = (opened, closed, node)
    return best and best[2]
