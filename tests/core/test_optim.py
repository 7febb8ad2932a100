"""Adam against the optimizer that it is made of."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from ganbench.core.optim import Adam, serves

SETTINGS = {"lr": 0.01, "betas": (0.5, 0.99)}


def parameters() -> list[nn.Parameter]:
    rng = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(size, generator=rng)) for size in ((3, 4), (5,), ())]


def push(owned: list[nn.Parameter], step: int, without: int | None = None) -> None:
    for i, p in enumerate(owned):
        p.grad = None if i == without else torch.sin(p.detach() * 7 + step)


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("rate", [0.01, torch.tensor(0.01, dtype=torch.float64)], ids=type)
def test_the_same_bits_as_torchs(rate: float | torch.Tensor, decay: float) -> None:
    """Whether the rate is a number, or a tensor that holds that very number."""
    mine, theirs = parameters(), parameters()
    one = Adam(mine, rate, SETTINGS["betas"], weight_decay=decay)
    other = torch.optim.Adam(theirs, **SETTINGS, weight_decay=decay, fused=True)
    for step in range(20):
        for owned, optimizer in ((mine, one), (theirs, other)):
            push(owned, step, without=1 if step % 3 == 0 else None)  # torch leaves those be
            optimizer.step()
    for a, b in zip(mine, theirs, strict=True):
        assert torch.equal(a, b)


def test_a_rate_that_is_a_tensor_is_read_at_each_step() -> None:
    mine, theirs = parameters(), parameters()
    rate = torch.tensor(0.01, dtype=torch.float64)
    one, other = Adam(mine, rate), Adam(theirs, 0.01)
    for step, value in enumerate((0.01, 0.005, 0.02)):
        rate.fill_(value)
        other.param_groups[0]["lr"] = value
        for owned, optimizer in ((mine, one), (theirs, other)):
            push(owned, step)
            optimizer.step()
    for a, b in zip(mine, theirs, strict=True):
        assert torch.equal(a, b)


def test_it_says_what_it_serves() -> None:
    half = nn.Parameter(torch.zeros(3, dtype=torch.bfloat16))
    assert serves(parameters())
    for other in ([], [half], [*parameters(), half], [torch.zeros(3, device="meta")]):
        assert not serves(other)
    with pytest.raises(ValueError, match=r"use torch\.optim\.Adam"):
        Adam([half], 0.01)


def test_torchs_state_is_taken_and_ones_own() -> None:
    mine, theirs, again = parameters(), parameters(), parameters()
    other = torch.optim.Adam(theirs, **SETTINGS)
    push(theirs, 0)
    other.step()
    with torch.no_grad():
        for p, q, r in zip(again, theirs, mine, strict=True):
            p.copy_(q)
            r.copy_(q)
    one, third = Adam(again, 0.5), Adam(mine, 0.5)
    one.load_state_dict(other.state_dict())
    third.load_state_dict(one.state_dict())  # copied: they do not share moments
    for step in (1, 2):
        for owned, optimizer in ((mine, third), (theirs, other), (again, one)):
            push(owned, step)
            optimizer.step()
    for a, b, c in zip(mine, theirs, again, strict=True):
        torch.testing.assert_close(a, b)
        torch.testing.assert_close(c, b)
    assert [s["step"].item() for s in one.state_dict()["state"].values()] == [3, 3, 3]


def test_a_state_from_before_the_first_step() -> None:
    mine = parameters()
    one = Adam(mine, **SETTINGS)
    one.load_state_dict(torch.optim.Adam(parameters(), **SETTINGS).state_dict())
    push(mine, 0)
    before = [p.detach().clone() for p in mine]
    one.step()
    for p, old in zip(mine, before, strict=True):  # Adam's first step is lr in every direction
        torch.testing.assert_close((p - old).abs(), torch.full_like(old, 0.01))


def test_a_state_in_another_layout() -> None:
    """The kernel walks memory: a loaded moment must lie as its parameter does."""
    rng = torch.Generator().manual_seed(0)
    plain = nn.Parameter(torch.randn(4, 3, 2, 2, generator=rng))
    laid = nn.Parameter(plain.detach().clone(memory_format=torch.channels_last))
    other = torch.optim.Adam([plain], **SETTINGS)
    push([plain], 0)
    other.step()
    with torch.no_grad():
        laid.copy_(plain)
    one = Adam([laid], **SETTINGS)
    one.load_state_dict(other.state_dict())
    for owned, optimizer in (([plain], other), ([laid], one)):
        push(owned, 1)
        optimizer.step()
    torch.testing.assert_close(laid, plain, check_stride=False)


def test_without_any_gradient_nothing_moves() -> None:
    mine = parameters()
    one = Adam(mine, **SETTINGS)
    one.step()
    assert [s["step"].item() for s in one.state_dict()["state"].values()] == [0, 0, 0]


def test_training_imports_no_compiler() -> None:
    code = (
        "import sys, torch\nfrom ganbench.core.optim import Adam\n"
        "p = torch.zeros(2, requires_grad=True)\n"
        "p.sum().backward(); Adam([p], 0.1).step(); assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
