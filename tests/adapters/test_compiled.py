"""The step under torch.compile: right ports, wrong ones, and a finding on torch.

One test, because the first compilation in a new folder takes half a minute.
"""

import pytest
import torch

from adagrad_conformance.adapters import torch_optim
from adagrad_conformance.adapters.own import torch_adapter as torch_own
from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad, adagrad_
from adagrad_conformance.adapters.torch_optim import TorchAdapter
from adagrad_conformance.checks.kinds import native_checks
from adagrad_conformance.evaluation.client import evaluate_client
from adagrad_conformance.transport.in_process import InProcessClient


class CompiledStepIsEmpty(SingleTensorAdagrad):
    """Under torch.compile nothing moves."""

    def step(self, closure=None):
        if torch.compiler.is_compiling():
            return None
        return super().step(closure)


class CompiledInBinary32(SingleTensorAdagrad):
    """Under torch.compile every format is computed in binary32."""

    def _update(self, slots, *options):
        if not torch.compiler.is_compiling():
            super()._update(slots, *options)
            return
        for theta, g, s, clr in slots:
            new_theta, new_s = theta.float(), s.float()
            adagrad_(new_theta, g.float(), new_s, clr, *options)
            theta.copy_(new_theta)
            s.copy_(new_s)


def failed(make):
    """The requirements on the compiled step that a port fails."""
    compiled = [c for c in native_checks() if c.id.startswith("torch/compiled")]
    assert all(check.entry.slow for check in compiled)
    result = evaluate_client("port", InProcessClient(make), compiled, None)
    assert result.problem is None
    if any(v.status == "skipped" for v in result.verdicts):
        pytest.skip(result.verdicts[0].message)
    assert {v.status for v in result.verdicts} <= {"pass", "fail"}
    return {v.requirements[0] for v in result.verdicts if v.status == "fail"}


def computes_the_rate_in_float32(**path):
    """In plain torch; the backend that only traces needs no compiler."""
    results = []
    for wrap in (lambda f: f, torch.compile(backend="eager")):
        p = torch.zeros(1, dtype=torch.float64)
        p.grad = torch.full_like(p, 0.5)
        opt = torch.optim.Adagrad([p], lr=0.7, lr_decay=0.13, **path)
        step = wrap(lambda opt=opt: opt.step())
        step()
        step()
        results.append(p.item())
    torch._dynamo.reset()
    return abs(results[0] - results[1]) > 1e-10


def test_compiled_steps(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    plain, wide = "torch/compiled", "torch/compiled-in-binary64"
    assert failed(torch_own.single) == set()
    assert failed(torch_own.foreach) == set()
    assert failed(lambda: TorchAdapter("m", CompiledStepIsEmpty)) == {plain, wide}
    assert failed(lambda: TorchAdapter("m", CompiledInBinary32)) == {wide}
    for adapter in (torch_optim.single, torch_optim.foreach, torch_optim.fused):
        by_hand = computes_the_rate_in_float32(**adapter().fixed)
        assert failed(adapter) == ({wide} if by_hand else set())
