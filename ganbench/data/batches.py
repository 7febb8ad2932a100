"""Shuffled batches of a split on the training device, from memory or from files."""

from __future__ import annotations

import copy
import weakref
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

from ganbench.core.errors import UserError
from ganbench.data.dataset import Split, Streamed, to_unit_range
from ganbench.data.io.stream import Stream

PREFETCHED = 4
"""Batches of a stream that are read before they are asked for, at most."""


class BatchLoader:
    """Loads batches without replacement, epoch after epoch, all of one size.

    A batch that crosses the end of an epoch takes its rest from the next shuffles; a split
    smaller than a batch is dealt several times within one. Shuffles come from `rng`, which
    lives on the device. Images in memory are copied there once, and nothing between devices
    afterwards; streamed ones are read ahead in the background and come through pinned
    memory. Both give the same batches.

    Raises UserError where the split is empty and, when called, where a file cannot be read.
    """

    def __init__(self, split: Split | Streamed, batch_size: int, rng: torch.Generator) -> None:
        if not len(split):
            raise UserError("there are no images to deal")
        self.rows = ShuffledIndices(len(split), batch_size, rng)
        self.labels = split.labels.to(rng.device)
        self.images: Tensor | Stream = split.images
        if isinstance(self.images, Tensor):
            self.images = self.images.to(rng.device)
        self._ahead: Prefetcher | None = None
        self.calls = 0
        self._slots: list[Tensor] = []
        self._slot: int | None = None

    @property
    def split(self) -> Split | Streamed:
        """The split, where it is: another loader of it copies nothing."""
        kind = Split if isinstance(self.images, Tensor) else Streamed
        return kind(self.images, self.labels)  # type: ignore[arg-type]

    def __call__(self) -> tuple[Tensor, Tensor]:
        """The next images (batch_size, c, h, w) in [-1, 1] and labels (batch_size,)."""
        self.calls += 1
        if isinstance(self.images, Tensor):
            rows = self.rows() if self._slot is None else self._next_slot()
            images = self.images[rows]
        else:
            images = self._read(self.images)
            rows = self.rows()
        return to_unit_range(images), self.labels[rows]

    def start_staging(self, calls: int) -> None:
        """So many calls from now on are recorded: they read rows from memory that `stage` fills.

        That memory is made here: what is made, or filled, while a round is recorded would be so
        at every replay. Raises ValueError for streamed images, which come from the host.
        """
        if not isinstance(self.images, Tensor):
            raise ValueError("its images are streamed")
        while len(self._slots) < calls:
            self._slots.append(self.rows.order.new_zeros(self.rows.batch_size))
        self._slot = 0

    def end_staging(self) -> int:
        """End the recording of batches; returns how many calls were recorded."""
        recorded, self._slot = self._slot or 0, None
        return recorded

    def stage(self, calls: int) -> None:
        """Put the rows of the next batches where so many recorded calls read them."""
        for slot in self._slots[:calls]:
            slot.copy_(self.rows())

    def _next_slot(self) -> Tensor:
        assert self._slot is not None
        self._slot += 1
        if self._slot > len(self._slots):
            raise ValueError("it reads more batches than the rounds before it")
        return self._slots[self._slot - 1]

    def _read(self, stream: Stream) -> Tensor:
        """The stream's images of the batch that is next."""
        device = self.rows.rng.device
        if self._ahead is None:
            self._ahead = Prefetcher(stream, self.rows.ahead(), pinned=device.type == "cuda")
        try:
            return self._ahead().to(device, non_blocking=True)
        except BaseException:
            self._ahead = None  # the next call starts again at this batch
            raise

    def state_dict(self) -> dict[str, Tensor | int]:
        """The position in the data, without the random generator and what was prefetched."""
        return {"order": self.rows.order.clone(), "position": self.rows.position}

    def load_state_dict(self, state: dict[str, Tensor | int]) -> None:
        """Go on from a saved state, once the generator has its own."""
        self.rows.order = torch.as_tensor(state["order"]).to(self.rows.device).clone()
        self.rows.position = int(state["position"])
        self._ahead = None


class ShuffledIndices:
    """Shuffled indices of the next batch, of n rows; on `device`, the generator's own."""

    def __init__(self, n: int, batch_size: int, rng: torch.Generator) -> None:
        self.n = n
        self.batch_size = batch_size
        self.rng = rng
        self.device = rng.device
        self.order = self._shuffle()
        self.position = 0

    def __call__(self) -> Tensor:
        """The rows (batch_size,) of the next batch."""
        end = self.position + self.batch_size
        parts = [self.order[self.position : end]]
        while end > self.n:
            self.order = self._shuffle()
            end -= self.n
            parts.append(self.order[:end])
        self.position = end
        return torch.cat(parts) if len(parts) > 1 else parts[0]

    def ahead(self) -> ShuffledIndices:
        """The same rows, on the CPU, drawn from a copy of the generator: this one stays behind."""
        twin = copy.copy(self)
        twin.rng = torch.Generator(self.rng.device)
        twin.rng.set_state(self.rng.get_state())
        twin.device = torch.device("cpu")
        twin.order = self.order.cpu()
        return twin

    def _shuffle(self) -> Tensor:
        order = torch.randperm(self.n, generator=self.rng, device=self.rng.device)
        return order.to(self.device)


class Prefetcher:
    """Prefetches a stream's batches in a thread of its own, `PREFETCHED` of them at most.

    rows: says which, and is used up. pinned: into page-locked memory, from where a copy to a
    GPU needs no wait. The thread ends with this object.
    """

    def __init__(self, stream: Stream, rows: ShuffledIndices, pinned: bool) -> None:
        self._stream = stream
        self._rows = rows
        self._pinned = pinned
        self._coming: deque[Future[Tensor]] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ganbench-reads")
        weakref.finalize(self, self._thread.shutdown, wait=False, cancel_futures=True)

    def __call__(self) -> Tensor:
        """The next batch, uint8. Raises what reading it raised."""
        while len(self._coming) < PREFETCHED:
            job = self._thread.submit(_read, self._stream, self._rows(), self._pinned)
            self._coming.append(job)
        return self._coming.popleft().result()


def _read(stream: Stream, rows: Tensor, pinned: bool) -> Tensor:
    images = stream[rows]
    return images.pin_memory() if pinned else images
