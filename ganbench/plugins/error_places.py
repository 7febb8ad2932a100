"""Unexpected errors in one line, with the place in the plug-in that raised them.

Imports no torch, and nothing of a plug-in: it is asked where something has gone wrong.
"""

from __future__ import annotations

import sysconfig
import traceback
from pathlib import Path
from types import FrameType

STDLIB = Path(sysconfig.get_path("stdlib")).resolve()
CORE = Path(__file__).resolve().parents[1]
INSTALLED = {"site-packages", "dist-packages"}
FIRST_PARTY = "ganbench.variants."
NOTE = "raised at"
LONGEST = 500
"""Characters of an error's message that are told."""


def located(error: BaseException) -> str:
    """An error in one line, with its place in a plug-in where it has one.

    `TypeError: message (mygan.py, line 12)`: of a message its first line; the file without its
    folder, so that the line is the same on every machine.
    """
    return f"{type(error).__name__}: {_message(error) or 'no message'}{place(error)}"


def place(error: BaseException) -> str:
    """Where in a plug-in an error was raised: ` (mygan.py, line 12)`, or nothing.

    The innermost frame in a plug-in's file; where there is none, the innermost in a first-party
    variant's. Of a SyntaxError it is the line that is no Python. Of an error that comes from
    another process it is what `carry` noted there. Of one that tells of another, the other's.
    """
    for note in getattr(error, "__notes__", ()):
        if isinstance(note, str) and note.startswith(NOTE):
            return note.removeprefix(NOTE)
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return _written(error.filename, error.lineno)
    frames = list(traceback.walk_tb(error.__traceback__))[::-1]
    for is_blamed in (_is_plugins, _is_first_party):
        for frame, line in frames:
            if is_blamed(frame):
                return _written(frame.f_code.co_filename, line)
    return place(error.__cause__) if error.__cause__ else ""


def carry(error: BaseException) -> None:
    """Note an error's place on itself: its traceback stays behind when it leaves the process."""
    if where := place(error):
        error.add_note(NOTE + where)


def is_ours(error: BaseException) -> bool:
    """Whether the core raised an error itself: it has told what it has to tell."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and str(frames[-1].f_globals.get("__name__")).startswith("ganbench.")


def _written(file: str, line: int) -> str:
    return f" ({Path(file).name}, line {line})"


def _message(error: BaseException) -> str:
    """The first line that an error says, cut where it is very long."""
    try:
        text = error.msg if isinstance(error, SyntaxError) else str(error)
    except Exception:  # its class is the plug-in's, too
        return "(its message cannot be read)"
    line = text.strip().partition("\n")[0].strip()
    return line if len(line) <= LONGEST else line[:LONGEST] + "..."


def _is_first_party(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).startswith(FIRST_PARTY)


def _is_plugins(frame: FrameType) -> bool:
    """Whether a frame runs code that is neither the core's, Python's nor a library's.

    What is installed is a plug-in's where it registers something of ganbench's kinds.
    """
    path = Path(frame.f_code.co_filename)
    package = str(frame.f_globals.get("__name__")).partition(".")[0]
    if package == "ganbench" or not path.is_absolute() or CORE in path.resolve().parents:
        return False
    if INSTALLED & set(path.parts):
        from ganbench.plugins.kinds import KINDS
        from ganbench.plugins.registry import installed  # which tells its errors by this module

        targets = (entry.target for kind in KINDS for entry in installed(kind).values())
        return package in {target.partition(":")[0].partition(".")[0] for target in targets}
    return STDLIB not in path.resolve().parents
