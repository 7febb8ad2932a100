"""Streamed splits give what resident ones give, read ahead without a trace, and end cleanly."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ganbench.core.errors import UserError
from ganbench.data.batches import PREFETCHED, BatchLoader
from ganbench.data.dataset import Dataset, Split, Streamed
from ganbench.data.io.stream import CachedStream, Stream, Subset, cached_where_small
from ganbench.data.label_budget import choose_labelled
from ganbench.evaluate.evidence import choose
from ganbench.plugins import registry
from ganbench.train.batches_per_round import batches_per_round
from ganbench.train.trainer import Trainer, build


class Held(Stream):
    """A tensor as a stream that counts its readings; row `bad` cannot be read."""

    def __init__(self, images: Tensor, bad: int = -1) -> None:
        self.images = images
        self.shape = tuple(images.shape)
        self.bad = bad
        self.reads: list[list[int]] = []

    def read(self, rows: Tensor) -> Tensor:
        self.reads.append(rows.tolist())
        if self.bad in rows.tolist():
            raise UserError(f"image {self.bad} is damaged")
        return self.images[rows]

    @property
    def digest(self) -> str:
        return str(self.images.sum().item())


def numbered(n: int, bad: int = -1) -> tuple[Split, Streamed]:
    images = torch.arange(n, dtype=torch.uint8).reshape(n, 1, 1, 1)
    return Split(images, torch.arange(n)), Streamed(Held(images, bad), torch.arange(n))


def loader_of(split: Split | Streamed, batch_size: int = 8, seed: int = 0) -> BatchLoader:
    return BatchLoader(split, batch_size, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("n", "batch_size"), [(50, 8), (48, 8), (5, 12), (1, 3)])
def test_the_same_batches_as_from_memory(n: int, batch_size: int) -> None:
    resident, streamed = (loader_of(split, batch_size) for split in numbered(n))
    for _ in range(20):
        a, b = resident(), streamed()
        assert torch.equal(a[0], b[0])
        assert a[0].dtype == b[0].dtype == torch.float32
        assert torch.equal(a[1], b[1])
    assert torch.equal(resident.rows.rng.get_state(), streamed.rows.rng.get_state())


def test_a_batch_is_images_with_their_own_labels() -> None:
    images, labels = loader_of(numbered(100)[1])()
    assert torch.equal(images.flatten().add(1).mul(127.5).round().long(), labels)


def test_saving_knows_nothing_of_reading_ahead() -> None:
    """State and generator are those of what was dealt, and a saved state goes on from there."""
    resident, streamed = (loader_of(split) for split in numbered(30))
    for _ in range(3):
        resident(), streamed()
    kept = streamed.state_dict()
    for name, value in resident.state_dict().items():
        assert torch.equal(torch.as_tensor(kept[name]), torch.as_tensor(value))
    rng = streamed.rows.rng.get_state()
    following = [streamed()[1] for _ in range(12)]
    for other in (streamed, loader_of(numbered(30)[1], seed=9), loader_of(numbered(30)[0], seed=9)):
        other.rows.rng.set_state(rng)
        other.load_state_dict(kept)
        again = [other() for _ in range(12)]
        assert all(torch.equal(a, b) for a, (_, b) in zip(following, again, strict=True))
        assert all(torch.equal(i.flatten().add(1).mul(127.5).round().long(), b) for i, b in again)


def test_no_more_than_a_few_batches_are_read_ahead() -> None:
    streamed = numbered(200)[1]
    held = streamed.images
    assert isinstance(held, Held)
    next_batch = loader_of(streamed)
    assert not held.reads  # nothing before the first call
    next_batch()
    time.sleep(0.2)
    assert len(held.reads) <= PREFETCHED


def test_an_image_that_cannot_be_read_is_told_when_its_batch_is_due() -> None:
    resident, streamed = (loader_of(split) for split in numbered(40, bad=7))
    at = next(i for i in range(5) if 7 in resident()[1].tolist())
    for _ in range(at):
        streamed()
    for _ in range(2):  # it stays bad
        with pytest.raises(UserError, match="image 7 is damaged"):
            streamed()


def test_threads_end_with_their_dealer() -> None:
    before = set(threading.enumerate())
    next_batch = loader_of(numbered(40)[1])
    next_batch()
    (thread,) = set(threading.enumerate()) - before
    del next_batch
    thread.join(timeout=10)
    assert not thread.is_alive()


def test_a_process_ends_while_reading(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import time, torch\n"
        "from ganbench.data.dataset import Streamed\n"
        "from ganbench.data.batches import BatchLoader\n"
        "from ganbench.data.io.stream import Stream\n"
        "class Slow(Stream):\n"
        "    shape = (100, 1, 1, 1)\n"
        "    digest = ''\n"
        "    def read(self, rows):\n"
        "        time.sleep(0.2)\n"
        "        return torch.zeros(len(rows), 1, 1, 1, dtype=torch.uint8)\n"
        "deal = BatchLoader(Streamed(Slow(), torch.zeros(100)), 4, torch.Generator())\n"
        "deal()\n1 / 0\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith(b"ZeroDivisionError: division by zero\n")


def test_rows_in_every_form() -> None:
    stream = Held(torch.arange(10, dtype=torch.uint8).reshape(10, 1, 1, 1))
    for rows in (slice(2, 5), torch.tensor([2, 3, 4]), torch.arange(10).sub(3).abs() < 2):
        assert stream[rows].flatten().tolist() == [2, 3, 4]
    assert stream[torch.tensor([-1])].item() == 9
    with pytest.raises(IndexError):
        stream[torch.tensor([10])]


def test_parts_are_cut_without_reading() -> None:
    whole = numbered(20)[1]
    part = whole.subset(torch.arange(10, 20)).subset(slice(0, 10, 3))
    assert isinstance(part, Streamed)
    assert isinstance(part.images, Subset)
    assert len(part) == 4
    assert part.images.shape == (4, 1, 1, 1)
    assert not whole.images.reads
    read = part[torch.tensor([3, 0])]
    assert isinstance(read, Split)
    assert read.images.flatten().tolist() == read.labels.tolist() == [19, 10]
    other = whole.subset(torch.arange(10, 20)).subset(slice(0, 10, 4))
    assert part.images.digest != other.images.digest


def test_small_streams_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    held = numbered(20)[1].images
    kept = cached_where_small(held)
    assert isinstance(kept, CachedStream)
    assert kept[torch.tensor([3, 5, 3])].flatten().tolist() == [3, 5, 3]
    assert kept[torch.tensor([5, 6, 3])].flatten().tolist() == [5, 6, 3]
    assert held.reads == [[3, 5], [6]]
    assert kept.digest == held.digest
    monkeypatch.setattr("ganbench.data.io.stream.CACHE_BYTES", 19)
    assert cached_where_small(held) is held


def test_a_fingerprint_reads_nothing(digits: Dataset) -> None:
    def made(images: Tensor, labels: Tensor) -> Dataset:
        streams = [Streamed(Held(images), labels) for _ in range(3)]
        return Dataset("held", 10, *streams)

    train = digits.train
    one, other = made(train.images, train.labels), made(train.images, train.labels.flip(0))
    darker = made(train.images // 2, train.labels)
    assert len({one.fingerprint, other.fingerprint, darker.fingerprint}) == 3
    assert one.fingerprint == made(train.images, train.labels).fingerprint
    assert one.shape == (1, 8, 8)
    assert not one.train.images.reads


def test_everything_that_reads_a_split_takes_a_stream(digits: Dataset) -> None:
    """Evidence, label budgets, a look at the first images: as from memory."""
    train = digits.train
    held = Held(train.images)
    streamed = Streamed(held, train.labels)
    for limit in (100, 2000):
        a, b = choose(train, limit), choose(streamed, limit)
        assert isinstance(b, Split)
        assert torch.equal(a.images, b.images)
        assert torch.equal(a.labels, b.labels)
    held.reads.clear()
    few = choose_labelled(streamed, 50, 10, seed=1)
    assert isinstance(few, Streamed)
    assert not held.reads
    assert torch.equal(few[:].images, choose_labelled(train, 50, 10, seed=1).images)
    variant = registry.load("acgan")
    model = build(variant, digits.shape, 10, variant.resolve({}, "digits"), 0)
    assert batches_per_round(model, streamed) == (1, True)


def test_training_is_the_same_to_the_bit(digits: Dataset) -> None:
    train = digits.train
    streamed = Streamed(Held(train.images), train.labels)
    weights = []
    for split in (train, streamed):
        variant = registry.load("acgan")
        model = build(variant, digits.shape, 10, variant.resolve({}, "digits"), 0)
        labelled = choose_labelled(split, 100, 10, seed=0)
        trainer = Trainer(model, split, seed=0, batch_size=64, rounds=5, labelled=labelled)
        trainer.rehearse()
        trainer.train(5)
        weights.append(trainer.model.state_dict())
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_same_batches_on_a_gpu() -> None:
    resident, streamed = (
        BatchLoader(split, 8, torch.Generator("cuda").manual_seed(0)) for split in numbered(50)
    )
    for _ in range(20):
        a, b = resident(), streamed()
        assert b[0].device.type == "cuda"
        assert torch.equal(a[0], b[0])
        assert torch.equal(a[1], b[1])
