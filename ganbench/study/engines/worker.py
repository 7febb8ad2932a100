"""A worker: a process of its own that runs one job after another, for `study.engines.local`.

Started by its path, with nothing but Python's own library on its way in: a file copy.py in the
user's folder is not that library's. What else it may import comes with the first message.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from typing import Any, NoReturn

_working = False


def main() -> NoReturn:
    """Serve the parent on standard input, as a socket, until it hangs up.

    Its first message is (its sys.path, whether a guest's code is run here); each further one is
    (function, job), pickled, and is answered by (the result, None) or (None, the exception).
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's; it came blocked until here
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGALRM, _end)
    sys.unraisablehook = _swallowed
    _die_with_parent(int(sys.argv.pop()))
    connection: Connection[Any, Any] = Connection(os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # stdout is the parent's alone
    home = os.getcwd()
    with contextlib.suppress(EOFError, OSError, MemoryError):  # the parent is gone
        sys.path[:], guest = connection.recv()
        from ganbench.core.errors import Ended

        if guest:
            from ganbench.core import cache

            cache.read_only()
        while True:
            work = connection.recv_bytes()
            with contextlib.suppress(OSError):
                os.chdir(home)
            try:
                answer = _answer(work)
            except Ended:
                break
            connection.send_bytes(answer)
    os._exit(1)


def _answer(work: bytes) -> bytes:
    from ganbench.core.errors import Ended

    global _working
    try:
        _working = True
        function, job = pickle.loads(work)
        result = pickle.dumps((function(job), None))
        _working = False
        return result
    except Ended:
        raise
    except BaseException as error:
        _working = False
        return _as_message(error)


def _as_message(error: BaseException) -> bytes:
    """An exception as the parent can read it, which does not know a plug-in's classes."""
    from ganbench.core.errors import GanbenchError, UserError, out_of_memory
    from ganbench.plugins.error_places import carry, located

    text = located(error)
    if not isinstance(error, Exception):  # it would end the parent
        error = UserError(f"the code of a plug-in raised {text}")
    elif lacking := out_of_memory(error):
        error = lacking
    elif not isinstance(error, GanbenchError):
        carry(error)
        error.add_note("in a worker:\n" + "".join(traceback.format_exception(error)))
    if type(error).__module__.partition(".")[0] in ("builtins", "ganbench"):
        with contextlib.suppress(Exception):
            whole = pickle.dumps((None, error))
            pickle.loads(whole)
            return whole
    return pickle.dumps((None, RuntimeError(text)))


def _end(*_: object) -> None:
    if not _working:
        os._exit(1)
    from ganbench.core.errors import Ended

    raise Ended


def _swallowed(unraisable: sys.UnraisableHookArgs) -> None:
    """An order to end that fell into a finaliser is lost there: it comes again, a moment later."""
    if unraisable.exc_type.__name__ == "Ended":
        signal.setitimer(signal.ITIMER_REAL, 0.01)
    else:
        sys.__unraisablehook__(unraisable)


def _die_with_parent(life: int) -> None:
    """End when the parent does, which holds the other end of the pipe `life` and never writes.

    Where the system can send a signal of our choice then (Linux), no code of this process has to
    run for it: a guest may hold the interpreter's lock for ever. Elsewhere a thread waits.
    """
    import fcntl

    if hasattr(fcntl, "F_SETSIG"):
        fcntl.fcntl(life, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(life, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(life, fcntl.F_SETFL, fcntl.fcntl(life, fcntl.F_GETFL) | os.O_ASYNC)
        if select.select([life], [], [], 0)[0]:  # it ended before that
            os._exit(1)
    else:
        threading.Thread(target=lambda: os._exit(len(os.read(life, 1)) + 1), daemon=True).start()


if __name__ == "__main__":
    main()
