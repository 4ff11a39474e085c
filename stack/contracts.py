"""The compiled contracts of contracts/src. They are compiled again when a source, the compiler or its settings changed."""

import json
from dataclasses import dataclass
from typing import Any

from chalicelib.chain.contracts.service_contracts import ARTIFACTS
from stack import paths, tools
from stack.errors import StackError
from stack.locks import exclusively
from stack.progress import Say

OUT = paths.CONTRACTS / "out"
SERVICE = paths.CONTRACTS / "service.json"
"""The names of the contracts whose compiled code the service itself needs."""


@dataclass(frozen=True, slots=True)
class Contract:
    abi: list[dict[str, Any]]
    bytecode: str
    """The code that deploys it, as hex with 0x."""


def compile_contracts(say: Say, *, update_service: bool = True) -> None:
    """Bring contracts/out/<Name>.json and the service's own copies up to date. Installs the compiler when it is needed."""
    with exclusively(paths.LOCAL / "contracts.lock"):
        _compile(say)
        if update_service:
            _update_service(say)


def _compile(say: Say) -> None:
    tools.install_node_packages(say)
    sources = sorted((paths.CONTRACTS / "src").glob("*.sol"))
    wanted = tools.content_hash([*sources, paths.CONTRACTS / "package-lock.json", paths.CONTRACTS / "compile.js"])
    stamp = OUT / ".compiled"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say(f"Compiling {', '.join(source.stem for source in sources)}")
    tools.run("Compiling the contracts", [*tools.node(say).node, paths.CONTRACTS / "compile.js"])
    stamp.write_text(wanted)


def service_artifacts() -> dict[str, str]:
    """Return the files for the zip by name: each of the service's contracts as compact JSON, always with the same bytes."""
    names: list[str] = json.loads(SERVICE.read_text())
    return {
        f"{name}.json": json.dumps(json.loads((OUT / f"{name}.json").read_text()), sort_keys=True, separators=(",", ":")) + "\n"
        for name in names
    }


def _update_service(say: Say) -> None:
    """Write the service's copies that differ. They are committed, so that packaging needs no compiler."""
    wanted = service_artifacts()
    ARTIFACTS.mkdir(exist_ok=True)
    for file in ARTIFACTS.glob("*.json"):
        if file.name not in wanted:
            file.unlink()
    for name, text in wanted.items():
        file = ARTIFACTS / name
        if not file.exists() or file.read_text() != text:
            say(f"Updating {file.relative_to(paths.ROOT)}: commit it")
            file.write_text(text)


def contract(name: str) -> Contract:
    """Return a compiled contract by name. Raises StackError when it is not compiled."""
    try:
        artifact = json.loads((OUT / f"{name}.json").read_text())
    except FileNotFoundError:
        raise StackError(f"There is no compiled contract {name} in {OUT}.") from None
    return Contract(artifact["abi"], artifact["bytecode"])
