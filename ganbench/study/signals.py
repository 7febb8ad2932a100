"""Ctrl-C and SIGTERM: an exception out of nowhere would land in a finaliser, or between two steps
that belong together. While an engine works they are noted, and answered where it waits."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, NoReturn, Self

from ganbench.core.errors import Interrupted


def at_once(*_: object) -> NoReturn:
    """Handler of the command line outside of an engine's work, where nothing is half done."""
    os.write(2, b"ganbench: interrupted\n")
    os._exit(130)


def end_at_once() -> None:
    """Give Ctrl-C and SIGTERM to `at_once`, but for those that this process ignores."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL):
            signal.signal(number, at_once)


class DeferredSignals:
    """A context in which the first signal is only noted, for `check`; the second has its way.

    Handlers that are not Python's own or ganbench's stay, and so do those of ignored signals.
    On leaving, a signal that nobody has answered is: Interrupted is raised, and a SIGTERM that
    would have ended the process ends it.
    """

    def __init__(self) -> None:
        self._noted: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._noted = None
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                before = signal.getsignal(number)
                if before in (signal.default_int_handler, signal.SIG_DFL, at_once):
                    self._before[number] = before
                    signal.signal(number, self._note)
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._noted is None:
            self._noted = number
            return
        before = self._before[number]
        if callable(before):
            before(number, frame)
        signal.signal(number, before)
        signal.raise_signal(number)

    def check(self) -> None:
        """Raise Interrupted if a signal has come."""
        if self._noted is not None:
            raise Interrupted

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        before, self._before = self._before, {}
        for number, handler in before.items():
            signal.signal(number, handler)
        noted, self._noted = self._noted, None
        if noted == signal.SIGTERM and before[noted] is signal.SIG_DFL:
            signal.raise_signal(noted)
        if noted is not None and kind is None:
            raise Interrupted
