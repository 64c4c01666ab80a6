"""An independent reader of the native format, written from docs/design/format-v1.md alone.

`sealeaf_v1.py open FORMAT FILE IDENTITY_FILE` prints state and values. `sealeaf_v1.py serve` answers requests, one
JSON object a line; tests/it/independent.rs is its user.
"""

import json
import sys

import age_file
from metadata import open_wrap
from opening import PARSERS, open_text
from primitives import Refusal


def identity(secret):
    """A function that finds the data key of an entry, given an age identity."""
    secret = age_file.from_bech32(secret)

    def data_key(entry):
        for index, group in enumerate(entry.groups):
            for wrap in group:
                if wrap.type != "age" or wrap.break_glass:
                    continue
                plaintext = age_file.decrypt(secret, wrap.wrapped)
                if plaintext is not None:
                    return open_wrap(entry, index, plaintext)
        raise Refusal(4, "no usable key")

    return data_key


def values(opened):
    """Path, type and value of every record."""
    shown = []
    for record, payload in zip(opened.stream.records, opened.payloads):
        shown.append([record.document, record.shown, payload.type, payload.value.decode("utf-8", "replace")])
    return shown


def difference(opened, plain):
    """Compares what was opened with a plaintext; None if they are the same."""
    file = PARSERS[opened.file.format](plain)
    if len(file.documents) != len(opened.file.documents):
        return "another number of documents"
    payload_of = {id(record.owner): payload for record, payload in zip(opened.stream.records, opened.payloads)}
    for sealed, open_ in zip(opened.file.documents, file.documents):
        if [line for _, line in sealed.directives] != [line for _, line in open_.directives]:
            return "other directives"
        found = _node_difference(sealed.root, open_.root, payload_of, "")
        if found:
            return found
    comments = [payload_of[id(c)].value.decode() if c.token else c.text for c in opened.file.comments]
    if opened.entry.comments != "strip" and comments != [c.text for c in file.comments]:
        return "other comments"
    return None


def _node_difference(sealed, plain, payload_of, where):
    if sealed.properties != plain.properties:
        return f"{where}: other anchors or tags"
    if sealed.token:
        payload = payload_of[id(sealed)]
        same = not plain.nodes() and (payload.type, payload.value) == (plain.type, plain.value)
        return None if same else f"{where}: another value"
    if (sealed.kind, sealed.type, sealed.value, sealed.name) != (plain.kind, plain.type, plain.value, plain.name):
        return f"{where}: another clear value"
    if len(sealed.children) != len(plain.children):
        return f"{where}: another number of entries"
    for one, two in zip(sealed.children, plain.children):
        name = ""
        if isinstance(one, tuple):
            (key, one), (other, two) = one, two
            name = key.text
            if (key.text, key.kind) != (other.text, other.kind):
                return f"{where}: another key"
        found = _node_difference(one, two, payload_of, f"{where}.{name}")
        if found:
            return found
    return None


def answer(request):
    """Opens one file for a test."""
    with open(request["identity"], encoding="utf-8") as file:
        key = identity(next(line for line in file.read().splitlines() if line.startswith("AGE-SECRET-KEY-")))
    try:
        if "file" in request:
            with open(request["file"], "rb") as file:
                request["sealed"] = file.read()
        opened = open_text(request["sealed"], request["format"], key, request.get("scope"))
        found = {"state": opened.state, "values": values(opened), "newest": opened.highest, "epoch": opened.entry.epoch}
        if "plain" in request:
            found["difference"] = difference(opened, request["plain"])
        return found
    except Refusal as refusal:
        return {"code": refusal.code, "why": str(refusal)}


def serve():
    """Answers requests until there are no more."""
    import making

    for line in sys.stdin:
        request = json.loads(line)
        result = making.answer(request) if request["do"] == "make" else answer(request)
        print(json.dumps(result), flush=True)


def main(arguments):
    if arguments == ["serve"]:
        return serve()
    _, file_format, path, identity_file = arguments
    found = answer({"file": path, "format": file_format, "identity": identity_file})
    print(json.dumps(found, indent=1))
    return 0 if "state" in found else found["code"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
