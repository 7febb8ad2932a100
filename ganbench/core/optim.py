"""The fused Adam optimizer."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

KERNEL = getattr(torch, "_fused_adam_", None)
DEVICES = ("cpu", "cuda")
TYPES = (torch.float32, torch.float64)


def serves(parameters: Sequence[Tensor]) -> bool:
    """Whether `Adam` can step these parameters: dense, in float32 or float64, on one device
    that the kernel is known on, and all of one type."""
    kinds = {(p.device, p.dtype, p.layout) for p in parameters}
    return (
        KERNEL is not None
        and len(kinds) == 1
        and all(
            device.type in DEVICES and dtype in TYPES and layout == torch.strided
            for device, dtype, layout in kinds
        )
    )


class Adam:
    """Adam (Kingma & Ba 2015, arXiv:1412.6980) by torch's fused kernel.

    Serves the parameters for which `serves` says so; torch.optim.Adam is for all others. lr: a
    number, or a 0-dim tensor on the parameters' device that each step reads anew: float64 on a
    CPU, float32 on a GPU. weight_decay: of the L2 kind, added to the gradient.

    The same bits as torch.optim.Adam(fused=True), and its state's format. That one gathers the
    lists that the kernel works on before every step, which for small networks takes longer
    than the step, and its first use imports a compiler, which takes seconds.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float | Tensor,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        self.parameters = list(parameters)
        if not serves(self.parameters):
            raise ValueError("the fused kernel cannot step these parameters: use torch.optim.Adam")
        settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        self.param_groups: list[dict[str, Any]] = [{"params": self.parameters, **settings}]
        self._keep({})

    def _keep(self, state: dict[int, dict[str, Tensor]]) -> None:
        """Make the kernel's lists; the counts of steps are parts of one tensor, raised at once."""
        found = [state.get(i, {}) for i in range(len(self.parameters))]
        counts = [torch.as_tensor(one.get("step", 0.0), dtype=torch.float32) for one in found]
        self._counts = torch.stack([count.cpu() for count in counts]).to(self.parameters[0].device)
        self._steps = list(self._counts)
        self._means, self._squares = (
            [_like(p, one.get(name)) for p, one in zip(self.parameters, found, strict=True)]
            for name in ("exp_avg", "exp_avg_sq")
        )

    @torch.no_grad()
    def step(self) -> None:
        """One step; parameters without a gradient stay."""
        lists = [self.parameters, self._means, self._squares, self._steps]
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        if len(gradients) == len(self.parameters):
            self._counts += 1
        elif gradients:
            moving = [p.grad is not None for p in self.parameters]
            lists = [[x for x, move in zip(row, moving, strict=True) if move] for row in lists]
            torch._foreach_add_(lists[3], 1)
        else:
            return
        settings = self.param_groups[0]
        assert KERNEL is not None
        KERNEL(
            lists[0],
            gradients,
            lists[1],
            lists[2],
            [],
            lists[3],
            lr=settings["lr"],
            beta1=settings["betas"][0],
            beta2=settings["betas"][1],
            weight_decay=settings["weight_decay"],
            eps=settings["eps"],
            amsgrad=False,
            maximize=False,
        )

    def state_dict(self) -> dict[str, Any]:
        """As torch.optim's; the tensors are its own."""
        rows = zip(self._steps, self._means, self._squares, strict=True)
        names = ("step", "exp_avg", "exp_avg_sq")
        settings = {**self.param_groups[0], "params": list(range(len(self.parameters)))}
        state = {i: dict(zip(names, row, strict=True)) for i, row in enumerate(rows)}
        return {"state": state, "param_groups": [settings]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a saved state, torch.optim.Adam's or its own; what is given is copied."""
        saved, mine = state_dict["param_groups"][0], self.param_groups[0]
        names = ("lr", "betas", "eps", "weight_decay")
        mine.update({name: copy.deepcopy(saved.get(name, mine[name])) for name in names})
        self._keep(state_dict["state"])


def _like(p: Tensor, moment: Tensor | None) -> Tensor:
    """In the parameter's layout: the kernel walks both in the order of memory."""
    like = torch.zeros_like(p, requires_grad=False)
    return like if moment is None else like.copy_(moment)
