"""The rules of the repository that no linter knows."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "fildes"

#: Innermost first. A module imports from its own layer and from those before it.
#: A name stands for a module, or for a package with all that is in it.
LAYERS = (
    {"waiting", "errors", "advice", "trace", "scheme", "version", "patterns"},
    {"address", "drivers", "wire"},
    {"policy", "streams"},
    {"opening"},
    {"tls", "http", "websocket", "listening", "compression"},
    {"schemes"},
    {"files"},
    {"listener"},
    {"relaying"},
    {
        "opened_by",
        "reopening",
        "verbs",
        "listing",
        "copying",
        "extracting",
        "signatures",
    },
    {"opener"},
    {"fildes", "aio", "serving", "sharing", "workers", "beginning", "testing"},
    {"cli", "__main__"},
)

#: Modules, and the little that they may import: who waits knows nothing of what for.
NARROW = {"drivers": {"waiting", "drivers"}, "wire": {"errors", "patterns", "wire"}}

#: Modules of more than 300 lines, and why they are not two.
LONG = {"tests/test_address.py": "the rules of one grammar, case by case"}
MAX_LINES = 300

#: What takes milliseconds to import, and the modules that need it at once. All
#: others import it where it is used: `fildes cat` starts in tens of milliseconds.
SLOW_TO_IMPORT: dict[str, set[str]] = {
    "argparse": {"cli"},
    "asyncio": {"drivers.asyncio", "drivers.poller", "aio"},
    "concurrent.futures": set(),
    "email": set(),
    "http": {"cli.tour"},
    "importlib.metadata": set(),
    "inspect": set(),
    "logging": set(),
    "shutil": {"cli.tour"},
    "ssl": {"cli.tour", "tls"},
    "subprocess": {"cli.run", "cli.tour"},
    "tempfile": set(),
    "trio": {"drivers.trio"},
    "urllib.request": set(),
    "wsproto": {"websocket.deflate", "websocket.frames"},
}

MODULES = sorted(SOURCE.rglob("*.py"))
TESTS = sorted(Path(__file__).parent.rglob("test_*.py"))
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TEXTS = sorted(
    path
    for part in ("src", "tests", "docs", "benchmarks", ".ci", ".")
    for path in ([*ROOT.glob("*")] if part == "." else (ROOT / part).rglob("*"))
    if path.is_file() and "__pycache__" not in path.parts and path.name != ".coverage"
)


def name_of(path: Path) -> str:
    """Return the name of a module of ours inside the package; ``fildes`` for the package."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__") or "fildes"


def label(path: Path) -> str:
    return str(path.relative_to(ROOT))


every_module = pytest.mark.parametrize("path", MODULES, ids=label)


class Imports(ast.NodeVisitor):
    """The modules that a file imports when it runs, and those it does at once."""

    def __init__(self, path: Path) -> None:
        self.all: set[str] = set()
        self.at_once: set[str] = set()
        self.depth = 0
        self.visit(ast.parse(path.read_text()))

    def visit_Import(self, node: ast.Import) -> None:
        self.add({alias.name for alias in node.names})

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        assert not node.level, "imports are absolute"
        module = node.module or ""
        inside = {f"{module}.{alias.name}" for alias in node.names}
        ours = {name for name in inside if is_module(name)}
        self.add(ours or {module, *inside})

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.depth += 1
        self.generic_visit(node)
        self.depth -= 1

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test) == "TYPE_CHECKING":
            for statement in node.orelse:
                self.visit(statement)
        else:
            self.generic_visit(node)

    def add(self, names: set[str]) -> None:
        self.all |= names
        if not self.depth:
            self.at_once |= names


def is_module(name: str) -> bool:
    path = ROOT / "src" / name.replace(".", "/")
    return path.with_suffix(".py").exists() or path.is_dir()


def imported(path: Path) -> Iterator[str]:
    """Yield our modules that *path* imports, named inside the package."""
    for name in Imports(path).all:
        top, _, rest = name.partition(".")
        # The empty package of the schemes is only where modules are looked for.
        if top == "fildes" and is_module(name) and rest != "schemes":
            yield rest or "fildes"


def part_of(name: str) -> str:
    return name.partition(".")[0]


def layer_of(name: str) -> int:
    found = [index for index, names in enumerate(LAYERS) if part_of(name) in names]
    assert found, f"{name} has no layer yet: add it to LAYERS"
    return found[0]


@every_module
def test_imports_go_inwards(path: Path) -> None:
    """No module imports from a layer outside its own, not even inside a function."""
    own = layer_of(name_of(path))
    assert [name for name in imported(path) if layer_of(name) > own] == []


@every_module
def test_narrow_modules_import_what_they_may(path: Path) -> None:
    """Drivers know only what protocol code may await; codecs only how they fail."""
    allowed = NARROW.get(part_of(name_of(path)))
    if allowed is not None:
        assert {part_of(name) for name in imported(path)} <= allowed


@every_module
def test_slow_modules_are_imported_late(path: Path) -> None:
    """What takes long to import is imported by those who cannot do without it."""
    name = name_of(path)
    early = {
        slow
        for module in Imports(path).at_once
        for slow, users in SLOW_TO_IMPORT.items()
        if f"{module}.".startswith(f"{slow}.")
        and not any(f"{name}.".startswith(f"{user}.") for user in users)
    }
    assert early == set()


def test_import_loads_nothing_slow() -> None:
    """`import fildes` alone loads none of the slow modules, in a fresh interpreter."""
    program = f"import sys, fildes; print(*set(sys.modules) & {set(SLOW_TO_IMPORT)})"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-S", "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("path", [*MODULES, *sorted(ROOT.glob("tests/**/*.py"))], ids=label)
def test_modules_are_short(path: Path) -> None:
    """A module has 300 lines at most, or is listed with the reason."""
    if label(path) not in LONG:
        assert len(path.read_text().splitlines()) <= MAX_LINES


@pytest.mark.parametrize("path", TESTS, ids=label)
def test_every_test_says_what_it_promises(path: Path) -> None:
    """Every test has a docstring: the promise that it keeps."""
    silent = [
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert silent == []


@pytest.mark.parametrize("path", TESTS, ids=label)
def test_no_test_sleeps(path: Path) -> None:
    """A test waits for what it needs, never for time to pass."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    # trio.sleep(0) and asyncio.sleep(0) let others run; sleep_forever is to be cancelled.
    sleeps = {
        ast.unparse(call)
        for call in calls
        if re.search(r"\bsleep$", ast.unparse(call.func)) and ast.unparse(call)[-3:] != "(0)"
    }
    assert sleeps == set()


def test_open_ends_have_an_issue() -> None:
    """What is left to do is written where it is found again: in an issue."""
    pattern = re.compile(r"\b(FIX" r"ME|XX" r"X|TO" r"DO(?!\(#\d+\)))\b")
    assert lines_with(pattern) == []


def test_no_package_registry_is_recorded() -> None:
    """Where packages come from is the business of whoever installs them."""
    pattern = re.compile("python" r"hosted\.org|py" r"pi\.org|index" r"[-_]url|find" "-links")
    assert lines_with(pattern) == []


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{label(path)}:{number}: {line.strip()}"
        for path in TEXTS
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]


@pytest.mark.parametrize("path", DOCUMENTS, ids=label)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    """A relative link in a document names a file that is there."""
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_readme_shows_how_it_is_used() -> None:
    """The README has the two commands of a newcomer and at least ten examples."""
    text = (ROOT / "README.md").read_text()
    assert "make tour" in text
    assert "make test" in text
    blocks = re.findall(r"^```(?:python|shell|console)\n.*?^```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 10


def test_make_says_what_it_can_make() -> None:
    """Every goal of the Makefile that is not a file is explained by `make`."""
    text = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert phony is not None
    assert sorted(re.findall(r"^([a-z]+):.* ## ", text, re.MULTILINE)) == sorted(phony[1].split())


def test_ci_script_can_be_run() -> None:
    """The script of the continuous integration is executable and has no syntax error."""
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)


@pytest.mark.parametrize("folder", ["src", "tests", "benchmarks"])
def test_each_exception_has_a_reason(folder: str) -> None:
    """Whoever tells a checker to look away says why, in the same line."""
    bare = re.compile(r"#\s*(type: ignore\[[^]]*\]|noqa: [A-Z0-9, ]+)\s*$")
    found = [
        f"{label(path)}:{number}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if bare.search(line)
    ]
    assert found == []


def test_promises_are_shown_by_tests_that_there_are() -> None:
    """Each module that CONTRIBUTING.md names beside a promise is there."""
    section = (ROOT / "CONTRIBUTING.md").read_text().split("## Which test shows which promise")[1]
    named = re.findall(r"`([a-z_/]+\.py)`", section.split("\n## ")[0])
    assert len(named) > 50
    assert [name for name in named if not (ROOT / "tests" / name).is_file()] == []
