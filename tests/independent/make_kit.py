"""Writes tests/fixtures/kit: small sealed files, each with one fault and the exit code that it must lead to.

Every run gives the same bytes. `make_kit.py` writes the folder anew, `make_kit.py --check` compares it with what would
be written. `kit.json` lists the files: `code` is the exit code (docs/reference/exit-status.md), `keyless` the one of
somebody without a key, `state` what an accepted file is, `section` the one of docs/design/format-v1.md that decides.
"""

import json
import re
import sys
from pathlib import Path

import kit
import kit_metadata
import kit_payloads
import kit_structure
import kit_tokens
from opening import open_text
from primitives import Refusal

FOLDER = Path(__file__).parent.parent / "fixtures" / "kit"
MODULES = (kit_tokens, kit_structure, kit_metadata, kit_payloads)


def files():
    """All of the kit: names with bytes."""
    found, index = {}, []
    for module in MODULES:
        for name, file_format, text, code, what, section in module.cases():
            file = f"{name}.{file_format}"
            assert file not in found and re.fullmatch(r"[a-z0-9.-]+", file), file
            found[file] = text if isinstance(text, bytes) else text.encode()
            state = ("linked" if name.startswith("linked-") else "sealed") if code == 0 else None
            index.append(
                {
                    "file": file,
                    "what": what,
                    "section": section,
                    "code": code,
                    "keyless": keyless(found[file], file_format),
                }
                | ({"state": state} if state else {})
            )
    index.sort(key=lambda case: case["file"])
    lines = ",\n".join("  " + json.dumps(case) for case in index)
    found["kit.json"] = f"[\n{lines}\n]\n".encode()
    comment = "# A throw-away identity: the kit's files are sealed for it, nothing else is.\n"
    found["identity.txt"] = (comment + kit.IDENTITY + "\n").encode()
    # No tool may convert line breaks.
    found[".gitattributes"] = b"* -text\n"
    return found


def keyless(text, file_format):
    """The exit code without a key: what the text alone shows."""
    try:
        open_text(text, file_format, no_key)
    except Refusal as refusal:
        return refusal.code
    raise AssertionError("opened without a key")


def no_key(entry):
    """The key of somebody who has none."""
    raise Refusal(4, "no usable key")


def main(arguments):
    """Writes or compares."""
    found = files()
    if arguments == ["--check"]:
        stored = {path.name: path.read_bytes() for path in FOLDER.iterdir()}
        differs = sorted(name for name in found.keys() | stored.keys() if found.get(name) != stored.get(name))
        print("\n".join(differs) or f"{len(found) - 3} cases, as stored")
        return 1 if differs else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in FOLDER.iterdir():
        if path.name not in found:
            path.unlink()
    for name, data in found.items():
        (FOLDER / name).write_bytes(data)
    print(f"{len(found) - 3} cases")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
