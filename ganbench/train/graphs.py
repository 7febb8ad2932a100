"""Whole rounds as CUDA graphs: captured once per set of due updates, then replayed.

A graph repeats the very kernels of the round that it was captured from, on the same memory.
What a round does besides launching kernels is done before each replay: the loader chooses the
next rows and puts them where the graph reads them, and counters on the host move on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import torch

from ganbench.data.batches import BatchLoader

Counters = Mapping[Any, int]
"""What a round counts on the host: images seen, values added to the gauge."""

WARM_UP = 3
"""Rounds of each kind that are played before one is captured: libraries choose their kernels."""
CHECKED_REPLAYS = 2
"""Replays of each graph that are compared with the round as it is written."""


class Recorder(Protocol):
    """Captures what `train` launches, without running it; gives what replays it."""

    def capture(self, play: Callable[[], None]) -> Callable[[], None]:
        """Record a round."""
        ...

    def side_stream(self) -> Any:
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
    def side_stream(self) -> Iterator[None]:
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
        loaders: list[BatchLoader],
        counters: Callable[[], Counters],
        count: Callable[[Counters], None],
        check: Callable[[], Callable[[tuple[str, ...]], str | None]],
        rollback: Callable[[], Callable[[], None]],
    ) -> None:
        self.recorder = recorder
        self.play = play
        self.dealers = loaders
        self.counters = counters
        self.count = count
        self.proof = check
        self.recovery = rollback
        self.played: dict[tuple[str, ...], int] = {}
        """Rounds of each kind that were no mere replays."""
        self.dealt: dict[tuple[str, ...], list[int]] = {}
        """Batches that each loader gave in the last such round."""
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
            already = [loader.calls for loader in self.dealers]
            with self.recorder.side_stream():
                self.play(due)
            calls = [loader.calls for loader in self.dealers]
            self.dealt[due] = [now - a for now, a in zip(calls, already, strict=True)]
            self.played[due] = played + 1
            return
        if played < WARM_UP + CHECKED_REPLAYS:
            compare = self.proof()
            self.played[due] = played + 1
        replay, counted, dealt = self.graphs[due]
        for loader, times in zip(self.dealers, dealt, strict=True):
            loader.stage(times)
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
            for loader, calls in zip(self.dealers, self.dealt[due], strict=True):
                loader.start_staging(calls)
            replay = self.recorder.capture(lambda: self.play(due))
        except Exception as error:
            while isinstance(error.__context__, Exception):  # ending a capture fails, too
                error = error.__context__
            self.reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
            self.graphs.clear()
            recover()
            return
        finally:
            dealt = [loader.end_staging() for loader in self.dealers]
            after = self.counters()
            self.count(before)
        counted = {name: value - before.get(name, 0) for name, value in after.items()}
        self.graphs[due] = replay, counted, dealt
