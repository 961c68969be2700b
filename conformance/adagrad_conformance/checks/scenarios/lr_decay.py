"""The decayed rate (ALG-4), by the steps of each param (ALG-3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from adagrad_reference.formats import Format
from adagrad_reference.scenario import Gradient, Scenario, SetState, Step, tensor

from .builders import (
    FOUR_FORMATS,
    draw,
    optimizer,
    rng,
    scenario,
    single_step,
    steps,
    usual_options,
)

__all__ = ["FAMILY", "scenarios"]

FAMILY = "lr-decay"


def scenarios() -> Iterator[Scenario]:
    """Single steps at several t, and trajectories."""
    for fmt in FOUR_FORMATS:
        yield from _single(fmt)
        yield from _trajectories(fmt)
        if fmt.name != "binary16":
            yield _counter(fmt)
            yield from _many_counters(fmt)


def _single(fmt: Format) -> Iterator[Scenario]:
    theta, g = tensor(fmt, [1.3, -0.7, 0.0]), tensor(fmt, [0.6, -2.3, 0.4])
    yield single_step(
        f"lr-decay/first-step-uses-lr/{fmt.name}",
        ("lr-decay/first-step", "algorithm/update"),
        theta,
        g,
        note="with a large lr_decay the first step still uses lr",
        lr_decay=5.3,
        **usual_options(fmt),
    )
    state = tensor(fmt, [0.36, 5.3, 2.1])
    for t in (2, 5, 7, 33, 129, 1001, 32769, 65537, 70001):
        if fmt.name == "binary16" and t > 2048:
            continue
        for decay in (0.3, 0.0013) if t < 1000 else (0.0013,):
            yield single_step(
                f"lr-decay/step-{t}/decay-{decay}/{fmt.name}".replace(".", "-"),
                ("lr-decay/schedule", "numerics/late-step"),
                theta,
                g,
                state,
                t,
                lr_decay=decay,
                **usual_options(fmt),
            )


def _counter(fmt: Format) -> Scenario:
    t = 2**24 + 1
    return single_step(
        f"lr-decay/step-{t}/{fmt.name}",
        "lr-decay/counts-beyond-2-24",
        tensor(fmt, [1.3, -0.7, 0.0]),
        tensor(fmt, [0.6, -2.3, 0.4]),
        tensor(fmt, [0.36, 5.3, 2.1]),
        t,
        note="the first count that binary32 cannot hold",
        lr_decay=0.0013,
        **usual_options(fmt),
    )


#: The steps that the params have taken before.  The next counts need 16 to 24 bits, or
#: more than a counter of binary32 or int32 holds; binary32 holds all written ones.
_COUNTS = {
    "within": (2**15, 2**16, 70_001, 10**6 + 2, 2**23, 2**24 - 3, 2**24 - 1),
    "beyond": (2**24 + 2, 2**25, 10**8 + 8, 2**31, 2**32, 2**40),
}


def _many_counters(fmt: Format) -> Iterator[Scenario]:
    """Steps from theta = 0, whose result is the update and so shows the rate."""
    requirements = {
        "within": ("lr-decay/schedule", "lr-decay/own-counter", "numerics/late-step"),
        "beyond": ("lr-decay/counts-beyond-2-24",),
    }
    for word, counts in _COUNTS.items():
        source = rng(f"lr-decay/many-counters/{word}/{fmt.name}")
        params = {f"p{i}": tensor(fmt, [0.0] * (1 + i % 2)) for i in range(len(counts))}
        sums = {
            name: tensor(fmt, [abs(x) for x in draw(source, like.size, 0.3, 5.0)])
            for name, like in params.items()
        }
        gradients = {
            name: tensor(fmt, draw(source, like.size, 0.2, 3.0))
            for name, like in params.items()
        }
        yield scenario(
            f"lr-decay/many-counters-{word}-2-24/{fmt.name}",
            requirements[word],
            params,
            [
                optimizer(params, lr_decay=0.0013, **usual_options(fmt)),
                *(
                    SetState("A", name, sums[name], t)
                    for name, t in zip(params, counts, strict=True)
                ),
                Step("A", gradients),
            ],
            note="params that have taken " + ", ".join(map(str, counts)) + " steps",
        )


def _trajectories(fmt: Format) -> Iterator[Scenario]:
    options = usual_options(fmt)
    source = rng(f"lr-decay/{fmt.name}")
    gradients = [tensor(fmt, draw(source, 3, 0.2, 3.0)) for _ in range(5)]
    yield scenario(
        f"lr-decay/five-steps/{fmt.name}",
        "lr-decay/schedule",
        {"p": tensor(fmt, [0.9, -1.7, 2.2])},
        [
            optimizer(lr_decay=0.7, **options),
            *steps({"p": gradient} for gradient in gradients),
        ],
    )
    long = [tensor(fmt, draw(source, 2, 0.2, 3.0)) for _ in range(20)]
    yield scenario(
        f"lr-decay/twenty-steps/{fmt.name}",
        "lr-decay/schedule",
        {"p": tensor(fmt, [1.3, -0.9])},
        [
            optimizer(lr_decay=0.19, **options),
            *steps({"p": gradient} for gradient in long),
        ],
    )
    late: list[Mapping[str, Gradient]] = [
        {"p": gradients[0], "q": None},
        {"p": gradients[1], "q": None},
        {"p": gradients[2], "q": tensor(fmt, [0.6, -1.4])},
        {"p": None, "q": tensor(fmt, [-0.3, 0.8])},
        {"p": gradients[3], "q": tensor(fmt, [1.9, 0.7])},
    ]
    yield scenario(
        f"lr-decay/late-param/{fmt.name}",
        ("lr-decay/own-counter", "none-vs-zero/none-skips"),
        {"p": tensor(fmt, [0.9, -1.7, 2.2]), "q": tensor(fmt, [1.1, -0.4])},
        [optimizer(("p", "q"), lr_decay=1.3, **options), *steps(late)],
        note="q gets its first gradient at the third call: its own first step",
    )
