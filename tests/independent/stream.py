"""Sections 5 to 7: the event stream, paths and ids, segments, sections."""

from dataclasses import dataclass, field

from primitives import be32, malformed, sized
from tree import ALIAS, LIST, MAP, SCALAR, VOID


@dataclass
class Record:
    """A token or an encrypted comment, with where it stands."""

    token: object
    #: Path components: bytes, or the object whose id it is (a list element's node, the comment).
    steps: list
    document: int
    owner: object
    is_comment: bool
    path: bytes = b""
    #: What people call the place.
    shown: str = ""


@dataclass
class Section:
    """The clear leaves of one top-level key of one document."""

    document: int
    name: bytes
    text: str
    leaves: list = field(default_factory=list)
    next: bytes = b""


@dataclass
class Stream:
    """What is authenticated of a file's structure."""

    segments: list
    records: list
    sections: list
    lead: bytes
    #: (document, steps, node) of every clear leaf and every alias, with the steps of section 14.
    clear: list
    aliases: list


def component(key):
    """A map key in a path."""
    return b"\x01" + bytes([key.kind]) + sized(key.text.encode())


def stream(file, free):
    """Walks a file."""
    walker = _Walker(file.format)
    for index, document in enumerate(file.documents):
        walker.document(index, document)
    if not file.documents:
        # The text does not say where comments stand in a file without documents.
        for comment in file.comments:
            if comment.token:
                walker.comment(comment, _Place([], [], [], ""))
    walker.out(b"\x0a")
    sections = [] if free else walker.sections
    lead = _chain(sections)
    return Stream(walker.segments, walker.records, sections, lead, walker.clear, walker.aliases)


def _chain(sections):
    """Sets `next` of all sections; gives what stands before the first."""
    following = b"\x0a"
    document = None
    for section in reversed(sections):
        if document is not None:
            following = b"\x09" * (document - section.document) + following
        section.next, following, document = following, section.name, section.document
    return b"\x09" * document + following if document is not None else following


class _Walker:
    def __init__(self, file_format):
        self.format = file_format
        self.segments = [b""]
        self.records = []
        self.sections = []
        self.clear = []
        self.aliases = []
        self.loudness = {}
        self.index = 0

    def out(self, data):
        self.segments[-1] += data

    def record(self, code, record):
        self.out(code + bytes([len(record.token.ids)]) + b"".join(record.token.ids))
        self.records.append(record)
        self.segments.append(b"")

    def loud(self, node):
        """Whether a node is or holds something that is always written."""
        known = self.loudness.get(id(node))
        if known is None:
            own = node.token or node.kind in (ALIAS, VOID) or node.properties
            comment = any(comment.token for comment in node.comments)
            known = bool(own) or comment or any([self.loud(child) for child in node.nodes()])
            self.loudness[id(node)] = known
        return known

    def document(self, index, document):
        self.index = index
        if index > 0:
            self.out(b"\x09")
        place = _Place([], [], [], "")
        root = document.root
        events = [(at, 1, line) for at, line in document.directives]
        events += [(comment.start, 0, comment) for comment in document.comments if comment.token]
        events.append((root.start, 2, root))
        for _, what, item in sorted(events, key=lambda event: event[0]):
            if what == 1:
                self.out(b"\x10" + sized(item.encode()))
            elif what == 0:
                self.comment(item, place)
            else:
                self.node(root, place, True)

    def comment(self, comment, place):
        self.record(b"\x0d", Record(comment.token, [*place.steps, comment], self.index, comment, True,
                                    shown=f"{place.shown}#"))

    def node(self, node, place, is_root):
        for code, text in node.properties:
            self.out(bytes([code]) + sized(text.encode()))
        if node.kind == VOID:
            self.out(b"\x0b")
        elif node.kind == ALIAS:
            self.aliases.append((self.index, place, node))
            self.out(b"\x08" + sized(node.name.encode()))
        elif node.token:
            self.record(b"\x07", Record(node.token, place.steps, self.index, node, False, shown=place.shown))
        elif node.kind == SCALAR:
            self.leaf(node, place, node.type, node.value if node.written is None else node.written)
        else:
            if not node.children and not is_root:
                self.leaf(node, place, node.type, b"")
            elif not node.children and node.style == "flow" and self.format == "yaml":
                # It stands in no section, but could carry a token.
                self.clear.append((self.index, place, node))
            written = is_root or self.loud(node)
            pair = (b"\x03", b"\x04") if node.kind == MAP else (b"\x05", b"\x06")
            if written:
                self.out(pair[0])
            self.children(node, place, is_root, written)
            if written:
                self.out(pair[1])

    def children(self, node, place, is_root, written):
        """The children and comments of a container, by where they begin."""
        comments = [comment for comment in node.comments if comment.token]
        for index, child in enumerate(node.children):
            key, child = child if node.kind == MAP else (None, child)
            begin = child.start if key is None else key.start
            while comments and comments[0].start < begin:
                self.comment(comments.pop(0), place)
            if key is None:
                if written and self.loud(node):
                    self.out(b"\x02")
                self.node(child, place.element(child, index), False)
            else:
                if self.loud(child):
                    self.out(component(key))
                self.node(child, place.entry(key), False)
        for comment in comments:
            self.comment(comment, place)

    def leaf(self, node, place, leaf_type, value):
        self.clear.append((self.index, place, node))
        # The root is a map exactly if the first step is a key.
        in_map = bool(place.clear) and place.clear[0][:1] == b"\x01"
        name = place.clear[0] if in_map else b""
        last = self.sections[-1] if self.sections else None
        if last is None or (last.document, last.name) != (self.index, name):
            text = place.match[0] if in_map else ""
            last = Section(self.index, name, text)
            self.sections.append(last)
        last.leaves += [b"".join(place.clear), bytes([leaf_type]) + sized(value)]


@dataclass
class _Place:
    """The way to a node: as a path with ids, as a path of cleartext, as the steps of patterns."""

    steps: list
    clear: list
    match: list
    shown: str

    def entry(self, key):
        part = component(key)
        return _Place([*self.steps, part], [*self.clear, part], [*self.match, key.text],
                      f"{self.shown}.{key.text}" if self.shown else key.text)

    def element(self, node, index):
        return _Place([*self.steps, node], [*self.clear, b"\x04" + be32(index)], [*self.match, index],
                      f"{self.shown}[{index}]")


def bind_ids(records, documents, strict=True):
    """Checks all ids if it is to be strict, and sets every record's path."""
    ids, of_document = {}, {}
    for record in records:
        slots = [step for step in record.steps if not isinstance(step, bytes)]
        given = list(record.token.ids)
        own = None
        if len(given) == len(slots) + 1:
            own = given.pop(0)
        elif len(given) != len(slots):
            raise malformed("a token with too few or too many ids")
        if of_document.setdefault(record.document, own) != own:
            raise malformed("two document ids in one document")
        for slot, value in zip(slots, given):
            if ids.setdefault(id(slot), value) != value:
                raise malformed("two ids of one list element")
        parts = [b"\x03" + own] if own else []
        for step in record.steps:
            code = b"\x05" if step is record.owner and record.is_comment else b"\x02"
            parts.append(step if isinstance(step, bytes) else code + ids[id(step)])
        record.path = b"".join(parts)
    if not strict:
        return
    values = list(of_document.values())
    if len(set(values)) != len(values):
        raise malformed("two documents share an id, or have none")
    for document in documents:
        _differ([document], ids)
        for node in document.root.walk():
            _differ([node], ids)


def _differ(owners, ids):
    """Elements of one list differ, and comments of one container."""
    for owner in owners:
        comments = [ids[id(comment)] for comment in owner.comments if id(comment) in ids]
        children = [] if getattr(owner, "kind", None) != LIST else owner.children
        elements = [ids[id(child)] for child in children if id(child) in ids]
        for found in (comments, elements):
            if len(set(found)) != len(found):
                raise malformed("two ids of one container are the same")
