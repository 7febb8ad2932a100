"""Whole rounds as CUDA graphs: captured once per set of due updates, then replayed.

A graph repeats the very kernels of the round that it was captured from, on the same memory.
What a round does besides launching kernels is done before each replay: the dealer chooses the
next rows and puts them where the graph reads them, and counters on the host move on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import torch

from ganbench.data.device import Dealer

Counters = Mapping[Any, int]
"""What a round counts on the host: images seen, values added to the gauge."""

WARM_UP = 3
"""Rounds of each kind that are played before one is captured: libraries choose their kernels."""
PROVED = 2
"""Replays of each graph that are compared with the round as it is written."""


class Recorder(Protocol):
    """Captures what `play` launches, without running it; gives what replays it."""

    def capture(self, play: Callable[[], None]) -> Callable[[], None]:
        """Record a round."""
        ...

    def aside(self) -> Any:
        """The context that rounds before the first capture are played in."""
        ...


class CudaRecorder:
    """torch.cuda's graphs, in one pool of memory; generators: what the rounds draw from."""

    def __init__(self, device: torch.device, generators: list[torch.Generator]) -> None:
        self.generators = generators
        self.stream = torch.cuda.Stream(device)
        self.pool = torch.cuda.graph_pool_handle()

    def capture(self, play: Callable[[], None]) -> Callable[[], None]:
        """Record a round's kernels."""
        graph = torch.cuda.CUDAGraph()
        for generator in self.generators:
            graph.register_generator_state(generator)
        with torch.cuda.graph(graph, pool=self.pool, stream=self.stream):
            play()
        return graph.replay

    @contextmanager
    def aside(self) -> Iterator[None]:
        """On the stream of the captures, which memory is tied to."""
        outside = torch.cuda.current_stream(self.stream.device)
        self.stream.wait_stream(outside)
        with torch.cuda.stream(self.stream):
            yield
        outside.wait_stream(self.stream)


class GraphedRounds:
    """Plays rounds by replaying them; where one cannot be captured, as they are, with a reason.

    play: plays the updates that are due, by name. dealers: where its real images come from.
    counters, count: read and set what a round counts on the host. proof: called before the
    first replays of a graph; what it gives is called after each, and says what was wrong.
    recovery: called before a capture; what it gives is called where that failed, half-way.
    """

    def __init__(
        self,
        recorder: Recorder,
        play: Callable[[tuple[str, ...]], None],
        dealers: list[Dealer],
        counters: Callable[[], Counters],
        count: Callable[[Counters], None],
        proof: Callable[[], Callable[[tuple[str, ...]], str | None]],
        recovery: Callable[[], Callable[[], None]],
    ) -> None:
        self.recorder = recorder
        self.play = play
        self.dealers = dealers
        self.counters = counters
        self.count = count
        self.proof = proof
        self.recovery = recovery
        self.played: dict[tuple[str, ...], int] = {}
        """Rounds of each kind that were no mere replays."""
        self.dealt: dict[tuple[str, ...], list[int]] = {}
        """Batches that each dealer gave in the last such round."""
        self.graphs: dict[tuple[str, ...], tuple[Callable[[], None], Counters, list[int]]] = {}
        self.reason: str | None = None
        """Why rounds are not replayed."""

    def __call__(self, due: tuple[str, ...]) -> None:
        """One round of the updates that are due."""
        compare = None
        played = self.played.get(due, 0)
        if self.reason is None and played >= WARM_UP and due not in self.graphs:
            self._capture(due)
        if due not in self.graphs:
            already = [dealer.calls for dealer in self.dealers]
            with self.recorder.aside():
                self.play(due)
            calls = [dealer.calls for dealer in self.dealers]
            self.dealt[due] = [now - a for now, a in zip(calls, already, strict=True)]
            self.played[due] = played + 1
            return
        if played < WARM_UP + PROVED:
            compare = self.proof()
            self.played[due] = played + 1
        replay, counted, dealt = self.graphs[due]
        for dealer, times in zip(self.dealers, dealt, strict=True):
            dealer.stage(times)
        replay()
        before = self.counters()
        self.count({name: before.get(name, 0) + more for name, more in counted.items()})
        if compare and (reason := compare(due)):
            self.reason = reason
            self.forget()

    def forget(self) -> None:
        """Capture anew: memory that the graphs were made on is no longer the trainer's."""
        self.graphs.clear()
        self.played.clear()

    def _capture(self, due: tuple[str, ...]) -> None:
        before = dict(self.counters())
        recover = self.recovery()
        try:
            for dealer, calls in zip(self.dealers, self.dealt[due], strict=True):
                dealer.start_staging(calls)
            replay = self.recorder.capture(lambda: self.play(due))
        except Exception as error:
            while isinstance(error.__context__, Exception):  # ending a capture fails, too
                error = error.__context__
            self.reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
            self.graphs.clear()
            recover()
            return
        finally:
            dealt = [dealer.end_staging() for dealer in self.dealers]
            after = self.counters()
            self.count(before)
        counted = {name: value - before.get(name, 0) for name, value in after.items()}
        self.graphs[due] = replay, counted, dealt
