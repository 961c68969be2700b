"""The files of golden vectors: where they are; reading, generating, verifying them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adagrad_conformance.files import ForeignFolderError, replace_folder
from adagrad_reference.expectations import EventExpectation
from adagrad_reference.scenario import Scenario
from adagrad_reference.scenario_json import scenario_from_json
from adagrad_reference.vectors import (
    MANIFEST,
    Vector,
    VectorError,
    digest,
    family_text,
    manifest_text,
    read_family,
    read_manifest,
    vector_from_json,
)

__all__ = [
    "Library",
    "VectorError",
    "generate",
    "generated_texts",
    "vectors_folder",
    "verify",
]


def vectors_folder() -> Path:
    """The vectors of the checkout that this code runs from, else the packaged ones."""
    package = Path(__file__).resolve().parents[1]
    checkout = package.parents[1]
    if (checkout / "pyproject.toml").is_file() and package.parent.name == "conformance":
        return checkout / "vectors" / "data"
    return package / "vectors" / "data"


@dataclass(frozen=True)
class Library:
    """All golden vectors, read and checked against the digests in the manifest."""

    raw: dict[str, Any]  #: a vector's JSON, by the id of its scenario
    digest: str  #: of the manifest, which holds those of the files
    decoded: dict[str, Scenario] = field(default_factory=dict, compare=False)

    @classmethod
    def read(cls, folder: Path | None = None) -> Library:
        """Read every file; raises `VectorError` where a file is altered or missing."""
        folder = folder or vectors_folder()
        raw: dict[str, Any] = {}
        for name, entry in read_manifest(folder).items():
            raw.update((v["id"], v) for v in read_family(folder, name, entry))
        return cls(raw, digest((folder / MANIFEST).read_bytes()))

    def scenarios(self) -> Iterator[Scenario]:
        """Every scenario, in the order of the files."""
        return map(self.scenario, self.raw)

    def scenario(self, name: str) -> Scenario:
        """The scenario with an id: the same object each time; raises KeyError."""
        if name not in self.decoded:
            self.decoded[name] = scenario_from_json(self.raw[name])
        return self.decoded[name]

    def expectations(self, scenario: Scenario) -> Sequence[EventExpectation] | None:
        """What the file holds of a scenario, an entry for each event, or None."""
        if not self.holds(scenario):
            return None
        return vector_from_json(self.raw[scenario.id]).expect

    def holds(self, scenario: Scenario) -> bool:
        """Whether a file has this scenario, with the same id and content."""
        return scenario.id in self.raw and self.scenario(scenario.id) == scenario


# -- generating and verifying --------------------------------------------------------


def generated_texts() -> Iterator[tuple[str, str]]:
    """(file name, text) of every file, computed by the reference; manifest last."""
    from .scenarios.families import FAMILIES

    texts: dict[str, str] = {}
    for family in FAMILIES:
        name = f"{family.FAMILY}.json"
        vectors = map(Vector.of, family.scenarios())
        texts[name] = family_text(family.FAMILY, vectors)
        yield name, texts[name]
    yield MANIFEST, manifest_text(texts)


def generate(folder: Path) -> Iterator[str]:
    """Write every file anew, all of them or none; yields the names.

    Raises `VectorError` for a folder that holds anything else, OSError where it cannot
    be written.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with replace_folder(folder, _are_vectors) as new:
            for name, text in generated_texts():
                (new / name).write_text(text, encoding="utf-8")
                yield name
    except ForeignFolderError as error:
        raise VectorError(f"{error}; choose a folder for vectors") from None


def _are_vectors(names: set[str]) -> bool:
    return MANIFEST in names and all(name.endswith(".json") for name in names)


def verify(folder: Path) -> Iterator[tuple[str, str | None]]:
    """(file name, what is wrong or None) for every file, computed afresh."""
    expected = set()
    for name, text in generated_texts():
        expected.add(name)
        try:
            stored = (folder / name).read_bytes()
        except OSError as error:
            yield name, f"cannot be read: {error.strerror}"
            continue
        yield name, _difference(stored, text.encode())
    for extra in sorted(_json_files(folder) - expected):
        yield extra, "is not one of the files that the reference generates"


def _json_files(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*.json")}


def _difference(stored: bytes, computed: bytes) -> str | None:
    if stored == computed:
        return None
    at = next(
        (i for i, (a, b) in enumerate(zip(stored, computed, strict=False)) if a != b),
        min(len(stored), len(computed)),
    )
    line = computed.count(b"\n", 0, at) + 1
    vector = _last_id(computed[: computed.find(b"\n", at)])
    found = stored[at : at + 24].decode(errors="replace")
    wanted = computed[at : at + 24].decode(errors="replace")
    where = f" in {vector}" if vector else ""
    return f"differs at byte {at}, line {line}{where}: {found!r} should be {wanted!r}"


def _last_id(text: bytes) -> str | None:
    marker = b'\n   "id": "'
    start = text.rfind(marker)
    if start < 0:
        return None
    return text[start + len(marker) :].split(b'"')[0].decode(errors="replace")
