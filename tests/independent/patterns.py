"""Section 14: key-path patterns."""

import re

from primitives import malformed

_NAME = re.compile(r'[^.\[\]"\\]+')
_QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')
_INDEX = re.compile(r"\[(\*|0|[1-9][0-9]*)\]")


def parse(pattern):
    """A pattern as a list of ("**",), ("key", regex) and ("index", number or None)."""
    if any(ord(character) < 32 or 127 <= ord(character) < 160 for character in pattern) or pattern.startswith("#"):
        raise malformed("a pattern with control characters, or a `#` at its beginning")
    segments = []
    at = _segment(pattern, 0, segments)
    while at < len(pattern):
        behind_dot = pattern[at] == "."
        if pattern.startswith(".[", at) or not behind_dot and pattern[at] != "[":
            raise malformed("a pattern that does not parse")
        at = _segment(pattern, at + behind_dot, segments)
    count = sum(1 for at, one in enumerate(segments) if one != ("**",) or at == 0 or segments[at - 1] != ("**",))
    if count > 63:
        raise malformed("a pattern of more than 63 segments")
    return segments


def _segment(pattern, at, segments):
    if index := _INDEX.match(pattern, at):
        number = None if index[1] == "*" else int(index[1])
        if number is not None and number >= 1 << 32:
            raise malformed("an index of 2^32 or more")
        segments.append(("index", number))
        return index.end()
    if quoted := _QUOTED.match(pattern, at):
        segments.append(("key", re.compile(re.escape(re.sub(r"\\(.)", r"\1", quoted[1])), re.DOTALL)))
        return quoted.end()
    name = _NAME.match(pattern, at)
    if not name:
        raise malformed("a pattern that does not parse")
    if name[0] == "**":
        segments.append(("**",))
    elif "**" in name[0]:
        raise malformed("two `*` side by side in a pattern")
    else:
        parts = (re.escape(part) for part in name[0].split("*"))
        segments.append(("key", re.compile(".*".join(parts), re.DOTALL)))
    return name.end()


def _covers(segments, steps):
    """Whether a pattern matches a place or something above it."""
    if not segments:
        return True
    head, rest = segments[0], segments[1:]
    if head == ("**",):
        return any(_covers(rest, steps[skip:]) for skip in range(len(steps) + 1))
    if not steps:
        return False
    kind, wanted = head
    step = steps[0]
    if kind == "index":
        fits = isinstance(step, int) and wanted in (None, step)
    else:
        fits = isinstance(step, str) and wanted.fullmatch(step) is not None
    return fits and _covers(rest, steps[1:])


class Rule:
    """Which places are secret."""

    def __init__(self, encrypt, clear):
        if len(encrypt) + len(clear) > 1024:
            raise malformed("more than 1024 patterns")
        self._encrypt = [parse(pattern) for pattern in encrypt]
        self._clear = [parse(pattern) for pattern in clear]

    def marks(self, steps):
        """Whether a place is to be secret."""
        return any(_covers(one, steps) for one in self._encrypt) and not any(
            _covers(one, steps) for one in self._clear
        )
