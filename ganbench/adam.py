"""Adam with little to do around each step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor


class Adam:
    """Adam (Kingma & Ba 2015, arXiv:1412.6980) by torch's fused kernel, in float32 and float64.

    The same bits as torch.optim.Adam(fused=True), and its state's format. That one gathers the
    lists that the kernel works on before every step, which for small networks takes longer
    than the step, and its first use imports a compiler, which takes seconds.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        self.parameters = list(parameters)
        self.param_groups: list[dict[str, Any]] = [
            {"params": self.parameters, "lr": lr, "betas": betas, "eps": eps}
        ]
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
        torch._fused_adam_(
            lists[0],
            gradients,
            lists[1],
            lists[2],
            [],
            lists[3],
            lr=settings["lr"],
            beta1=settings["betas"][0],
            beta2=settings["betas"][1],
            weight_decay=0.0,
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
        saved = state_dict["param_groups"][0]
        self.param_groups[0].update({name: saved[name] for name in ("lr", "betas", "eps")})
        self._keep(state_dict["state"])


def _like(p: Tensor, moment: Tensor | None) -> Tensor:
    """In the parameter's layout: the kernel walks both in the order of memory."""
    like = torch.zeros_like(p, requires_grad=False)
    return like if moment is None else like.copy_(moment)
