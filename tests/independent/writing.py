"""The metadata as text, in each format."""

import json
import re

from payload import STRING
from scalars import plain_type
from tree import MAP


def entry_text(file, fields):
    """The entry alone, as it stands in its place."""
    line_break = last_break(file.text)
    if file.format == "yaml":
        indent = _yaml_indent(file)
        return f"{line_break}{indent}".join(["sealeaf:", *("  " + line for line in _yaml_lines(fields))])
    if file.format == "json":
        text = json.dumps(fields, indent=2, ensure_ascii=False)
        return '"sealeaf": ' + text.replace("\n", line_break + "  ")
    return _toml(fields).replace("\n", line_break)


def attach(file, fields):
    """A text with its entry."""
    text, line_break = file.text, last_break(file.text)
    entry = entry_text(file, fields)
    if file.format == "json":
        return _json_attach(file, entry)
    ends = text.removeprefix("\ufeff") == "" or text.endswith("\n")
    start = text if ends else text + line_break
    if file.format == "yaml" and not file.is_open:
        start += "---" + line_break
    if file.format == "toml" and text.removeprefix("\ufeff").strip():
        start += line_break
    return start + _yaml_indent(file) + entry + (line_break if ends else "")


def last_break(text):
    """The last line break of a text."""
    return "\r\n" if text[: text.rfind("\n") + 1].endswith("\r\n") else "\n"


def _json_attach(file, entry):
    """Behind all else in the root; a comma at the end stays one at the end."""
    text, last = file.text, file.documents[0].root
    at = last.children[-1][1].end if last.children else last.start + 1
    # Blanks at the end of a comment are its own.
    own = max([comment.end for comment in file.comments if comment.end < last.end], default=at)
    inside = text[at : max(at + len(text[at : last.end - 1].rstrip(" \t\r\n")), own)]
    gap = inside
    for comment in file.comments:
        if at <= comment.start < at + len(inside):
            gap = gap[: comment.start - at] + " " * (comment.end - comment.start) + gap[comment.end - at :]
    has_comma = "," in gap
    comma = "," if last.children and not has_comma else ""
    behind = "," if has_comma else ""
    return f"{text[:at]}{comma}{inside}{last_break(text)}  {entry}{behind}{text[at + len(inside) :]}"


def _yaml_indent(file):
    last = file.documents[-1].root if file.documents else None
    column = last and max([column for opened, _, column in file.blocks if opened == last.start], default=0)
    return " " * column if file.format == "yaml" and (file.is_open or file.entry) and not file.own_document else ""


def _scalar(value):
    """One YAML scalar."""
    if isinstance(value, (bool, int)):
        return json.dumps(value)
    bare = re.fullmatch(r"[A-Za-z0-9_./@+][A-Za-z0-9_./@+-]*", value) and plain_type(value) == STRING
    return value if bare else json.dumps(value, ensure_ascii=False)


def _yaml_lines(fields):
    for name, value in fields.items():
        if isinstance(value, dict):
            yield f"{name}:"
            yield from ("  " + line for line in _yaml_lines(value))
        elif isinstance(value, list):
            yield f"{name}:" if value else f"{name}: []"
            for item in value:
                lines = list(_yaml_lines(item)) if isinstance(item, dict) else [_scalar(item)]
                yield "  - " + lines[0]
                yield from ("    " + line for line in lines[1:])
        else:
            yield f"{name}: {_scalar(value)}"


def _toml(fields):
    """The table of the entry; a text without a line break at its end."""
    lines = ["[sealeaf]"]
    lines += _toml_lines({name: value for name, value in fields.items() if name not in ("groups", "sections")})
    for group in fields.get("groups", []):
        lines += ["", "[[sealeaf.groups]]"]
        lines += _toml_lines({name: value for name, value in group.items() if name != "keys"})
        for key in group.get("keys", []):
            lines += ["", "[[sealeaf.groups.keys]]", *_toml_lines(key)]
    for section in fields.get("sections", []):
        lines += ["", "[[sealeaf.sections]]", *_toml_lines(section)]
    return "\n".join(lines)


def _toml_lines(fields):
    for name, value in fields.items():
        if isinstance(value, dict):
            inner = ", ".join(f"{json.dumps(key)} = {json.dumps(text)}" for key, text in value.items())
            yield f"{name} = {{ {inner} }}"
        else:
            yield f"{name} = {json.dumps(value, ensure_ascii=False)}"


def spliced(text, splices):
    """Replaces (start, end, new), which do not overlap."""
    for start, end, new in sorted(splices, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def quoted(file_format, token, style=""):
    """A token as a scalar."""
    return token if file_format == "yaml" else f'"{token}"'


def is_empty_table(node):
    """A TOML table that cannot carry a token."""
    return node.kind == MAP and node.by_header and not node.children
