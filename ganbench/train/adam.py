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
        found = [self.state[p] for p in self.parameters]
        counts = [one["step"].to(torch.float32) if one else torch.zeros(()) for one in found]
        self.steps = torch.stack(counts).to(self.parameters[0].device)
        self.means, self.squares = (
            [self._like(p, one.get(name)) for p, one in zip(self.parameters, found, strict=True)]
            for name in ("exp_avg", "exp_avg_sq")
        )
        rows = zip(self.parameters, self.steps, self.means, self.squares, strict=True)
        for p, step, mean, square in rows:
            self.state[p] = {"step": step, "exp_avg": mean, "exp_avg_sq": square}
        self.counts = [self.state[p]["step"] for p in self.parameters]

    @staticmethod
    def _like(p: Tensor, moment: Tensor | None) -> Tensor:
        """In the parameter's layout: the kernel walks both in the order of memory."""
        like = torch.zeros_like(p)
        return like if moment is None else like.copy_(moment)

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
        self.steps += 1
        torch._fused_adam_(
            self.parameters,
            gradients,
            self.means,
            self.squares,
            [],
            self.counts,
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
