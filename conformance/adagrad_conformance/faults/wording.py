"""What was seen and what is due, in decimals short enough to read."""

from __future__ import annotations

import math

from adagrad_conformance.grading.failure import Failure, FailureKind, Number, Span

__all__ = ["LONG", "evidence_text", "is_clear"]

#: The fewest digits that are shown, and enough for every format.
_FEW, _MOST = 5, 17
#: From this relative distance on a reader sees two numbers apart.
_CLEAR = 0.01
#: What the numbers are of complaints that are about no array of a step.
_OTHERS = {
    FailureKind.STORAGE: "the memory",
    FailureKind.COUNTER: "t",
    FailureKind.ROWS_CHANGED: "the sparse gradient",
}
#: The longest text of a port that is shown.
LONG = 160


def evidence_text(failure: Failure) -> str:
    """A failure in one line: `p[0] = 0.5, due 0.70711`, or what is wrong in words."""
    seen, due = failure.observed, failure.due
    if isinstance(seen, Number) and isinstance(due, Span | Number):
        place = failure.param or ""
        if failure.element is not None:
            place += f"[{failure.element}]"
        whose = failure.quantity or _OTHERS.get(failure.kind)
        what = f"{whose} of {place}" if whose else place
        step = "" if failure.step is None else f" after step {failure.step + 1}"
        shown, wanted = _apart(seen, due)
        return f"{what} = {shown}{step}, due {wanted}"
    parts = [failure.message.strip().splitlines()[0] if failure.message else ""]
    if failure.observed_text is not None:
        place = failure.param or ""
        parts.append(f"{place} = {failure.observed_text}, due {failure.due_text}")
    return ": ".join(parts)[:LONG]


def is_clear(failure: Failure) -> bool:
    """Whether what was seen is far from what is due, or no number at all."""
    seen, due = failure.observed, failure.due
    if not isinstance(seen, Number) or not isinstance(due, Number | Span):
        return True
    end = due.value if isinstance(due, Number) else due.box.lo
    return not math.isclose(seen.value, end, rel_tol=_CLEAR)


def _apart(seen: Number, due: Span | Number) -> tuple[str, str]:
    """Both as decimals, with as many digits as tell one from the other."""
    x = seen.value
    if isinstance(due, Number):
        ends = [due.value]
    elif due.box.nan_alone:
        return f"{x:.{_FEW}g}", "NaN"
    else:
        ends = [due.box.lo, due.box.hi]
    for digits in range(_FEW, _MOST + 1):
        shown, *others = (f"{value:.{digits}g}" for value in (x, *ends))
        if shown not in others:
            break
    else:  # zeros of two signs, or bits that must stay
        return seen.hex, due.hex if isinstance(due, Number) else str(due)
    middle = ends[0] / 2 + ends[-1] / 2
    if math.isfinite(middle) and f"{middle:.{digits}g}" != shown:
        return shown, f"{middle:.{digits}g}"
    return shown, others[0]
