"""The compiled contracts of contracts/src: compiled when a source, the compiler's pin or its settings changed."""

import json
from dataclasses import dataclass
from typing import Any

from stack import paths, tools
from stack.errors import StackError
from stack.progress import Say
from stack.turn import exclusively

OUT = paths.CONTRACTS / "out"


@dataclass(frozen=True, slots=True)
class Contract:
    abi: list[dict[str, Any]]
    bytecode: str
    """Of the deployment, 0x-prefixed hex."""


def compile_contracts(say: Say) -> None:
    """Leaves contracts/out/<Name>.json up to date; installs the compiler when it has to run."""
    with exclusively(paths.LOCAL / "contracts.lock"):
        _compile(say)


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


def contract(name: str) -> Contract:
    """A compiled contract by name. Raises StackError when it has not been compiled."""
    try:
        artifact = json.loads((OUT / f"{name}.json").read_text())
    except FileNotFoundError:
        raise StackError(f"There is no compiled contract {name} in {OUT}.") from None
    return Contract(artifact["abi"], artifact["bytecode"])
