"""A scenario as a few lines of torch: a reproducer that needs no suite.

Rule 1.  Decimals are the shortest that give the very bits back, so that theta and S
         come out bit for bit as in a run; only the payload of a NaN is lost.
Rule 2.  An event that must be refused is tried, and what came of it is printed; as
         the last event it stands bare, so that its refusal is the end of the script.
Rule 3.  Another process is played in this one: new params, a new optimizer, bytes.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import assert_never

from adagrad_conformance.user_modules import free_name
from adagrad_reference.bookkeeping import Bookkeeper
from adagrad_reference.scenario import (
    AddGroup,
    Event,
    Gradient,
    Group,
    Load,
    New,
    OptionValues,
    Read,
    Save,
    Scenario,
    SetOption,
    SetState,
    Step,
    Steps,
    ZeroGrad,
)

from .torch_limits import as_tables, without_options
from .torch_literals import (
    MAKERS,
    gradient_text,
    storage_text,
    tensor_text,
    view_text,
)

__all__ = [
    "TORCH_PORTS",
    "TorchPort",
    "Writer",
    "options_text",
    "torch_port",
    "torch_snippet",
    "word",
]

_TAKEN = {"copy", "inf", "io", "nan", "torch", "closure", "i", "show"}
_TAKEN |= {"calls", "loss", "math", "seen"}
_TAKEN |= {maker for maker, _ in MAKERS.values()}
_SHOW = (
    "show = lambda state: {k: v.tolist() if torch.is_tensor(v) else v "
    "for k, v in state.items()}"
)


@dataclass(frozen=True)
class TorchPort:
    """How a script makes an optimizer: its imports, constructor, fixed arguments."""

    constructor: str = "torch.optim.Adagrad"
    extra: str = ""  #: as in ", fused=True"
    imports: tuple[str, ...] = ()
    keys: tuple[str, str] = ("sum", "step")  #: of accumulator and counter
    counter: str = "torch.tensor({}.0)"  #: a counter in the state
    constants: frozenset[str] = frozenset()  #: options that it has not
    rows: bool = False  #: its accumulators have one number a row
    flat: bool = False  #: and these stand in one dimension
    tables: bool = False  #: its params are tables

    def of_sum(self, state: str, param: str) -> str:
        """The accumulator, a number for each element of the param."""
        found = f"{state}[{self.keys[0]!r}]".replace("'", '"')
        column = "[:, None]" if self.flat else ""
        return f"{found}{column}.expand_as({param})" if self.rows else found

    def written(self, total: str, t: int) -> str:
        """What the state is updated with."""
        column = ("[:, 0]" if self.flat else "[:, :1]") if self.rows else ""
        key, step = self.keys
        return f"{key}={total}{column}, {step}={self.counter.format(t)}"


_OWN = "from adagrad_conformance.adapters.own."

_DEEPSPEED = TorchPort(
    "DeepSpeedCPUAdagrad",
    extra=", fp32_optimizer_states=False",
    imports=("from deepspeed.ops.adagrad import DeepSpeedCPUAdagrad",),
    keys=("exp_avg_sq", "step"),
    counter="{}",
    constants=frozenset({"initial_accumulator_value"}),
)
_ROW_WISE = TorchPort(
    "RowWiseAdagrad",
    imports=("from torchrec.optim.rowwise_adagrad import RowWiseAdagrad",),
    rows=True,
)
_ADAGRADW = TorchPort("AdagradW", imports=("from adagradw import AdagradW",))
_BITS_AND_BYTES = TorchPort(
    "Adagrad",
    imports=("from bitsandbytes.optim import Adagrad",),
    keys=("state1", "step"),
    counter="{}",
    constants=frozenset({"initial_accumulator_value"}),
)

#: Those registered ports that are torch optimizers, by their names.
TORCH_PORTS: Mapping[str, TorchPort] = {
    "torch/single": TorchPort(extra=", foreach=False"),
    "torch/foreach": TorchPort(extra=", foreach=True"),
    "torch/fused": TorchPort(extra=", fused=True"),
    "torch/differentiable": TorchPort(extra=", differentiable=True"),
    "own/torch-single": TorchPort(
        "SingleTensorAdagrad",
        imports=(f"{_OWN}torch_single import SingleTensorAdagrad",),
    ),
    "own/torch-foreach": TorchPort(
        "ForeachAdagrad", imports=(f"{_OWN}torch_foreach import ForeachAdagrad",)
    ),
    "deepspeed": _DEEPSPEED,
    "deepspeed/update": _DEEPSPEED,
    "torchrec/row-wise": replace(_ROW_WISE, tables=True),
    "torchrec/any-shape": _ROW_WISE,
    "biggraph/row-wise": TorchPort(
        "RowAdagrad",
        imports=("from torchbiggraph.row_adagrad import RowAdagrad",),
        counter="{}",
        constants=frozenset({"eps", "initial_accumulator_value"}),
        rows=True,
        flat=True,
        tables=True,
    ),
    "adagradw/single": replace(_ADAGRADW, extra=", foreach=False"),
    "adagradw/foreach": replace(_ADAGRADW, extra=", foreach=True"),
    "bitsandbytes/32-bit": _BITS_AND_BYTES,
    "bitsandbytes/8-bit": replace(
        _BITS_AND_BYTES,
        constructor="Adagrad8bit",
        imports=("from bitsandbytes.optim import Adagrad8bit",),
    ),
}


def torch_port(target: str) -> TorchPort | None:
    """The port of a TARGET, whose class must be a torch optimizer.

    None for a registered name that is no torch port, and for exec:COMMAND.
    """
    if target in TORCH_PORTS:
        return TORCH_PORTS[target]
    module, _, name = target.rpartition(":")
    if not module or target.startswith("exec:"):
        return None
    top = name.split(".")[0]
    if not module.endswith(".py"):
        return TorchPort(name, imports=(f"from {module} import {top}",))
    return TorchPort(name, imports=tuple(_imports_of(Path(module).resolve(), top)))


def _imports_of(path: Path, name: str) -> Iterator[str]:
    """Lines that import a name from a file, whatever the file is called."""
    module = free_name(path)
    yield "import sys"
    yield f"sys.path.insert(0, {str(path.parent)!r})"
    if module == path.stem and module.isidentifier():
        yield f"from {module} import {name}"
        return
    yield "import importlib.util"
    yield f"spec = importlib.util.spec_from_file_location({module!r}, {str(path)!r})"
    yield "sys.modules[spec.name] = importlib.util.module_from_spec(spec)"
    yield "spec.loader.exec_module(sys.modules[spec.name])"
    yield f"{name} = sys.modules[spec.name].{name}"


def torch_snippet(
    scenario: Scenario,
    constructor: str = "torch.optim.Adagrad",
    extra: str = "",
    imports: tuple[str, ...] = (),
) -> str:
    """Python source that plays the scenario and prints params and state.

    `extra` are further constructor arguments, as ", fused=True"; `imports` are lines
    that the constructor needs.  Raises `ScenarioError` for an impossible scenario.
    """
    return Writer(scenario, TorchPort(constructor, extra, imports)).write()


class Writer:
    """Writes one scenario down; `torch_reproducer.py` writes shorter."""

    def __init__(self, scenario: Scenario, port: TorchPort) -> None:
        scenario = without_options(scenario, port.constants)
        scenario = as_tables(scenario) if port.tables else scenario
        self.scenario, self.port = scenario, port
        self.books = Bookkeeper(scenario)
        optimizers = dict.fromkeys(event.optimizer for event in scenario.events)
        self.names = _script_names(scenario.tensors, _TAKEN)
        taken = _TAKEN | set(self.names.values())
        self.optimizers = _script_names(optimizers, taken)
        self.ways: dict[str, set[str]] = {}
        for event in scenario.events:
            if isinstance(event, Load):
                self.ways.setdefault(event.name, set()).add(event.via)

    def write(self) -> str:
        """The whole script; makers and imports are those that it turns out to need."""
        body = [line for name in self.scenario.tensors for line in self._param(name)]
        last = len(self.scenario.events) - 1
        for number, event in enumerate(self.scenario.events):
            body += self.event(event, number == last)
        body += self.prints()
        text = "\n".join(body)
        words = set(re.findall(r"(?<![\w.])[a-z]\w*", text))
        modules = [name for name in ("copy", "io", "torch") if name in words]
        head = [f"import {', '.join(modules)}"]
        if special := [name for name in ("inf", "nan") if name in words]:
            head.append(f"from math import {', '.join(special)}")
        head += self.port.imports
        for maker, dtype in MAKERS.values():
            if maker in words:
                head.append(f"{maker} = lambda v: torch.tensor(v, dtype=torch.{dtype})")
        return "\n".join([*head, text])

    def _param(self, name: str) -> Iterator[str]:
        tensor, mine = self.scenario.tensors[name], self.names[name]
        if tensor.layout is None:
            yield f"{mine} = {self._made_param(tensor_text(tensor))}"
            return
        yield f"{mine}_storage = {storage_text(tensor)}"
        yield f"{mine} = {self._made_param(f'{mine}_storage{view_text(tensor)}')}"

    def moved(self, name: str) -> Iterator[str]:
        """The param anew, with what it holds."""
        tensor, mine = self.scenario.tensors[name], self.names[name]
        if tensor.layout is None:
            yield f"{mine} = {self._made_param(f'{mine}.detach().clone()')}"
            return
        yield f"{mine}_storage = {mine}_storage.clone()"
        yield f"{mine} = {self._made_param(f'{mine}_storage{view_text(tensor)}')}"

    def _made_param(self, data: str) -> str:
        """A param whose step is differentiated must be no leaf."""
        plain = "differentiable=True" in self.port.extra
        return data if plain else f"torch.nn.Parameter({data})"

    def prints(self) -> Iterator[str]:
        """Every param, with its storage and its states, to the last digit."""
        yield _SHOW
        for name, tensor in self.scenario.tensors.items():
            mine = self.names[name]
            parts = [f"{mine}.tolist()"]
            if tensor.layout is not None:
                parts.append(f"{mine}_storage.tolist()")
            parts += [
                f"show({self.optimizers[who]}.state[{mine}])"
                for who in self.books.optimizers
                if name in self.books.params(who)
            ]
            yield f"print({', '.join(parts)})"

    # -- events ----------------------------------------------------------------------

    def event(self, event: Event, last: bool) -> Iterator[str]:
        """The lines of an event, and what becomes of it."""
        lines = list(self.lines(event))
        effect = self.books.apply(event)
        if not effect.refusal:
            yield from lines
            return
        *before, refused = lines
        yield from before
        if last:
            yield f"{refused}  # must be refused: {effect.refusal}"
        else:
            yield f"try: {refused}; print('accepted')"
            yield "except Exception as error: print('refused:', error)"

    def lines(self, event: Event) -> Iterator[str]:
        """The lines of an event that is accepted."""
        who = self.optimizers[event.optimizer]
        match event:
            case New(groups=groups, options=options):
                yield f"{who} = {self.made(groups, options)}"
            case Step(gradients=gradients, loss=loss):
                yield from self.step(who, gradients, loss)
            case Steps():
                yield from self._steps(who, event)
            case SetOption(group=group, option=option, value=value):
                yield f"{who}.param_groups[{group}][{option!r}] = {value!r}"
            case AddGroup(group=new_group):
                yield f"{who}.add_param_group({self.group(new_group)})"
            case ZeroGrad(set_to_none=to_none):
                yield f"{who}.zero_grad(set_to_none={to_none})"
            case Read():
                yield f"{who}.state_dict()"
            case Save():
                yield from self.save(who, event.name)
            case Load():
                yield from self.load(who, event)
            case SetState(param=param, state_sum=total, t=t):
                state = self.port.written(tensor_text(total), t)
                yield f"{who}.state[{self.names[param]}].update({state})"
            case _:
                assert_never(event)

    def step(
        self, who: str, gradients: Mapping[str, Gradient], loss: float | None
    ) -> Iterator[str]:
        """A step, with a closure where there is a loss."""
        if loss is None:
            yield from self.gradients(gradients)
            yield f"{who}.step()"
            return
        yield "def closure():"
        yield from ("    " + line for line in self.gradients(gradients))
        yield f"    return torch.tensor({loss!r}, dtype=torch.float64)"
        yield f"print({who}.step(closure))"

    def _steps(self, who: str, event: Steps) -> Iterator[str]:
        if len(event.cycle) == 1:
            yield from self.gradients(event.cycle[0])
            yield f"for i in range({event.count}): {who}.step()"
            return
        yield f"for i in range({event.count}):"
        for number, gradients in enumerate(event.cycle):
            if gradients:
                yield f"    if i % {len(event.cycle)} == {number}:"
                yield from ("        " + line for line in self.gradients(gradients))
        yield f"    {who}.step()"

    def gradients(self, gradients: Mapping[str, Gradient]) -> Iterator[str]:
        """Gradients, each given by a line."""
        for name, gradient in gradients.items():
            yield f"{self.names[name]}.grad = {gradient_text(gradient)}"

    def save(self, who: str, name: str) -> Iterator[str]:
        """What a later load needs of it: the dict itself, a copy, bytes."""
        ways, saved = self.ways.get(name, set()), word(name)
        yield f"saved_{saved} = {who}.state_dict()"
        if "deepcopy" in ways:
            yield f"copy_{saved} = copy.deepcopy(saved_{saved})"
        if ways & {"bytes", "new-process"}:
            yield f"torch.save(saved_{saved}, file_{saved} := io.BytesIO())"

    def load(self, who: str, event: Load) -> Iterator[str]:
        """A load; one elsewhere begins with new params."""
        saved = word(event.name)
        source = {
            "same-object": f"saved_{saved}",
            "deepcopy": f"copy.deepcopy(copy_{saved})",
        }.get(event.via)
        if event.via == "new-process":
            yield "# as in a new process"
            for name in self.scenario.tensors:
                yield from self.moved(name)
            groups = tuple(
                Group(params, options.changed())
                for params, options in self.books.groups(event.optimizer)
            )
            yield f"{who} = {self.made(groups, {})}"
        if source is None:
            yield f"file_{saved}.seek(0)"
            source = f"torch.load(file_{saved}, weights_only=True)"
        yield f"{who}.load_state_dict({source})"

    def made(self, groups: tuple[Group, ...], options: OptionValues) -> str:
        """The optimizer, constructed."""
        listed = ", ".join(self.group(group) for group in groups)
        given = f"[{listed}]{options_text(options)}{self.port.extra}"
        return f"{self.port.constructor}({given})"

    def group(self, group: Group) -> str:
        """A group, as a dict."""
        params = ", ".join(self.names[name] for name in group.params)
        return f"dict(params=[{params}]{options_text(group.options)})"


def _script_names(given: Iterable[str], taken: set[str]) -> dict[str, str]:
    """A name of its own for each, which the script can use."""
    names: dict[str, str] = {}
    for name in given:
        mine = word(name)
        while mine in taken or keyword.iskeyword(mine) or mine in names.values():
            mine += "_"
        names[name] = mine
    return names


def word(name: str) -> str:
    """`name` itself where it is an identifier."""
    word = re.sub(r"\W", "_", name, flags=re.ASCII)
    return word if word.isidentifier() else f"_{word}"


def options_text(options: OptionValues) -> str:
    """Options as further arguments."""
    return "".join(f", {name}={value!r}" for name, value in options.items())
