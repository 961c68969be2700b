"""The architecture, read from the source: imports, `__all__`, docstrings, tables."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

from adagrad_conformance.adapters.registry import PORTS
from adagrad_conformance.checks.scenarios.families import FAMILIES, GENERATED

ROOT = Path(__file__).resolve().parents[1]
SUITE = ROOT / "conformance" / "adagrad_conformance"
FILES = {
    ".".join(path.relative_to(base).with_suffix("").parts).removesuffix(
        ".__init__"
    ): path
    for base in (ROOT / "reference", ROOT / "conformance")
    for path in base.rglob("*.py")
}
TREES = {name: ast.parse(path.read_text()) for name, path in FILES.items()}
MODULES = sorted(FILES)

#: The floor of each package and file of the suite.  A module imports its own package
#: and lower floors only, wherever in the module the import stands.
FLOOR = {
    "adapter_kits": 0,
    "errors": 0,
    "files": 0,
    "json_schemas": 0,
    "search_path": 0,
    "user_modules": 1,
    "requirements": 1,
    "adapters": 2,
    "checks": 3,
    "transport": 3,
    "execution": 4,
    "doctor": 6,
    "grading": 5,
    "faults": 6,
    "reproducers": 7,
    "explore": 6,
    "evaluation": 7,
    "reports": 8,
    "gate": 9,
    "cli": 10,
    # names that commands and scripts of users hold
    "by_hand": 11,
    "host": 11,
    "__main__": 11,
}
#: What `new-adapter` copies; no module imports it, and it imports what its users have.
COPIED = "adagrad_conformance.adapter_kits."
FRAMEWORKS = ("torch", "keras", "jax", "optax", "tensorflow", "mlx", "paddle")
#: The reference's language, without its mathematics.
LANGUAGE = {"scenario", "formats", "options", "dialects"}
#: The most modules that a folder may hold, but where they are all of one kind.
CROWD = 15
OF_ONE_KIND = (
    *("published", "scenarios", "port_syntax", "adagrad_reference"),
    *("requirements", "kinds"),  # chapters, and themes of native checks
)


def unit(module):
    """The package or file of the suite that a module belongs to."""
    return [*module.split("."), "__init__"][1]


def is_type_checking(node):
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def nodes(tree, deferred=True):
    """All nodes; without `deferred`, not those inside functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not deferred:
            continue
        if is_type_checking(node):
            continue
        yield node
        yield from nodes(node, deferred)


def imports(module, deferred=True):
    """Full names of all that a module imports, our own down to the module."""
    for node in nodes(TREES[module], deferred):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = module.split(".")
                if FILES[module].name != "__init__.py":
                    package = package[:-1]
                package = package[: len(package) - node.level + 1]
                base = ".".join([*package, base]).rstrip(".")
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield inner if inner in FILES else base


def top_level(name):
    return name.split(".")[0]


def ours(names):
    return {name for name in names if name in FILES}


def test_there_is_something_to_look_at():
    assert len(MODULES) > 40
    assert "adagrad_reference.algorithm" in ours(
        imports("adagrad_reference.expectations")
    )
    assert "adagrad_conformance.checks.vector_files" in imports(
        "adagrad_conformance.cli.explain"
    )


SUITES = [m for m in MODULES if m.startswith("adagrad_conformance.")]


def test_every_package_has_a_floor():
    assert set(map(unit, SUITES)) == set(FLOOR)


@pytest.mark.parametrize("module", [m for m in SUITES if not m.startswith(COPIED)])
def test_imports_go_down_only(module):
    for name in ours(imports(module)):
        if name.startswith("adagrad_conformance.") and unit(name) != unit(module):
            assert not name.startswith(COPIED)
            assert FLOOR[unit(name)] < FLOOR[unit(module)], name


def test_the_reference_imports_nothing_of_the_suite():
    for module in set(MODULES) - set(SUITES) - {"adagrad_conformance"}:
        found = {top_level(name) for name in imports(module)}
        assert "adagrad_conformance" not in found, module


def test_no_folder_is_a_crowd_of_different_kinds():
    for folder in {path.parent for path in FILES.values()}:
        if folder.name not in OF_ONE_KIND:
            modules = [p for p in folder.glob("*.py") if p.name != "__init__.py"]
            assert len(modules) <= CROWD, folder


@pytest.mark.parametrize(
    "package", sorted(p.parent for p in FILES.values() if p.name == "__init__.py")
)
def test_every_package_says_what_it_is_for(package):
    assert ast.get_docstring(ast.parse((package / "__init__.py").read_text()))


def test_modules_do_not_import_each_other_in_a_circle():
    graph = {name: ours(imports(name)) - {name} for name in MODULES}
    done, path = set(), []

    def visit(name):
        if name in done:
            return
        assert name not in path, " -> ".join([*path[path.index(name) :], name])
        path.append(name)
        for other in sorted(graph[name]):
            visit(other)
        done.add(path.pop())

    for name in MODULES:
        visit(name)


def test_the_reference_imports_nothing_but_mpmath_and_numpy():
    for module in MODULES:
        if top_level(module) == "adagrad_reference":
            outside = {top_level(name) for name in imports(module)}
            assert not outside & {"adagrad_conformance", "click", "rich", *FRAMEWORKS}
            third = outside - set(sys.stdlib_module_names) - {"adagrad_reference"}
            assert third <= {"mpmath", "numpy", "gmpy2"}, module


@pytest.mark.parametrize(
    "name", ["scenario", "formats", "options", "bookkeeping", "scenario_json"]
)
def test_the_language_needs_no_arithmetic(name):
    """Adapters and hosts import these; what these import counts too."""
    seen, todo = set(), {f"adagrad_reference.{name}"}
    while todo:
        module = todo.pop()
        seen.add(module)
        found = set(imports(module))
        assert not {top_level(x) for x in found} & {"mpmath", "numpy"}, module
        todo |= ours(found) - seen


ADAPTERS = [m for m in SUITES if unit(m) == "adapters"]


@pytest.mark.parametrize("module", ADAPTERS)
def test_adapters_speak_the_language_and_never_the_mathematics(module):
    found = {x for x in imports(module) if top_level(x) == "adagrad_reference"}
    assert found <= {f"adagrad_reference.{name}" for name in LANGUAGE}
    if ".own." in module and not module.endswith("_adapter"):
        assert not found  # a port that is judged shares nothing with its judge


@pytest.mark.parametrize("module", SUITES)
def test_only_adapters_import_frameworks(module):
    used = {top_level(name) for name in imports(module)} & set(FRAMEWORKS)
    assert not used or unit(module) == "adapters"


@pytest.mark.parametrize("module", SUITES)
def test_only_the_command_line_speaks_to_people(module):
    used = {top_level(name) for name in imports(module)} & {"click", "rich"}
    assert not used or unit(module) == "cli" or module.endswith(".reports.terminal")


def test_grading_neither_plays_nor_starts_anything():
    for module in SUITES:
        if unit(module) != "grading":
            continue
        found = set(imports(module))
        played = {"adagrad_conformance.execution." + x for x in ("runner", "session")}
        assert not found & played
        assert not {unit(name) for name in ours(found)} & {"transport"}
        assert not {top_level(name) for name in found} & {"subprocess", "os"}


def test_no_program_reads_the_words_of_a_failure():
    """They are made for people: other modules match over `failure.kind`."""
    speaks = re.compile(r"\bfailure\.(message|observed_text|due_text)\b")
    readers = {m for m in SUITES if speaks.search(FILES[m].read_text())}
    words = {"evaluation", "faults", "reports", "reproducers"}
    assert {unit(module) for module in readers} <= words
    parsing = {m for m in readers if "re" in imports(m)}
    assert {m.rpartition(".")[2] for m in parsing} <= {"smallest", "writing"}


def test_nobody_unpickles_or_evaluates_but_adapters():
    for module in MODULES:
        if module in ADAPTERS:
            continue
        assert not {top_level(x) for x in imports(module)} & {"pickle", "marshal"}
        calls = {
            node.func.id
            for node in ast.walk(TREES[module])
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert not calls & {"eval", "exec", "compile", "__import__"}, module


# -- __all__ and docstrings ------------------------------------------------------------


def assigned(tree):
    for node in tree.body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield from (n.id for n in ast.walk(target) if isinstance(n, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def exported(tree):
    """The names in `__all__`, those added later too; None if there is none."""
    found = None
    for node in tree.body:
        target = getattr(node, "target", None) or next(
            iter(getattr(node, "targets", ())), None
        )
        if isinstance(target, ast.Name) and target.id == "__all__":
            found = [*(found or []), *ast.literal_eval(node.value)]
    return found


def is_command(node):
    """A click command: reached by its name on the command line."""
    return any(
        ast.unparse(decorator).split("(")[0].split(".")[-1] in ("command", "group")
        for decorator in node.decorator_list
    )


def definitions(tree):
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [node for node in tree.body if isinstance(node, kinds)]


@pytest.mark.parametrize("module", MODULES)
def test_every_name_in_all_exists(module):
    tree = TREES[module]
    names = exported(tree) or []
    known = {node.name for node in definitions(tree)} | set(assigned(tree))
    lazy = "__getattr__" in known  # its names are imported for type checkers alone
    for node in ast.walk(tree) if lazy else nodes(tree, deferred=False):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            known |= {alias.asname or alias.name for alias in node.names}
    assert not set(names) - known
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("module", MODULES)
def test_all_is_complete(module):
    if module.endswith("__main__"):
        return
    tree = TREES[module]
    public = {
        node.name
        for node in definitions(tree)
        if not node.name.startswith("_") and not is_command(node)
    }
    names = exported(tree)
    if names is None:
        assert not public, "no __all__"
    else:
        assert not public - set(names)


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_a_docstring(module):
    assert ast.get_docstring(TREES[module])


# -- tables and folders ----------------------------------------------------------------


#: The adapters in Python, wherever they run.
PLACES = {name: port.place for name, port in PORTS.items() if port.place}


def test_every_adapter_in_the_table_is_in_the_folder():
    for name, place in PLACES.items():
        module, _, attribute = place.partition(":")
        assert module in FILES, name
        tree = TREES[module]
        known = {node.name for node in definitions(tree)} | set(assigned(tree))
        assert attribute in known, name
        assert attribute in (exported(tree) or ()), name


def offered(module):
    """Functions and classes that make an adapter without arguments."""
    for node in definitions(TREES[module]):
        if node.name.startswith("_"):
            continue
        if isinstance(node, ast.FunctionDef):
            returned = ast.unparse(node.returns) if node.returns else ""
            if not node.args.args and returned.endswith("Adapter"):
                yield node.name
        elif isinstance(node, ast.ClassDef):
            body = {item.name for item in node.body if hasattr(item, "name")}
            named = "name" in set(assigned(node))
            if named and "__init__" not in body:
                yield node.name


def test_every_adapter_in_the_folder_is_in_the_table():
    registered = set(PLACES.values())
    for module in MODULES:
        if module.startswith("adagrad_conformance.adapters.") and not module.endswith(
            (".base", ".torch_like", ".environments")
        ):
            missing = {f"{module}:{name}" for name in offered(module)} - registered
            assert not missing


def test_every_registered_name_is_a_word_or_a_path_of_words():
    for name in PORTS:
        assert ":" not in name
        assert name == name.lower().strip()


def test_the_table_of_families_is_the_folder():
    files = {
        module
        for module in MODULES
        if module.startswith("adagrad_conformance.checks.scenarios.")
        and "scenarios" in {node.name for node in definitions(TREES[module])}
    }
    families = [*FAMILIES, *GENERATED]
    assert {family.__name__ for family in families} == files
    names = [family.FAMILY for family in families]
    assert len(set(names)) == len(names)
    for family in families:
        assert family.__name__.endswith("." + family.FAMILY.replace("-", "_"))
