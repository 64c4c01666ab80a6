"""What the reader finds in a file of the kit, with the kit's identity."""

from kit import IDENTITY
from sealeaf_v1 import identity
from opening import open_text
from primitives import Refusal


def read(text, file_format):
    """Exit code, and the state or the reason."""
    try:
        return 0, open_text(text, file_format, identity(IDENTITY)).state
    except Refusal as refusal:
        return refusal.code, str(refusal)
