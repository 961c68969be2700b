"""adagradw.AdagradW: torch's Adagrad with decoupled weight decay, in both its paths.

Its documentation: a drop-in replacement for torch.optim.Adagrad, whose options it has;
weight decay is a gradient step of its own, as in AdamW, and does not enter S.
"""

from __future__ import annotations

from importlib.metadata import version

from adagradw import AdagradW

from adagrad_conformance.adapters.torch_optim import TorchAdapter

__all__ = ["foreach", "single"]


def _path(name: str, foreach: bool) -> TorchAdapter:
    made = TorchAdapter(
        f"adagradw/{name}",
        AdagradW,
        {"foreach": foreach},
        without={"pickle", "compile"},  # neither is documented
        version=version("adagradw"),
    )
    made.dialect = "adagradw"
    return made


def single() -> TorchAdapter:
    """The path that takes one tensor at a time."""
    return _path("single", foreach=False)


def foreach() -> TorchAdapter:
    """The path that takes all tensors at once."""
    return _path("foreach", foreach=True)
