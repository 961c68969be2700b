"""The stream of a real run, played once for all reports."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from adagrad_conformance.cli.main import main
from adagrad_conformance.reports.stream import read_stream


@pytest.fixture(scope="session")
def real(tmp_path_factory):
    """The stream of a real run: a right port, a wrong one, one that is not there."""
    folder = tmp_path_factory.mktemp("real")
    (folder / "port.py").write_text(
        "from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter\n"
        "class Wrong(NumpyAdapter):\n"
        "    claims = NumpyAdapter.claims - {'layout'}\n"
        "    def zero_grad(self, optimizer, set_to_none):\n"
        "        pass\n"
        "    def step(self, optimizer):\n"
        "        if len(self.params) > 1:\n"
        "            super().step(optimizer)\n"
        "        super().step(optimizer)\n"
    )
    out = folder / "out.json"
    targets = ["numpy", f"{folder}/port.py:Wrong", "no_such_module:Port"]
    only = ["--only", "*binary32", "--seed", "1", "--json", str(out)]
    result = CliRunner().invoke(main, ["run", *targets, *only, "--jobs", "2"])
    assert result.exit_code == 3, result.output
    return read_stream(out)
