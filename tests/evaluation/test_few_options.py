"""A torch optimizer with lr and eps alone: one is right, one is wrong by size."""

from __future__ import annotations

import pytest

from adagrad_conformance import evaluate

PORT = """
import torch


class Right(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-2, eps=1e-10):
        if not 0 <= lr or not 0 <= eps:
            raise ValueError("lr and eps must not be negative")
        super().__init__(params, dict(lr=lr, eps=eps))

    def add_param_group(self, group):
        if not (0 <= group.get("lr", 1) and 0 <= group.get("eps", 1)):
            raise ValueError("lr and eps must not be negative")
        super().add_param_group(group)

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self.take(p, p.grad, group)
        return loss

    def take(self, p, grad, group):
        if "sum" not in self.state[p]:
            self.state[p]["sum"] = torch.zeros_like(p)
        tensors = p, grad, self.state[p]["sum"]
        if p.is_complex():
            tensors = map(torch.view_as_real, tensors)
        self.move(*tensors, group)

    def move(self, p, grad, total, group):
        total.add_(grad * grad)
        p.sub_(group["lr"] * grad / (total.sqrt() + group["eps"]))


class FirstBlock(Right):
    "Of what is contiguous, elements from 64 on are never touched."

    def move(self, p, grad, total, group):
        parts = p, grad, total
        if all(part.is_contiguous() for part in parts):
            parts = (part.view(-1)[:64] for part in parts)
        super().move(*parts, group)
"""


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    path = tmp_path_factory.mktemp("few") / "few_options.py"
    path.write_text(PORT)
    options = {"level": "must", "quick": True, "seed": 1}
    return {
        name: evaluate(f"{path}:{name}", **options) for name in ("Right", "FirstBlock")
    }


def test_a_right_one_is_conformant_with_what_it_has(verdicts):
    result = verdicts["Right"]
    assert [f"{v.scenario}: {v.failure}" for v in result.failures] == []
    assert result.conformant
    assert "lr-decay" in str(result)  # what the other requirements would need


def test_one_that_leaves_elements_alone_fails_by_that(verdicts):
    result = verdicts["FirstBlock"]
    failed = {v.requirements[0] for v in result.failures}
    assert "numerics/meetings" in failed
    assert result.exit_code() == 1
    first = result.faults.faults[0]
    assert "past-64" in first.slug or "tail" in first.slug, first.slug
