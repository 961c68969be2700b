"""torch: what a state dict looks like, and what may be loaded."""

from __future__ import annotations

from typing import Any

import torch

__all__ = ["entries"]


def entries(adapter: Any) -> str | None:
    """The dict has exactly state and param_groups; params are indices in order."""
    params = [torch.nn.Parameter(torch.full((n,), 1.3)) for n in (3, 1, 2)]
    port = adapter.make_optimizer(
        [{"params": params[:2]}, {"params": params[2:], "lr": 0.43}], {"lr": 0.7}
    )
    for p in params:
        p.grad = torch.full_like(p, 0.6)
    port.step()
    saved = port.state_dict()
    if set(saved) != {"state", "param_groups"}:
        return f"the entries are {sorted(map(str, saved))}"
    indices = [group["params"] for group in saved["param_groups"]]
    if indices != [[0, 1], [2]] or set(saved["state"]) != {0, 1, 2}:
        return f"params appear as {indices}, state as {sorted(saved['state'])}"
    rates = [group.get("lr") for group in saved["param_groups"]]
    return None if rates == [0.7, 0.43] else f"lr of the groups: {rates}"
