"""Whether an adapter lies by accident: options, state and shapes on their way.

A few scenarios are played.  Where one is judged wrong, hypotheses about the adapter are
tried: the same observations are judged as if lr had been rounded to binary32, or the
gradient transposed, ...  One that makes all of it right names the fault.

Rule 1.  A port that is judged right has an adapter that is right, and is spared.
Rule 2.  What a port can do itself (keep its rate in binary32, ignore an option) is the
         adapter's fault only where that is seen: by the line that hands it on
         (adapters/native/handing.py).  Where it is not seen, it is a doubt.  Where the
         port was handed all as it was given, nothing is said: `run` judges it.
Rule 3.  What no hypothesis makes right is the port's, and nothing is said here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from adagrad_conformance.adapters.claims import ALL_OPTIONS
from adagrad_conformance.adapters.contract import Malformed, Refused
from adagrad_conformance.adapters.native.handing import (
    HANDED_ON,
    LATER,
    MISSING,
    OPTIONS,
    PLACE,
)
from adagrad_conformance.execution.observations import Observation
from adagrad_conformance.execution.runner import play
from adagrad_conformance.execution.status import Status
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.judge import judge
from adagrad_conformance.transport.client import Client
from adagrad_conformance.transport.errors import Crash, NotLoaded, Timeout
from adagrad_conformance.transport.identity import Identity
from adagrad_reference.dialects import DIALECTS
from adagrad_reference.formats import FORMATS
from adagrad_reference.scenario import (
    Event,
    Group,
    New,
    OptionValues,
    Scenario,
    SetOption,
    SetState,
    Step,
    Tensor,
)

from .as_if import (
    NARROWER,
    ORDERS,
    bits_of,
    in_format,
    numbers_of,
    reshaped,
    roundings,
    shown_in,
    with_event,
    with_option,
    without_event,
    without_state,
)

__all__ = ["Finding", "harness_doubt"]

_SHAPE = (2, 3)
_THETA = (0.84147098, -1.90929743, 0.14112001, -0.75680249, 2.95892427, -0.27941549)
_GRADIENTS = (
    (0.54030231, -0.41614684, 0.98999249, -0.65364362, 0.28366219, 0.96017029),
    (-0.75390225, 0.14550003, 0.91113026, 0.83907153, -0.44256978, 0.84385396),
    (0.90744678, 0.13673722, -0.75968791, 0.95765948, -0.27516334, 0.66031671),
)
_WRITTEN = (0.5, 1.25, 2.75, 0.375, 3.5, 0.8125)
#: The order of elements in which a matrix is read by columns, and the way back.
_BY_COLUMNS = ((0, 3, 1, 4, 2, 5), (0, 2, 4, 1, 3, 5))

_GIVE_UP = (Crash, Timeout, Malformed, Refused, NotLoaded)


@dataclass(frozen=True)
class Finding:
    """What an adapter does wrong, and what to do.

    It is not `certain` where the port could have done it.
    """

    problem: str
    advice: str
    certain: bool = True

    def __str__(self) -> str:
        return f"{self.problem}; {self.advice}"


def harness_doubt(client: Client, identity: Identity) -> Finding | None:
    """The first thing that the adapter of a started port does wrong, or None.

    The port may have ended afterwards, as after any check.
    """
    try:
        return next(_Harness(client, identity).findings(), None)
    except _GIVE_UP:
        return None  # it cannot be looked at; `run` says why


class _Harness:
    """A port in doubt; its methods raise as those of `Client`."""

    def __init__(self, client: Client, identity: Identity) -> None:
        self.client, self.identity = client, identity
        self.claims = identity.claims
        self.fmt = next((f for n, f in FORMATS.items() if n in self.claims), None)
        # a gradient that the port overwrites is not looked at
        self.terms = Terms(
            self.claims - {"gradients"}, dialect=DIALECTS[identity.dialect]
        )
        named = {o.replace("-", "_") for o in ALL_OPTIONS & self.claims}
        self.free = [n for n in ("lr", *sorted(named)) if n not in identity.constants]

    def findings(self) -> Iterator[Finding]:
        """What is wrong, first of all what would explain the rest."""
        if self.fmt is None:
            return
        plain = [name for name in ("lr", "eps") if name in self.free]
        whole = self._played(self._options(self.free))
        if not self._is_right(whole):
            first = self._played(self._options(plain))
            if self._is_right(first):
                rest = (name for name in self.free if name not in plain)
                yield from filter(None, map(self._wrong_option, rest))
            elif found := self._wrong_plainly(first, plain):
                yield found
            return
        if {"set-option", "set-lr"} & self.claims:
            yield from filter(None, map(self._wrong_change, self._changed()))
        if {"state", "state-write"} <= self.claims:
            yield from filter(None, [self._detached()])

    # -- what is played ----------------------------------------------------------------

    def _options(self, named: Sequence[str]) -> dict[str, float | bool]:
        return {**self.identity.constants, **{n: OPTIONS[n] for n in named}}

    def _played(self, options: OptionValues, *between: Event) -> Observation:
        """Three steps; the events `between` come after the first one."""
        events = [Step("A", {"p": self._tensor(g)}) for g in _GRADIENTS]
        new = New("A", (Group(("p",)),), options)
        tensors = {"p": self._tensor(_THETA)}
        listed = (new, events[0], *between, *events[1:])
        if not self.client.alive:
            self.client.start()
        return play(self.client, Scenario("harness", (), "MUST", tensors, listed))

    def _tensor(self, values: Sequence[float]) -> Tensor:
        assert self.fmt is not None
        name = self.fmt.name
        numbers = (in_format(x, name) for x in values)
        return Tensor(name, _SHAPE, tuple(map(self.fmt.encode, numbers)))

    def _is_right(
        self, seen: Observation, claims: frozenset[str] | None = None
    ) -> bool:
        terms = self.terms if claims is None else replace(self.terms, claims=claims)
        (verdict,) = judge([seen], terms, graded=False)
        return verdict.status is Status.PASS

    def _place(self, *methods: str) -> str:
        """Where the adapter's method is, as far as it can be known."""
        if not self.client.hosted:
            return "the adapter"
        return self.client.native(PLACE + ",".join(methods)).problem or "the adapter"

    # -- hypotheses --------------------------------------------------------------------

    def _wrong_plainly(self, seen: Observation, named: Sequence[str]) -> Finding | None:
        if seen.status is Status.MALFORMED:
            return self._shown_in_another_shape()
        if seen.status or len(seen.events) < len(seen.scenario.events):
            return None
        for option in named:
            if found := self._rounded(seen, option) or self._without(seen, option):
                return found
        if len(named) > 1 and (found := self._all_rounded(seen, named)):
            return found
        return (
            self._stale(seen)
            or self._still(seen)
            or self._by_columns(seen)
            or self._other_rows(seen)
        )

    def _wrong_option(self, option: str) -> Finding | None:
        """An option beside lr and eps, which arrive."""
        plain = [name for name in ("lr", "eps") if name in self.free]
        seen = self._played(self._options([*plain, option]))
        if self._is_right(seen):
            return None
        return self._rounded(seen, option) or self._without(seen, option)

    def _changed(self) -> list[str]:
        """Options that can be changed with effect: not S, once it has begun."""
        lr_alone = "set-option" not in self.claims
        others = (
            {"initial_accumulator_value"} if not lr_alone else {*self.free} - {"lr"}
        )
        return [name for name in self.free if name not in others]

    def _wrong_change(self, option: str) -> Finding | None:
        change = SetOption("A", 0, option, LATER[option])
        seen = self._played(self._options(self.free), change)
        if self._is_right(seen):
            return None
        if found := self._rounded(seen, option, later=True):
            return found
        kept = replace(change, value=OPTIONS[option])
        if not self._is_right(with_event(seen, 2, kept)):
            return None
        words = f"a change of {option} has no effect"
        return self._blamed(words, f"set/{option}", "it never reaches the port")

    def _rounded(
        self, seen: Observation, option: str, later: bool = False
    ) -> Finding | None:
        """A number that arrives in a narrower format, or in few decimals."""
        given = (LATER if later else OPTIONS)[option]
        assert self.fmt is not None
        for value, how in roundings(given, self.fmt.precision):
            as_if = replace(
                seen, scenario=with_option(seen.scenario, option, value, later)
            )
            if self._is_right(as_if):
                words = f"{option} arrives rounded to {how}: {value!r} for {given!r}"
                asked = f"set/{option}" if later else option
                return self._blamed(words, asked, "", decimals=how not in NARROWER)
        return None

    def _all_rounded(self, seen: Observation, named: Sequence[str]) -> Finding | None:
        """All options by one text, or one narrow number."""
        assert self.fmt is not None
        rounded = [list(roundings(OPTIONS[n], self.fmt.precision)) for n in named]
        for values in zip(*rounded, strict=True):
            scenario = seen.scenario
            for option, (value, _) in zip(named, values, strict=True):
                scenario = with_option(scenario, option, value, later=False)
            if self._is_right(replace(seen, scenario=scenario)):
                value, how = values[0]
                words = (
                    f"{' and '.join(named)} arrive rounded to {how}: {value!r} for "
                    f"{OPTIONS[named[0]]!r}"
                )
                return self._blamed(words, named[0], "", how not in NARROWER)
        return None

    def _without(self, seen: Observation, option: str) -> Finding | None:
        """An option without any effect."""
        other: float | bool = False
        if option != "maximize":
            other = 2 * float(OPTIONS[option])
        (new, *_), shown = seen.scenario.events, seen
        assert isinstance(new, New)
        again = self._played({**new.options, option: other})
        if again.status or numbers_of(again) != numbers_of(shown):
            return None
        words = f"{option} has no effect"
        return self._blamed(words, option, "it never reaches the port")

    def _stale(self, seen: Observation) -> Finding | None:
        """S as it was before, while theta moves as it should."""
        if "state" not in self.claims:
            return None
        sums = [shown_in(event).state_sum for event in seen.events]
        if any(total is None for total in sums):
            return None
        stepped = sums[1:]
        frozen = len(set(map(bits_of, stepped))) == 1
        late = stepped[0] == sums[0] and len(set(map(bits_of, stepped))) == len(stepped)
        alone = self.claims - {"state", "gradients"}
        if not (frozen or late) or not self._is_right(without_state(seen), alone):
            return None
        how = "does not follow the steps" if frozen else "is always one step behind"
        place = self._place("accumulator", "reading", "show_sum", "read")
        return Finding(
            f"the accumulator that is shown {how}, though theta moves by the right "
            "one: it is a copy",
            f"look at {place}: show what the port holds, anew at each read",
        )

    def _still(self, seen: Observation) -> Finding | None:
        """A theta that never moves, while S does."""
        shown = [shown_in(event) for event in seen.events]
        sums = {bits_of(reading.state_sum) for reading in shown[1:]}
        if len({reading.theta.bits for reading in shown}) > 1 or len(sums) < 2:
            return None
        place = self._place("update", "step", "hold", "make_param")
        return Finding(
            "theta of p never moves, though the accumulator does: it may be a copy",
            f"look at {place}: does the port step what is shown, and is what it "
            "returns kept? If so, the port itself is judged for it",
            certain=False,
        )

    def _detached(self) -> Finding | None:
        """State that is written, read back, and not what the port steps by."""
        write = SetState("A", "p", self._tensor(_WRITTEN), 5)
        options = {k: v for k, v in self._options(self.free).items() if k != "lr_decay"}
        seen = self._played(options, write)
        if seen.status or self._is_right(seen):
            return None
        written = shown_in(seen.events[2])
        if written.state_sum is None or written.state_sum.bits != write.state_sum.bits:
            return None  # it does not read back: another fault
        alone = self.claims - {"state", "gradients"}
        if not self._is_right(without_event(without_state(seen), 2), alone):
            return None
        place = self._place("write", "set_state")
        return Finding(
            "the accumulator that set-state writes is a copy: it is read back, and the "
            "port steps by its own",
            f"look at {place}: write into what the port holds",
        )

    def _by_columns(self, seen: Observation) -> Finding | None:
        """Elements that are handed over, or shown, in another order."""
        for order in _BY_COLUMNS:
            for what, change, methods in ORDERS:
                if self._is_right(change(seen, order)):
                    place = self._place(*methods)
                    return Finding(
                        f"the elements of {what} are in another order, as of a matrix "
                        "that is transposed",
                        f"look at {place}: keep the shape, row by row",
                    )
        return None

    def _other_rows(self, seen: Observation) -> Finding | None:
        """Rows of another length than the param has, where rows count."""
        if self.terms.dialect.accumulator != "row-mean":
            return None
        for shape in ((6,), (1, 6), (6, 1), (3, 2)):
            if self._is_right(reshaped(seen, shape)):
                place = self._place("hold", "make_param", "begin")
                return Finding(
                    f"the port steps p as if its shape were {list(shape)}, not "
                    f"{list(_SHAPE)}",
                    f"look at {place}: does it keep the shape? If it does, the port "
                    "itself reshapes",
                    certain=False,
                )
        return None

    def _shown_in_another_shape(self) -> Finding | None:
        """After a malformed answer: it is read once more."""
        shown = self.client.read("A").get("p")
        if shown is None:
            return None
        for what, tensor, methods in (
            ("theta", shown.theta, ("show", "show_param", "hold")),
            ("the accumulator", shown.state_sum, ("accumulator", "show_sum", "show")),
            ("the gradient", shown.gradient, ("give", "make_gradient")),
        ):
            if isinstance(tensor, Tensor) and _is_reshaped(tensor):
                place = self._place(*methods, "reading", "read")
                return Finding(
                    f"{what} of p is shown in shape {list(tensor.shape)}, not "
                    f"{list(_SHAPE)}",
                    f"look at {place}: keep the shape that was given",
                )
        return None

    # -- whose doing it is -------------------------------------------------------------

    def _blamed(
        self, words: str, asked: str, cause: str, decimals: bool = False
    ) -> Finding | None:
        """Rule 2.  `decimals`: no port rounds so, a text on the way does."""
        option = asked.rpartition("/")[2]
        if self.client.hosted:
            answer = self.client.native(HANDED_ON + asked)
            if answer.skipped:
                return None
            if answer.problem and (cause or MISSING not in answer.problem):
                if cause:
                    return Finding(f"{words}: {cause}", answer.problem)
                return Finding(words, f"{answer.problem}: hand it on as it is")
        if decimals:
            return Finding(
                words,
                f"look at where the adapter reads {option}: carry the bits, never go "
                "through decimals",
            )
        return Finding(
            words,
            f"look at where the adapter hands {option} on; if it does, as it is, the "
            "port itself is judged for it",
            certain=False,
        )


def _is_reshaped(tensor: Tensor) -> bool:
    return tensor.shape != _SHAPE and len(tensor.bits) == len(_THETA)
