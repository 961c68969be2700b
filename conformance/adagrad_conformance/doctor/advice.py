"""What is wrong with one answer, and what its author can do about it.

Rule 1.  An answer is held against the schema first, then against the outcome and the
         content that the question needs.
Rule 2.  No number that a port computes is judged.
Rule 3.  What the port does by itself, whatever its adapter does, is noted and is no
         problem: the adapter is in order.  So is what either of the two may do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from adagrad_conformance.adapters.contract import Malformed
from adagrad_conformance.transport.json_lines import outcome
from adagrad_conformance.transport.messages import Json
from adagrad_conformance.transport.schema import schema_problem

__all__ = ["ADVICE", "Doubt", "Look", "OfThePort", "Opinion", "Wrong", "problem_of"]

#: Checks the content of `ok`; raises `Wrong` or `Malformed`.
Look = Callable[[Any], None]

#: What to do about each reason in `execution.status.REASONS` but `given-up`.
ADVICE: Mapping[str, str] = {
    "raised": "mend the error in the port; --show prints all that it said",
    "refused": "only events can be refused; what cannot be done is not claimed",
    "signal": "the process was killed: look for a wrong memory access",
    "exited": "answer, and wait for the next line; only stop ends the port",
    "closed-output": "keep standard output open until stop",
    "closed-input": "keep standard input open until stop",
    "out-of-memory": "use less memory, or raise --memory",
    "no-answer": "answer each line, end the answer with a newline, and flush",
    "half-a-line": "end each answer with a newline, and flush",
    "not-json": "write one JSON object a line to standard output and nothing else; "
    "all other output belongs on standard error",
    "too-long": "end each answer with a newline",
    "unasked": "write one line for each question, and never without one",
    "wrong-sequence": "repeat the seq of the question in its answer",
    "no-outcome": "give each answer exactly one of ok, refused, crashed",
    "wrong-count": "show exactly what was asked for",
    "wrong-content": "compare with conformance/PROTOCOL.md",
    "not-started": "check the command: the program must exist and be executable",
}


class Wrong(Exception):
    """An answer of the right form has the wrong content; `advice` is what to do."""

    def __init__(self, problem: str, advice: str = ADVICE["wrong-content"]) -> None:
        super().__init__(problem)
        self.advice = advice


class OfThePort(Exception):
    """What a port does wrong by itself: no fault of its adapter; `run` judges it."""


class Doubt(Exception):
    """What the adapter or its port does wrong: it cannot be seen which."""


class Opinion(NamedTuple):
    """The problem with an answer (None if it has none), advice about it, and a note."""

    problem: str | None = None
    advice: str = ""
    note: str = ""


def problem_of(
    answer: Json, kind: str, expected: str, look: Look | None, claim: str
) -> Opinion:
    """What is wrong with an answer.

    `kind` is that of the answer in the schema, `expected` its outcome or "any", `claim`
    the claim that is examined, or "".
    """
    word = outcome(answer)
    if problem := schema_problem(answer, kind):
        advice = ADVICE["refused" if word == "refused" else "wrong-content"]
        return Opinion(problem, advice)
    if answer.get("loading"):
        return Opinion(str(answer[word]), "mend it; nothing could be tried")
    if (expected, word) == ("refused", "ok"):
        claimed = f", which claims '{claim}'" if claim else ""
        return Opinion(note=f"in doubt: it is accepted; run judges a port{claimed}")
    if expected not in ("any", word):
        said = str(answer[word]).strip().splitlines()
        what = f"{word}: {said[-1]}" if said and word != "ok" else word
        problem = f"the answer should be {expected}, not {what}"
        return Opinion(problem, _otherwise(word, claim))
    try:
        if look is not None and word == "ok":
            look(answer["ok"])
    except Wrong as error:
        return Opinion(str(error), error.advice)
    except Malformed as error:
        return Opinion(str(error), ADVICE[error.reason])
    except OfThePort as error:
        return Opinion(note=f"{error}: the port's own doing, which run judges")
    except Doubt as error:
        return Opinion(note=f"in doubt: {error}")
    return Opinion()


def _otherwise(word: str, claim: str) -> str:
    """What to do about an answer with the wrong outcome."""
    unclaimed = f", or do not claim '{claim}'" if claim else ""
    do = "let it be taken" if word == "refused" else "mend the error in the port"
    return f"{do}{unclaimed}"
