"""The layout: which room may import which, no import circle, and how long a file may be."""

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "chalicelib"
STACK = ROOT / "stack"

GROUND = {"errors", "settings", "networks", "metrics", "cached", "bounds", "backoff", "patterns"}
MAY_IMPORT = {
    "errors": set(),
    "networks": set(),
    "bounds": set(),
    "patterns": set(),
    "metrics": set(),
    "backoff": set(),
    "cached": {"errors", "backoff"},
    "settings": {"errors", "networks", "bounds", "patterns"},
    "jobs": GROUND,
    "admin": {"jobs"} | GROUND,
    "store": {"jobs"} | GROUND,
    "queues": {"jobs"} | GROUND,
    "chain": {"jobs", "admin"} | GROUND,
    "auth": {"jobs", "chain"} | GROUND,
    "telemetry": {"jobs"} | GROUND,
    "wiring": {"auth", "store", "queues", "chain", "jobs", "admin", "telemetry"} | GROUND,
    "workers": {"queues", "jobs"} | GROUND,
    "api": {"auth", "chain", "admin", "jobs"} | GROUND,
}
OUTSIDE = {
    "jobs": {"botocore", "chalice", "eth_abi", "eth_utils", "requests", "pydantic"},
    "admin": {"botocore", "chalice", "eth_abi", "eth_utils", "requests", "pydantic"},
    "api": {"botocore"},
    "auth": {"botocore", "chalice"},
    "workers": {"botocore", "chalice"},
    "telemetry": {"botocore"},
    "store": {"chalice"},
    "queues": {"chalice"},
    "chain": {"chalice"},
}
NOWHERE = {"boto3", "web3", "click", "stack", "tests"}
"""They are for the stack and the tests: not in the zip (see `stack.build.dependencies.INSTEAD`)."""

STACK_GROUND = {"errors", "paths", "progress", "locks", "tools"}
STACK_MAY_IMPORT = {
    "errors": set(),
    "paths": set(),
    "progress": set(),
    "stack_env": set(),
    "locks": {"errors"},
    "aws": {"errors"},
    "rpc": {"errors"},
    "tools": {"errors", "paths", "progress", "locks"},
    "contracts": STACK_GROUND,
    "funder": {"contracts", "rpc"} | STACK_GROUND,
    "build": STACK_GROUND,
    "deployment": {"build", "funder", "contracts", "rpc", "aws"} | STACK_GROUND,
    "operation": {"deployment", "build", "rpc", "aws", "stack_env"} | STACK_GROUND,
    "machine": {"operation", "deployment", "build", "funder", "contracts", "rpc", "aws", "stack_env"} | STACK_GROUND,
    "commands": {"machine", "operation", "deployment", "build", "aws"} | STACK_GROUND,
    "__main__": {"commands", "errors"},
}

LINES = 300


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def stack_modules() -> list[Path]:
    return sorted(STACK.rglob("*.py"))


def room_of(path: Path, package: Path = PACKAGE) -> str:
    return path.relative_to(package).parts[0].removesuffix(".py")


def name_of(path: Path) -> str:
    """The module's name. Example: `stack/machine/local.py` is `stack.machine.local`."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_inward(path: Path) -> None:
    room = room_of(path)
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] == "chalicelib" and len(parts) > 1 and parts[1] != room:
            assert parts[1] in MAY_IMPORT[room], f"{room} may not import {name}"
        assert parts[0] not in NOWHERE | OUTSIDE.get(room, set()) or is_typing_only(path, name), f"{room} may not import {name}"


def is_typing_only(path: Path, name: str) -> bool:
    """Whether the import stands under `if TYPE_CHECKING`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for inner in ast.walk(node):
                if isinstance(inner, ast.ImportFrom) and name.startswith(f"{inner.module}."):
                    return True
    return False


@pytest.mark.parametrize("path", stack_modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_of_the_stack_point_inward(path: Path) -> None:
    room = room_of(path, STACK)
    for name in imports_of(path):
        parts = name.split(".")
        assert parts[0] not in {"app", "tests"}, f"stack may not import {name}"
        if parts[0] == "stack" and len(parts) > 1 and parts[1] != room:
            assert parts[1] in STACK_MAY_IMPORT[room], f"{room} may not import {name}"


def test_no_room_is_missing_from_the_rules() -> None:
    assert {room_of(path) for path in modules()} - {"__init__"} == set(MAY_IMPORT)
    assert {room_of(path, STACK) for path in stack_modules()} - {"__init__"} == set(STACK_MAY_IMPORT)


@pytest.mark.parametrize("rooms", [MAY_IMPORT, STACK_MAY_IMPORT], ids=["chalicelib", "stack"])
def test_the_rules_allow_no_circle_of_rooms(rooms: dict[str, set[str]]) -> None:
    graphlib.TopologicalSorter(rooms).prepare()


@pytest.mark.slow
def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports inside functions count. Those for type checkers alone do not: they are never executed."""
    files = {name_of(path): path for path in [*modules(), *stack_modules(), ROOT / "app.py"]}
    arrows: dict[str, set[str]] = {}
    for module, path in files.items():
        executed = [name for name in imports_of(path) if not is_typing_only(path, name)]
        arrows[module] = {one for name in executed for one in (name, name.rpartition(".")[0]) if one in files} - {module}
    graphlib.TopologicalSorter(arrows).prepare()


@pytest.mark.parametrize("path", [*modules(), ROOT / "app.py", *stack_modules()], ids=lambda path: str(path.relative_to(ROOT)))
def test_files_stay_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LINES, "split it by subject"


def test_importing_a_worker_or_the_app_connects_to_nothing_and_reads_no_environment() -> None:
    code = (
        "import os, socket\n"
        "os.environ.clear()\n"
        "def refuse(*_, **__): raise AssertionError('a connection at import')\n"
        "socket.socket.connect = refuse\n"
        "import app, chalicelib.chain.reading.node, chalicelib.chain.signing.signers\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, timeout=60)
