"""Historical averaging: a pull of parameters towards their mean over the past."""

from __future__ import annotations

import torch
from torch import Tensor


class HistoricalAverage:
    """Adds the gradient of weight * ||theta - (1/t) sum_i theta[i]||^2 (arXiv:1606.03498, 3.3).

    The mean runs over the values before each step so far, the first included, and is a
    constant to the gradient. It is added beside the backward pass, as two foreach operations,
    so that autograd need not carry it.
    """

    def __init__(self, parameters: list[torch.nn.Parameter], weight: float) -> None:
        self.parameters: list[Tensor] = list(parameters)
        self.weight = weight
        self.mean = [p.detach().clone() for p in parameters]
        self.count = torch.ones((), device=parameters[0].device)

    @torch.no_grad()
    def add_gradient(self) -> None:
        """Add 2 * weight * (theta - mean) to each gradient."""
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        away = list(torch._foreach_sub(self.parameters, self.mean))
        torch._foreach_add_(gradients, away, alpha=2 * self.weight)

    @torch.no_grad()
    def update(self) -> None:
        """Take the new values into the mean."""
        self.count += 1
        change = list(torch._foreach_sub(self.parameters, self.mean))
        torch._foreach_div_(change, self.count)
        torch._foreach_add_(self.mean, change)

    def state_dict(self) -> dict[str, Tensor | list[Tensor]]:
        """The mean and how many values it is of."""
        return {"mean": [m.clone() for m in self.mean], "count": self.count.clone()}

    def load_state_dict(self, state: dict[str, Tensor | list[Tensor]]) -> None:
        """Go on from a saved state."""
        torch._foreach_copy_(self.mean, list(state["mean"]))
        self.count.copy_(torch.as_tensor(state["count"]))
