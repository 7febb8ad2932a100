"""Adam with less to do around each step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn


class FusedAdam(torch.optim.Adam):
    """torch.optim.Adam(fused=True): the same kernel, and the same state.

    torch gathers the lists that the kernel works on, parameter by parameter, before every
    step; for small networks that takes longer than the step. Here they are kept.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float,
        betas: tuple[float, float],
        capturable: bool = False,
    ) -> None:
        super().__init__(parameters, lr=lr, betas=betas, fused=True, capturable=capturable)
        self.settings = self.param_groups[0]
        self.parameters: list[Tensor] = self.settings["params"]
        self._gather()

    def _gather(self) -> None:
        """Keep the lists; the counts of steps become parts of one tensor, raised at once."""
        found = [self.state[p] or self._start(p) for p in self.parameters]
        counts = [one["step"].to(torch.float32) for one in found]
        self.steps = torch.stack(counts)
        for p, one, count in zip(self.parameters, found, self.steps, strict=True):
            self.state[p] = {**one, "step": count}
        names = ("exp_avg", "exp_avg_sq", "step")
        self.lists = [[self.state[p][name] for p in self.parameters] for name in names]

    @staticmethod
    def _start(p: Tensor) -> dict[str, Tensor]:
        return {
            "step": torch.zeros((), device=p.device),
            "exp_avg": torch.zeros_like(p),
            "exp_avg_sq": torch.zeros_like(p),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a saved state."""
        super().load_state_dict(state_dict)
        self.settings = self.param_groups[0]
        self._gather()

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step; parameters without a gradient stay, as in torch."""
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        if closure or len(gradients) < len(self.parameters):
            return super().step(closure)
        means, squares, steps = self.lists
        self.steps += 1
        torch._fused_adam_(
            self.parameters,
            gradients,
            means,
            squares,
            [],
            steps,
            lr=self.settings["lr"],
            beta1=self.settings["betas"][0],
            beta2=self.settings["betas"][1],
            weight_decay=0.0,
            eps=self.settings["eps"],
            amsgrad=False,
            maximize=False,
        )
        return None

    step.hooked = True  # type: ignore[attr-defined]  # else torch wraps it in a profiler's range
