"""The progress display: a live table, or plain lines where there is no terminal."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ganbench.core.errors import GanbenchError
from ganbench.core.printable import printable
from ganbench.records.schema import State
from ganbench.records.store import TrialDirectory
from ganbench.study.trial import Trial

PLAIN_SECONDS = 10.0
"""Without a terminal a trial that runs says nothing twice, and little within so many seconds."""
QUARTERS = 4


class Progress:
    """Shows trials as they run, from the state files that they keep."""

    def __init__(self, trials: Sequence[Trial], console: Console) -> None:
        self.trials = list(trials)
        self.console = console
        self.ended: dict[str, str] = {}
        self.began = time.monotonic()
        self._started = datetime.now(UTC)
        self._said: dict[str, tuple[float, str, object]] = {}
        """Of a trial its last plain line: when, in which phase, at what step of it."""
        self._stop = threading.Event()
        self._live: Live | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live = Live(
                console=self.console, get_renderable=self._table, refresh_per_second=4
            )
            self._live.start()
        else:
            self._thread = threading.Thread(target=self._lines, daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        if self._live:
            self._live.stop()
        if self._thread:
            self._thread.join()

    def end(self, trial: Trial, outcome: str) -> None:
        """A trial has ended: `outcome` is its status, with the reason if there is one.

        Where it left a traceback, the line says in which file.
        """
        self.ended[trial.identity] = outcome
        status, colon, _ = outcome.partition(":")
        traceback = TrialDirectory(trial.directory).error_path
        if status == "failed" and traceback.is_file():
            outcome += f"; traceback in {traceback}"
        if not self._live or colon:  # a row of the live table is too short for a reason
            done = f"[{len(self.ended)}/{len(self.trials)}]"
            self._say(f"{done} {_name(trial)}: {outcome}")

    def _lines(self) -> None:
        while not self._stop.wait(0.5):
            self.look()

    def look(self) -> None:
        """Say of every running trial what is worth a line since the last look."""
        for trial in self.trials:
            state = self._state(trial)
            if state and self._is_news(trial, state):
                self._say(f"{_name(trial)}: {_line(state)}")

    def _is_news(self, trial: Trial, state: State) -> bool:
        """Whether a trial began a phase; or, some seconds later, another step of it: a quarter
        of its rounds, another metric."""
        step: object = state.metric
        if state.phase == "training":
            step = min(QUARTERS * state.round // state.rounds, QUARTERS - 1)
        now = time.monotonic()
        when, phase, known = self._said.get(trial.identity, (0.0, "", None))
        if phase == state.phase and (known == step or now - when < PLAIN_SECONDS):
            return False
        self._said[trial.identity] = now, state.phase, step
        return True

    def _say(self, line: str) -> None:
        say(self.console, line)

    def _state(self, trial: Trial) -> State | None:
        if trial.identity in self.ended:
            return None
        try:
            state = TrialDirectory(trial.directory).read_state()
        except (GanbenchError, OSError):
            return None  # it ends or is replaced just now
        # Of an interrupted command it is that one's, until the trial begins anew.
        return state if state and state.updated >= self._started else None

    def _table(self) -> Group:
        table = Table(box=None, pad_edge=False)
        for heading in ("trial", "", "round", "images/s", "left", "losses"):
            table.add_column(heading, no_wrap=heading != "losses", overflow="ellipsis")
        waiting = 0
        for trial in self.trials:
            ended = self.ended.get(trial.identity)
            state = self._state(trial)
            if ended:
                style = "green" if ended.startswith("finished") else "red"
                table.add_row(
                    Text(_name(trial)), Text(printable(ended.partition(":")[0]), style=style)
                )
            elif state:
                table.add_row(
                    Text(_name(trial)),
                    ProgressBar(state.rounds, state.round, width=16),
                    f"{state.round}/{state.rounds}",
                    f"{state.images_per_second:,.0f}" if state.images_per_second else "",
                    _clock(state.seconds_left),
                    Text(printable(_losses(state) if state.phase == "training" else _line(state))),
                )
            else:
                waiting += 1
        foot = f"{len(self.ended)} of {len(self.trials)} done, {waiting} waiting, "
        return Group(table, Text(foot + _clock(time.monotonic() - self.began), style="dim"))


def say(console: Console, line: str) -> None:
    """A line of anybody's text, as it is: no [tags], no :smileys:, no control characters."""
    text = printable(line)
    console.print(text, markup=False, highlight=False, emoji=False, soft_wrap=True)


def _name(trial: Trial) -> str:
    return printable(f"{trial.title} seed {trial.config.seed}")


def _line(state: State) -> str:
    if state.phase != "training":
        return f"evaluating {state.metric}, {state.measured + 1} of {state.metrics} metrics"
    if not state.round:
        return f"training, {state.rounds} rounds"
    rate = f", {state.images_per_second:,.0f} images/s" if state.images_per_second else ""
    left = f", {_clock(state.seconds_left)} left" if state.seconds_left is not None else ""
    losses = f", {_losses(state)}" if state.losses else ""
    share = f"{state.round / state.rounds:.0%}"
    return f"round {state.round} of {state.rounds} ({share}){losses}{rate}{left}"


def _losses(state: State) -> str:
    plain = {name: value for name, value in state.losses.items() if "/" not in name}
    return "  ".join(
        f"{name} {value:.2f}" if value is not None else f"{name} ?" for name, value in plain.items()
    )


def _clock(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
