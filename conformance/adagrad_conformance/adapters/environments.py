"""Environments of their own for ports that bring a framework, or need a compiler.

Each is a folder that `adagrad-conformance ports build` makes from nothing and that
nothing else changes: a Python with packages, a folder of npm packages, or a compiled
program, with the packages of Debian that it includes.  The folders lie in `home()`;
their names hold a digest of what is in them, so that another version is another folder.
A folder without its stamp is half made, and made anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["COMPILERS", "ENVIRONMENTS", "BuildError", "Environment", "home"]

_STAMP = "built.json"
_HERE = Path(__file__).resolve().parents[1]

#: The release whose packages are taken, and the key that it is signed with.
_RELEASE = "trixie"
_KEY = "/usr/share/keyrings/debian-archive-keyring.gpg"

#: How a program is compiled, and the kit that it includes, by its suffix.
COMPILERS = {
    ".cpp": ("g++", "-std=c++20", "-O1"),
    ".c": ("gcc", "-std=c11", "-O2"),
    ".rs": ("rustc", "--edition", "2021", "-O"),
}
_KITS = {
    ".cpp": "cpp/adagrad_port.hpp",
    ".c": "c/adagrad_port.h",
    ".rs": "rust/adagrad_port.rs",
}


class BuildError(Exception):
    """An environment that cannot be made; the message says why, in one line."""


def home() -> Path:
    """Where environments lie: $ADAGRAD_CONFORMANCE_PORTS, or the user's cache."""
    if chosen := os.environ.get("ADAGRAD_CONFORMANCE_PORTS"):
        return Path(chosen)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "adagrad-conformance" / "ports"


@dataclass(frozen=True)
class Environment:
    """What is in an environment.

    `pip` are requirements, installed one list after the other, under `settings` as
    environment variables; `npm` are packages; `debian` are packages of `_RELEASE`, each
    with its version, which are only unpacked.  `program` is a source in C++, C or Rust,
    compiled with `flags`.  `parent` is the environment of whose packages that program
    is made.
    """

    name: str
    pip: tuple[tuple[str, ...], ...] = ()
    npm: tuple[str, ...] = ()
    debian: tuple[str, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    program: str = ""
    flags: Callable[[Path], list[str]] | None = None  #: by the parent's Python
    parent: str = ""
    patience: int = 3600  #: seconds for each command

    @property
    def folder(self) -> Path:
        """Where it lies, or would."""
        source = b"".join(path.read_bytes() for path in self._sources())
        above = ENVIRONMENTS[self.parent].folder.name if self.parent else ""
        parts = [self.pip, self.npm, above, sys.version_info[:2], *self.settings]
        parts += self.debian
        key = hashlib.sha256(json.dumps(parts).encode() + source).hexdigest()
        return home() / f"{self.name}-{key[:10]}"

    def _sources(self) -> list[Path]:
        """The program, and the kit that it includes."""
        if not self.program:
            return []
        program = _HERE / self.program
        return [program, _HERE / "adapter_kits" / _KITS[program.suffix]]

    @property
    def is_built(self) -> bool:
        """Whether it is there, whole."""
        return (self.folder / _STAMP).is_file()

    @property
    def python(self) -> Path:
        """Its Python, or that of its parent."""
        if self.parent:
            return ENVIRONMENTS[self.parent].python
        return self.folder / "bin" / "python"

    def build(self, say: Callable[[str], None] = lambda line: None) -> None:
        """Make it, unless it is there; raises `BuildError`."""
        if self.is_built:
            return
        if self.parent:
            ENVIRONMENTS[self.parent].build(say)
        folder = self.folder
        shutil.rmtree(folder, ignore_errors=True)
        try:
            folder.mkdir(parents=True)
            for command in self._commands(folder):
                say(f"{self.name}: {' '.join(command)}")
                _run(command, self.patience, self.settings)
            (folder / _STAMP).write_text(json.dumps({"name": self.name}) + "\n")
        except OSError as error:
            raise BuildError(f"{error.strerror or error}: {error.filename}") from None

    def _commands(self, folder: Path) -> Iterator[list[str]]:
        if self.pip:
            yield [sys.executable, "-m", "venv", str(folder)]
        install = ["-m", "pip", "install", "-q", "--disable-pip-version-check"]
        for requirements in self.pip:
            yield [str(folder / "bin" / "python"), *install, *requirements]
        if self.npm:
            quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
            yield ["npm", "install", *quiet, "--prefix", str(folder), *self.npm]
        if self.debian:
            yield from _unpacking(self.debian, folder)
        if self.program:
            yield self.compiling(_HERE / self.program, folder / "port")

    def compiling(self, source: Path, program: Path) -> list[str]:
        """The command that compiles a source as its own program is compiled."""
        more = self.flags(self.python) if self.flags else []
        return [*COMPILERS[source.suffix], str(source), *more, "-o", str(program)]


def _run(
    command: list[str], patience: int, settings: tuple[tuple[str, str], ...] = ()
) -> None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=patience,
            env={**os.environ, **dict(settings)},
        )
    except FileNotFoundError:
        raise BuildError(f"{command[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise BuildError(f"{command[0]} took more than {patience} s") from None
    if done.returncode:
        text = (done.stderr.strip() or done.stdout.strip()).splitlines() or ["no word"]
        errors = [line for line in text if "rror" in line] or text
        raise BuildError(f"{Path(command[0]).name} failed: {errors[-1].strip()[:300]}")


def _unpacking(packages: tuple[str, ...], folder: Path) -> Iterator[list[str]]:
    """What unpacks packages of Debian into a folder, without a root's rights."""
    apt = folder.resolve() / "apt"
    (apt / "lists" / "partial").mkdir(parents=True)
    source = f"deb [signed-by={_KEY}] {_archive()} {_RELEASE} main\n"
    (apt / "sources.list").write_text(source)
    settings = {
        "Dir::State": apt,
        "Dir::Cache": apt,
        "Dir::Etc::SourceList": apt / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "APT::Sandbox::User": "root",  # or whoever it is
        "APT::Update::Error-Mode": "any",
    }
    lines = (f'{name} "{value}";\n' for name, value in settings.items())
    (apt / "apt.conf").write_text("".join(lines))
    client = ["apt-get", "-c", str(apt / "apt.conf")]
    yield [*client, "update"]
    yield ["env", f"--chdir={apt}", *client, "download", *packages]
    for package in sorted(apt.glob("*.deb")):
        yield ["dpkg-deb", "--extract", str(package), str(folder)]
    shutil.rmtree(apt)


def _archive() -> str:
    """Where this machine gets Debian from."""
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)"]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        raise BuildError("apt-get is not installed, and it is made on Debian") from None
    for line in done.stdout.splitlines():
        if line.endswith("/debian/"):
            return line
    raise BuildError("apt-get has no archive of Debian among its sources")


def _ensmallen(python: Path) -> list[str]:
    """Headers alone: AdaGrad calls nothing of LAPACK, BLAS or ARPACK."""
    unused = ("WRAPPER", "LAPACK", "BLAS", "ARPACK")
    include = python.parent.parent / "usr" / "include"
    return [f"-I{include}", *(f"-DARMA_DONT_USE_{library}" for library in unused)]


def _libtorch(python: Path) -> list[str]:
    """What links with the torch that another environment has."""
    major, minor = sys.version_info[:2]
    packages = python.parent.parent / "lib" / f"python{major}.{minor}" / "site-packages"
    torch = packages / "torch"
    heads = [torch / "include", torch / "include/torch/csrc/api/include"]
    libraries = [f"-L{torch / 'lib'}", f"-Wl,-rpath,{torch / 'lib'}"]
    libraries += ["-ltorch", "-ltorch_cpu", "-lc10"]
    return ["-D_GLIBCXX_USE_CXX11_ABI=1", *(f"-I{head}" for head in heads), *libraries]


_TORCH = ("torch==2.13.0", "numpy==2.4.6")

_LISTED = (
    Environment(
        "jax", (("jax==0.10.2", "optax==0.2.8", "keras==3.15.1", "numpyro==0.22.0"),)
    ),
    Environment(
        "tensorflow",
        (("tensorflow==2.21.0", "keras==3.15.1", "tf_keras==2.21.0", "ml_dtypes"),),
    ),
    Environment("mlx", (("mlx[cpu]==0.32.4", "numpy", "ml_dtypes"),)),
    Environment("mxnet", (("mxnet==1.9.1", "numpy==1.23.5"),)),
    Environment("paddle", (("paddlepaddle==3.3.1", "numpy", "ml_dtypes"),)),
    Environment("onnx", (("onnx==1.23.2", "numpy", "ml_dtypes", "tinygrad==0.14.0"),)),
    Environment("mindspore", (("mindspore==2.10.0", "numpy==1.26.4"),)),
    Environment(
        "small",
        (
            ("numpy", "river==0.26.1", "numpy-ml==0.1.2", "pennylane==0.45.1"),
            ("pydynet==1.1", "vowpalwabbit==9.11.9"),
        ),
    ),
    Environment("pymc", (("pymc==5.28.5",),)),
    Environment(
        "theano",
        (
            ("Theano==1.0.5", "numpy==1.23.5", "scipy==1.11.4", "six==1.17.0"),
            ("downhill==0.4.0", "click==8.5.1"),
        ),
    ),
    Environment(
        "torch",
        (
            _TORCH,  # first, or another build of it is fetched
            ("keras==3.15.1", "bitsandbytes==0.50.2", "fbgemm-gpu-cpu==1.8.0"),
            ("ml_dtypes", "tensordict==0.15.3", "torchmetrics==1.9.0"),
            ("pyre-extensions==0.0.32", "psutil==7.2.2", "py-cpuinfo==9.0.0"),
            ("ninja", "setuptools", "wheel", "packaging"),
            ("--no-deps", "torchrec==1.8.0"),  # its own fbgemm-gpu is another build
            # compiled here: one kept from elsewhere may lack the kernel
            ("--no-cache-dir", "--no-build-isolation", "deepspeed==0.19.8"),
        ),
        settings=(("DS_BUILD_CPU_ADAGRAD", "1"),),
    ),
    Environment(
        "graph",
        (
            _TORCH,  # first, or another build of it is fetched
            ("ml_dtypes", "scipy==1.17.1", "pandas==3.1.1", "requests==2.34.2"),
            ("tqdm==4.70.1", "psutil==7.2.2", "packaging", "setuptools==80.9.0"),
            # they would fetch other versions of torch
            ("--no-deps", "dgl==2.1.0", "torchbiggraph==1.0.0", "adagradw==0.0.4"),
        ),
    ),
    Environment(
        "libtorch", program="adapters/cpp/libtorch.cpp", flags=_libtorch, parent="torch"
    ),
    Environment(
        "ensmallen",
        debian=("libensmallen-dev=2.22.1-2", "libarmadillo-dev=1:14.2.3+dfsg-1*"),
        program="adapters/cpp/ensmallen.cpp",
        flags=_ensmallen,
    ),
    Environment("cpp", program="adapter_kits/cpp/adapter.cpp"),
    Environment("c", program="adapter_kits/c/adapter.c", flags=lambda python: ["-lm"]),
    Environment("rust", program="adapter_kits/rust/adapter.rs"),
    Environment("node", npm=("@tensorflow/tfjs@4.22.0",)),
    Environment(
        "node-small",
        npm=("deeplearn@0.5.1", "convnetjs@0.3.0", "toygrad@2.6.0", "adnn@2.0.10"),
    ),
)

ENVIRONMENTS: Mapping[str, Environment] = {each.name: each for each in _LISTED}
