"""Each new adapter, built as its README says: its manners, the suite's judgement of it,
and wrong versions of it, which show that the adapter's own lines decide."""

from __future__ import annotations

import pytest
from language_kit import build, cli, new_adapter

from adagrad_conformance.adapter_kits import LANGUAGES
from adagrad_conformance.reports.stream import read_stream

#: How many checks at MUST each plays, at least.
PLAYED = {"python": 250, "javascript": 370, "cpp": 370, "c": 340, "rust": 340}

#: Wrong words for right ones.
WRONG = {
    "javascript": {
        "eps": ("Math.sqrt(state.sum[i]) + eps", "Math.sqrt(state.sum[i] + eps)"),
        "t": ("(state.t - 1) * lr_decay", "state.t * lr_decay"),
        "counter": (
            "port.state.get(param.name),",
            "({...port.state.get(param.name), t: 0}),",
        ),
    },
    "cpp": {
        "eps": ("std::sqrt(sum[i]) + eps", "std::sqrt(sum[i] + eps)"),
        "t": ("static_cast<double>(t - 1)", "static_cast<double>(t)"),
        "counter": (
            "port.states.at(p.name).t, {}",
            "port.states.at(p.name).t + 1, {}",
        ),
    },
    "c": {
        "eps": ("sqrt(sum) + eps", "sqrt(sum + eps)"),
        "t": ("(double)(slot->t - 1)", "(double)slot->t"),
        "counter": ("*t = slot->t;", "*t = slot->t + 1;"),
    },
    "rust": {
        "eps": (
            "sum[i].sqrt() + o.eps.unwrap_or(1e-10)",
            "(sum[i] + o.eps.unwrap_or(1e-10)).sqrt()",
        ),
        "t": ("(self.t - 1) as f64", "self.t as f64"),
        "counter": ("t: Some(self.slots[param].t)", "t: Some(self.slots[param].t + 1)"),
    },
    "python": {
        "eps": (
            'np.sqrt(self.sums[name]) + o["eps"]',
            'np.sqrt(self.sums[name] + o["eps"])',
        ),
        "t": ("self.t[name] * o", "(self.t[name] + 1) * o"),
        "counter": ("int(port.t[name])", "int(port.t[name]) + 1"),
    },
}
#: The checks that find them.
FINDS = {
    "eps": "algorithm/eps-outside-root/*",
    "t": "lr-decay/first-step-uses-lr/*",
    "counter": "lr-decay/five-steps/*",
}


def run(target, folder, *options):
    """(exit code, the checks that were judged)."""
    stream = folder / "stream.jsonl"
    done = cli("run", target, "--seed", "1", "--json", stream, *options)
    return done.exit_code, read_stream(stream).checks, done.output


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A language's new adapter, built once: (its folder, its target)."""
    made = {}

    def get(language):
        if language not in made:
            folder = new_adapter(language, tmp_path_factory.mktemp(language) / "mine")
            made[language] = folder, build(language, folder)
        return made[language]

    return get


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_doctor_has_nothing_to_say(language, built):
    _, target = built(language)
    done = cli("doctor", target)
    assert done.exit_code == 0, done.output
    assert "all in order" in done.output


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_passes_all_that_it_claims(language, built, tmp_path):
    _, target = built(language)
    code, checks, output = run(target, tmp_path)
    assert code == 0, output
    judged = [c for c in checks if c["status"] not in ("not-claimed", "skipped")]
    assert {c["status"] for c in judged if c["level"] != "MAY"} == {"pass"}
    assert sum(c["level"] == "MUST" for c in judged) >= PLAYED[language]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("wrong", FINDS)
def test_a_wrong_line_is_found(language, wrong, tmp_path):
    folder = new_adapter(language, tmp_path / "mine")
    path = folder / LANGUAGES[language].adapter
    right, changed = WRONG[language][wrong]
    text = path.read_text()
    assert text.count(right) == 1
    path.write_text(text.replace(right, changed))
    target = build(language, folder, optimize=False)
    options = ("--only", FINDS[wrong], "--fresh", "0", "--level", "must")
    code, checks, output = run(target, tmp_path, *options)
    assert code == 1, output
    assert "fail" in {c["status"] for c in checks}
