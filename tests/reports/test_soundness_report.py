"""The report's section on soundness says what the data says."""

from __future__ import annotations

import copy

import pytest

from adagrad_conformance.reports.figures.soundness import soundness_section

ROW = {
    "family": "emulated",
    "format": "binary32",
    "programs": 360,
    "settings": 128,
    "checks": 4_055_040,
    "outside": 0,
    "replayed": 0,
    "unbounded": 7,
    "width_used": 0.675,
    "examples": [],
}
DATA = {
    "about": "Written by a test.",
    "seed": 7,
    "scale": 2,
    "versions": {"python": "3.11.7", "compiler": "gcc|12"},
    "missing": [],
    "total": {"checks": 4_066_304, "outside": 0, "toy_checks": 9, "toy_outside": 0},
    "programs": [
        ROW,
        {**ROW, "family": "torch single", "programs": 1, "checks": 11_264},
    ],
    "toy": [
        {
            "format": "toy5",
            "settings": 3,
            "triples": 19_044,
            "programs": 86_016,
            "checks": 683_044_800,
            "outside": 0,
            "reached": 50,
            "bounded": 200,
            "examples": [],
        }
    ],
    "norm": [
        {
            "format": "binary64",
            "cls": "lawful",
            "boxes": 1000,
            "narrower": 0,
            "equal": 971,
            "mean_ratio": 1.01193,
            "widest": 2.0,
        }
    ],
    "fresh": {
        "first_seed": 7,
        "seeds": 1000,
        "per_format": 3,
        "ports": [
            {"port": "numpy", "scenarios": 16_000, "elements": 9, "failed": 0},
        ],
    },
}


def text(**changes):
    return "\n".join(soundness_section({**copy.deepcopy(DATA), **changes}))


def test_totals_seed_and_versions():
    words = text()
    assert "**4,066,304 checks, 0 outside.** Seed 7, scale 2;" in words
    assert "python 3.11.7, compiler gcc\\|12." in words
    assert "Not run" not in words


def test_one_line_a_family_with_its_formats():
    lines = text().splitlines()
    (emulated,) = (line for line in lines if line.startswith("| emulated"))
    assert emulated == "| emulated | - | 4,055,040 (360; 0.68) | - | - | 0 |"
    (single,) = (line for line in lines if line.startswith("| torch single"))
    assert single == "| torch single | - | 11,264 | - | - | 0 |"


def test_what_is_outside_is_shown_with_its_replay():
    row = {**ROW, "outside": 3, "replayed": 2, "examples": ["theta 0x1p+0 is outside"]}
    words = text(programs=[row])
    assert "| 3 |" in words
    assert "3 outside, of which 2 were inside when run again" in words
    assert "`theta 0x1p+0 is outside`" in words


def test_what_was_not_run_is_named():
    assert "Not run: C: no compiler here." in text(missing=["C: no compiler here"])


def test_toy_norm_and_seeds():
    words = text()
    toy = "| `toy5` | 3 | 19,044 | 86,016 | 683,044,800 | 0 | 25% |"
    assert toy in words
    assert "| `binary64` | lawful | 1,000 | 0 | 97.1% | 1.0119 | 2.00 |" in words
    assert "1,000 seeds" in words
    assert "| `numpy` | 16,000 | 9 | 0 |" in words


@pytest.mark.parametrize("part", ["programs", "toy", "norm"])
def test_nothing_done_is_an_empty_table(part):
    assert text(**{part: []}).count("\n|") < text().count("\n|")


def test_the_section_is_short():
    assert 30 <= len(text().splitlines()) <= 60
