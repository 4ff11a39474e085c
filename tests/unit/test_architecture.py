"""The arrows of the layout, kept: every import inside the package points inward."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "chalicelib"

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
NOWHERE = {"boto3", "web3"}
"""They are for the stack and the tests: not in the zip (see `stack.build.dependencies.INSTEAD`)."""
LINES = 300


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


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


def test_no_room_is_missing_from_the_rules() -> None:
    assert {room_of(path) for path in modules()} - {"__init__"} == set(MAY_IMPORT)


@pytest.mark.parametrize(
    "path", [*modules(), ROOT / "app.py", *sorted((ROOT / "stack").glob("*.py"))], ids=lambda path: path.name
)
def test_files_stay_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LINES + 50


def test_importing_a_worker_or_the_app_connects_to_nothing_and_reads_no_environment() -> None:
    code = (
        "import os, socket\n"
        "os.environ.clear()\n"
        "def refuse(*_, **__): raise AssertionError('a connection at import')\n"
        "socket.socket.connect = refuse\n"
        "import app, chalicelib.chain.reading.node, chalicelib.chain.signing.signers\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, timeout=60)
