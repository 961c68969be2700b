"""How a script imports and makes each torch optimizer.

A registered port names one of the constants here in its row of `adapters.registry`.
The class of any other TARGET is imported by its name; what is not an importable name in
plain ASCII has no constructor.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from adagrad_conformance.adapters.registry import PORTS
from adagrad_conformance.reproducers.literals import python_literal

from .tensors import MAKERS

__all__ = [
    "ADAGRADW_FOREACH",
    "ADAGRADW_SINGLE",
    "BITSANDBYTES_8_BIT",
    "BITSANDBYTES_32_BIT",
    "DEEPSPEED",
    "OWN_FOREACH",
    "OWN_SINGLE",
    "SCRIPT_WORDS",
    "TORCHBIGGRAPH_ROW_WISE",
    "TORCHREC_ROW_WISE",
    "TORCH_DIFFERENTIABLE",
    "TORCH_FOREACH",
    "TORCH_FUSED",
    "TORCH_SINGLE",
    "TorchConstructor",
    "torch_constructor",
]

#: What a script binds itself.
SCRIPT_WORDS = frozenset(
    {"calls", "closure", "copy", "i", "inf", "io", "loss", "nan", "run_path", "seen"}
    | {"show", "sys", "torch", *(maker for maker, _ in MAKERS.values())}
)
_NAME = re.compile(r"[A-Za-z_]\w{0,99}(\.[A-Za-z_]\w{0,99})*", re.ASCII)


@dataclass(frozen=True)
class TorchConstructor:
    """An optimizer's imports, callable and fixed arguments, as Python source."""

    callable: str = "torch.optim.Adagrad"
    fixed: Mapping[str, bool] = field(default_factory=dict)
    imports: tuple[str, ...] = ()
    keys: tuple[str, str] = ("sum", "step")  #: of accumulator and counter in a state
    counts_in_tensor: bool = True  #: else the counter is an int
    constants: frozenset[str] = frozenset()  #: options that it has not
    rows: bool = False  #: its accumulators have one number a row
    flat: bool = False  #: and these stand in one dimension
    tables: bool = False  #: its params are tables

    def accumulator(self, state: str, param: str) -> str:
        """The accumulator in a state, a number for each element of the param."""
        found = f'{state}["{self.keys[0]}"]'
        column = "[:, None]" if self.flat else ""
        return f"{found}{column}.expand_as({param})" if self.rows else found

    def written(self, accumulator: str, t: int) -> str:
        """The arguments that update a state."""
        column = ("[:, 0]" if self.flat else "[:, :1]") if self.rows else ""
        count = python_literal(t)
        if self.counts_in_tensor:
            count = f"torch.tensor({count}.0)"
        return f"{self.keys[0]}={accumulator}{column}, {self.keys[1]}={count}"


def _imported(place: str, **more: bool) -> TorchConstructor:
    """A class by "module:name"."""
    module, _, name = place.partition(":")
    return TorchConstructor(name, more, (f"from {module} import {name}",))


TORCH_SINGLE = TorchConstructor(fixed={"foreach": False})
TORCH_FOREACH = TorchConstructor(fixed={"foreach": True})
TORCH_FUSED = TorchConstructor(fixed={"fused": True})
TORCH_DIFFERENTIABLE = TorchConstructor(fixed={"differentiable": True})

_OWN = "adagrad_conformance.adapters.own"
OWN_SINGLE = _imported(f"{_OWN}.torch_single:SingleTensorAdagrad")
OWN_FOREACH = _imported(f"{_OWN}.torch_foreach:ForeachAdagrad")

DEEPSPEED = replace(
    _imported("deepspeed.ops.adagrad:DeepSpeedCPUAdagrad", fp32_optimizer_states=False),
    keys=("exp_avg_sq", "step"),
    counts_in_tensor=False,
    constants=frozenset({"initial_accumulator_value"}),
)
TORCHREC_ROW_WISE = replace(
    _imported("torchrec.optim.rowwise_adagrad:RowWiseAdagrad"), rows=True, tables=True
)
TORCHBIGGRAPH_ROW_WISE = replace(
    _imported("torchbiggraph.row_adagrad:RowAdagrad"),
    counts_in_tensor=False,
    constants=frozenset({"eps", "initial_accumulator_value"}),
    rows=True,
    flat=True,
    tables=True,
)
ADAGRADW_SINGLE = _imported("adagradw:AdagradW", foreach=False)
ADAGRADW_FOREACH = _imported("adagradw:AdagradW", foreach=True)
BITSANDBYTES_32_BIT = replace(
    _imported("bitsandbytes.optim:Adagrad"),
    keys=("state1", "step"),
    counts_in_tensor=False,
    constants=frozenset({"initial_accumulator_value"}),
)
_EIGHT = _imported("bitsandbytes.optim:Adagrad8bit")
BITSANDBYTES_8_BIT = replace(
    BITSANDBYTES_32_BIT, callable=_EIGHT.callable, imports=_EIGHT.imports
)


def torch_constructor(target: str) -> TorchConstructor | None:
    """The constructor of a TARGET, whose class must be a torch optimizer.

    None for a registered port that is none, for exec:COMMAND, and for a name that no
    import statement can hold.
    """
    if target in PORTS:
        named = PORTS[target].torch
        found: TorchConstructor | None = globals()[named] if named else None
        return found
    module, _, name = target.rpartition(":")
    top = name.split(".")[0]
    if target.startswith("exec:") or not _is_name(name) or top in SCRIPT_WORDS:
        return None
    if module.endswith(".py"):
        path = Path(module).resolve()
        folder = python_literal(str(path.parent))
        loaded = f"{top} = run_path({python_literal(str(path))})[{python_literal(top)}]"
        lines = ("import sys", "from runpy import run_path")
        return TorchConstructor(
            name, imports=(*lines, f"sys.path.append({folder})", loaded)
        )
    if not _is_name(module):
        return None
    line = f"from {module} import {top}"
    return TorchConstructor(name, imports=("import sys", "sys.path.append('')", line))


def _is_name(text: str) -> bool:
    """Whether an import statement can name it; keywords are in no dotted name."""
    words = text.split(".")
    return _NAME.fullmatch(text) is not None and not any(map(keyword.iskeyword, words))
