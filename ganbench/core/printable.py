"""Text from records, plug-ins and files, made safe to show: in a terminal, a picture, a file.

Such text may be anybody's: an escape sequence would move a terminal's cursor, an override of
the writing direction show another name than the one that is there. Imports no torch.
"""

from __future__ import annotations

import json
import unicodedata
from typing import Any

HOLLOW = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
"""Letters and marks that show nothing, beside the variation selectors; the rest of what shows
nothing is of a kind that `str.isprintable` knows: controls, format characters, separators."""


def printable(text: str) -> str:
    r"""One line of `text`, where what would not be seen is written out: `\x1b`, `\n`, `\u202e`.

    Those are control and format characters (directions, zero width), separators but the space,
    halves of surrogate pairs and unassigned characters. What can be seen stays as it is.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(one if _seen(one) else one.encode("unicode_escape").decode() for one in text)


def printable_lines(text: str) -> str:
    """Text of several lines, each of them printable."""
    return "\n".join(map(printable, text.split("\n")))


def printable_caption(text: str) -> str:
    """One printable line for matplotlib, which takes what stands between dollars for formulas."""
    return printable(text).replace("$", r"\$")


def printable_json(value: Any, indent: int | None = None) -> str:
    """JSON that keeps every character exactly, in printable ASCII; no NaN."""
    # json.dumps escapes all but the delete character, which only a string can hold.
    return json.dumps(value, indent=indent, allow_nan=False).replace("\x7f", "\\u007f")


def _seen(character: str) -> bool:
    selector = unicodedata.name(character, "").startswith("VARIATION SELECTOR")
    return character.isprintable() and not selector and character not in HOLLOW
