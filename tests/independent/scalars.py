"""What a plain YAML scalar is: the core schema of 1.2 and the types of 1.1."""

import re

from payload import BOOLEAN, FLOAT, INTEGER, LEGACY, NULL, STRING

_CORE = [
    (NULL, r"~|null|Null|NULL|"),
    (BOOLEAN, r"true|True|TRUE|false|False|FALSE"),
    (INTEGER, r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"),
    (FLOAT, r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"),
]

# What readers of YAML 1.1 take for something else than a string: section 4, type 0B.
_OLD = [
    r"y|Y|n|N|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF|<<|=",
    r"[-+]?(0b_*[01][01_]*|0o_*[0-7][0-7_]*|0x_*[0-9a-fA-F][0-9a-fA-F_]*)",
    r"[-+]?(?=[0-9.])(?=[._]*[0-9])[0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?",
    r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?",
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt \t][0-9:.TtZz+ \t-]*)?",
]


def plain_type(text):
    """The type of a plain scalar."""
    for leaf_type, pattern in _CORE:
        if re.fullmatch(pattern, text):
            return leaf_type
    return LEGACY if any(re.fullmatch(pattern, text) for pattern in _OLD) else STRING


def plain_value(text):
    """Type and value bytes of a plain scalar."""
    leaf_type = plain_type(text)
    if leaf_type == NULL:
        return leaf_type, b""
    if leaf_type == BOOLEAN:
        return leaf_type, bytes([text.lower() == "true"])
    return leaf_type, text.encode()
