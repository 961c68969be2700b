"""The command: what it loads, its help, and wrong usage."""

from __future__ import annotations

import subprocess
import sys

import pytest
from cli_kit import QUICK, cli, command

# -- what is loaded ------------------------------------------------------------------

HEAVY = ("torch", "hypothesis", "mpmath", "numpy")


@pytest.mark.parametrize(
    "code",
    [
        "import adagrad_conformance",
        "import adagrad_conformance.cli.main",
        "from adagrad_conformance.cli.main import main; main(['--help'], "
        "standalone_mode=False)",
        "from adagrad_conformance.cli.main import main; main(['run', '--help'], "
        "standalone_mode=False)",
        "import adagrad_conformance.transport.targets",
    ],
)
def test_nothing_heavy_is_loaded(code):
    show = f"import sys; print([m for m in {HEAVY} if m in sys.modules])"
    ran = subprocess.run(
        [sys.executable, "-c", f"{code}\n{show}"], capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-1] == "[]"


def test_a_run_loads_no_framework_into_its_own_process():
    show = "print([m for m in ('torch', 'hypothesis') if m in sys.modules])"
    code = (
        "import sys; from adagrad_conformance.cli.main import main\n"
        f"try: main(['run', 'own/torch-single', *{QUICK}])\n"
        f"except SystemExit as end: print(end.code)\n{show}"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.stdout.splitlines()[-2:] == ["0", "[]"], ran.stderr


def test_help_and_version():
    shown = cli("--help")
    assert shown.exit_code == 0
    for word in ("run", "list", "explain", "report", "vectors"):
        assert word in shown.output
    assert cli("-h").output == shown.output
    assert cli("--version").output.startswith("adagrad-conformance")


def test_python_m_is_the_same_command():
    ran = command("--help")
    assert ran.returncode == 0
    assert "run torch/single" in ran.stdout
