"""Compares a plain and a sealed YAML text by PyYAML, a parser that is not ours.

Reads one JSON object a line, {"name", "plain", "sealed"} and perhaps "scalars", what our parser found in the plain text
(a list of [type, text], keys included, in order); prints one line for each pair: "NAME same",
"NAME skipped REASON" where PyYAML does not accept the plain text, or "NAME differs WHAT".
"""

import json
import sys

import yaml

try:
    from yaml import CParser  # noqa: F401
    Loader = yaml.CSafeLoader
except ImportError:
    Loader = yaml.SafeLoader


def events(text):
    """Structure with values: a list of small tuples, positions and styles left out."""
    found = []
    for event in yaml.parse(text, Loader=Loader):
        kind = type(event).__name__
        if isinstance(event, yaml.ScalarEvent):
            found.append((kind, event.anchor, event.tag, event.value))
        elif isinstance(event, yaml.CollectionStartEvent):
            found.append((kind, event.anchor, event.tag))
        elif isinstance(event, yaml.AliasEvent):
            found.append((kind, event.anchor))
        elif not isinstance(event, (yaml.DocumentStartEvent, yaml.DocumentEndEvent)):
            found.append((kind,))
        else:
            found.append((kind,))
    return found


def without_entry(found):
    """Takes the metadata out: a last document that holds only it, or the last key of the last document."""
    for index in range(len(found) - 1, -1, -1):
        if found[index][0] == "ScalarEvent" and found[index][3] == "sealeaf":
            depth, end = 0, index + 1
            while True:
                name = found[end][0]
                depth += name.endswith("StartEvent")
                depth -= name.endswith("EndEvent")
                end += 1
                if depth == 0:
                    break
            alone = found[index - 1][0] == "MappingStartEvent" and found[end][0] == "MappingEndEvent"
            if alone and found[index - 2][0] == "DocumentStartEvent":
                return found[: index - 2] + found[end + 2 :]
            return found[:index] + found[end:]
    return found


def collapse(found):
    """An empty collection is one leaf, as a token is."""
    out = []
    for event in found:
        if out and event[0] in ("MappingEndEvent", "SequenceEndEvent") and out[-1][0].endswith("StartEvent"):
            start = out[-1]
            if start[0] in ("MappingStartEvent", "SequenceStartEvent"):
                out[-1] = ("ScalarEvent", start[1], start[2], "")
                continue
        out.append(event)
    return out


def compare(plain, sealed):
    plain, sealed = collapse(plain), collapse(without_entry(sealed))
    if len(plain) != len(sealed):
        return f"length {len(plain)} {len(sealed)}"
    for one, two in zip(plain, sealed):
        same = one == two or (
            one[0] == two[0] == "ScalarEvent" and one[1:3] == two[1:3] and two[3].startswith("sealed.v1.")
        )
        if not same:
            return f"{one[0]} {two[0]}"
    return None


def values(scalars, plain, source):
    """Compares the scalars with what our parser found."""
    found = [event[3] for event in plain if event[0] == "ScalarEvent"]
    if len(found) != len(scalars):
        return f"scalars {len(found)} {len(scalars)}"
    for text, (kind, own) in zip(found, scalars):
        if text + "\n" == own and not source.endswith("\n"):
            # A block scalar at the end of a file without a line break: libyaml gives it none, most others one.
            return AT_THE_END
        same = text in NULLS if kind == "null" else text.lower() == own if kind == "bool" else text == own
        if not same:
            return f"value {kind}"
    return None


AT_THE_END = "last-break"
NULLS = ("", "~", "null", "Null", "NULL")

for line in sys.stdin:
    pair = json.loads(line)
    try:
        plain = events(pair["plain"])
    except (yaml.YAMLError, ValueError) as error:
        print(pair["name"], "skipped", type(error).__name__)
        continue
    try:
        difference = compare(plain, events(pair["sealed"]))
        if difference is None and "scalars" in pair:
            difference = values(pair["scalars"], plain, pair["plain"])
    except (yaml.YAMLError, ValueError) as error:
        difference = type(error).__name__
    if difference == AT_THE_END:
        print(pair["name"], "skipped", AT_THE_END)
        continue
    print(pair["name"], "same" if difference is None else f"differs {difference}")
