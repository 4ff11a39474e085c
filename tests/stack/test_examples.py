"""The examples of README.md and docs/api.md answer as shown: each block marked `sh`, in order, in one bash."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stack.machine.local import LocalStack
from tests.stack.client import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]
DOCUMENTS = (ROOT / "README.md", ROOT / "docs" / "api.md")
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANY = "…"
FORMS = {
    "hex": re.compile(r"0x[0-9a-fA-F]*…?"),
    "id": re.compile(r"[0-9a-f]{24}|[0-9a-f]+…"),
    "time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"),
    "token": re.compile(r"eyJ[\w.-]*…?"),
}
"""Strings that differ each time, by their form. Every other string must be as shown, to the letter."""
VARYING = {"txFee", "maxFeePerGas", "nonce", "blockNumber"}


@dataclass(frozen=True, slots=True)
class Example:
    """A block for the shell, and the answer that the document shows beneath it."""

    command: str
    shown: Any


def examples() -> list[Example]:
    blocks = [block for path in DOCUMENTS for block in _BLOCK.findall(path.read_text(encoding="utf-8"))]
    following = [*blocks[1:], ("", "")]
    return [
        Example(text, json.loads(answer) if language == "json" else None)
        for (kind, text), (language, answer) in zip(blocks, following, strict=True)
        if kind == "sh"
    ]


def form(value: str) -> str:
    """Return what is the same each time in a string: the name of its form, or the string without its hex digits."""
    for name, pattern in FORMS.items():
        if pattern.fullmatch(value):
            return name
    return re.sub(r"0x[0-9a-fA-F]+…?", "hex", value)


def differences(shown: Any, found: Any, where: str = "") -> list[str]:
    """Return where an answer differs from what is shown. "…" stands for more of it."""
    if type(shown) is not type(found):
        return [f"{where} is {found!r}, and shown as {shown!r}"]
    if isinstance(shown, dict):
        return differing_fields(shown, found, where)
    if isinstance(shown, list):
        pairs = enumerate(zip(shown, found, strict=False))
        fewer = [f"{where} has fewer than {len(shown)} entries"] if len(found) < len(shown) else []
        return fewer + [line for number, (one, other) in pairs for line in differences(one, other, f"{where}[{number}]")]
    varies = where.rpartition(".")[2] in VARYING
    alike = form(shown) == form(found) if isinstance(shown, str) else shown == found
    return [] if varies or alike else [f"{where} is {found!r}, and shown as {shown!r}"]


def differing_fields(shown: dict[str, Any], found: dict[str, Any], where: str) -> list[str]:
    missing = [f"{where}.{name} is missing" for name in shown if name != ANY and name not in found]
    common = [name for name in shown if name in found]
    return missing + [line for name in common for line in differences(shown[name], found[name], f"{where}.{name}")]


@pytest.fixture(scope="module")
def answers(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Run all blocks. Returns what each printed. A block that fails, or does not end, fails here."""
    directory = tmp_path_factory.mktemp("examples")
    (directory / ".local").mkdir()
    (directory / ".local" / "stack.env").write_text(stack.env_file.read_text())
    lines = ["set -euo pipefail"]
    for number, example in enumerate(examples()):
        lines += [f"exec > answer.{number}", example.command]
    command, environment = ["bash", "-c", "\n".join(lines)], {"PATH": "/usr/local/bin:/usr/bin:/bin"}
    errors, problem = directory / "errors", None
    with errors.open("w") as stderr:
        try:
            done = subprocess.run(command, cwd=directory, env=environment, stderr=stderr, check=False, timeout=PATIENCE_SECONDS)
            problem = f"ends as {done.returncode}" if done.returncode else None
        except subprocess.TimeoutExpired:
            problem = "does not end"
    printed = [file for number in range(len(examples())) if (file := directory / f"answer.{number}").exists()]
    answers_ = [file.read_text() for file in printed]
    assert problem is None, f"{examples()[len(printed) - 1].command}\n{problem}: {errors.read_text()}\nbefore: {answers_}"
    return answers_


@pytest.mark.parametrize("number", range(len(examples())))
def test_an_example_answers_as_its_document_shows(number: int, answers: list[str]) -> None:
    example = examples()[number]
    assert example.shown is not None, f"no answer is shown to:\n{example.command}"
    try:
        found = json.loads(answers[number])
    except ValueError:
        pytest.fail(f"{example.command}\nanswers {answers[number]!r}")
    assert differences(example.shown, found) == [], answers[number]


def test_the_examples_show_a_job_from_its_request_to_its_end_and_the_admin_api() -> None:
    commands = "\n".join(example.command for example in examples())
    for path in ("jobs", "tokens/create", "tokens/mint", "tokens/transfer", "tokens/burn", "wallets/create", "accounts"):
        assert path in commands


def test_an_answer_that_is_not_as_shown_is_noticed() -> None:
    shown = {"job": {"_id": "aaba…", "status": "pending", "to": "0x12…", "n": [{"at": "2026-11-22T01:31:21.280Z"}], "…": "…"}}
    good = {"job": {"_id": "b" * 24, "status": "pending", "to": "0xab", "n": [{"at": "2027-01-01T00:00:00.000Z"}], "more": 1}}
    assert differences(shown, good) == []
    for wrong in (
        {"_id": 7},
        {"_id": "no id"},
        {"status": "failed"},
        {"to": "ab"},
        {"n": []},
        {"n": [{"at": "today"}]},
        {"n": [{}]},
    ):
        assert len(differences(shown, {"job": good["job"] | wrong})) == 1, wrong
    assert differences({"error": "0x12… has 10.", "code": "A"}, {"error": "0xab has 10.", "code": "A"}) == []
    assert len(differences({"error": "0x12… has 10.", "code": "A"}, {"error": "0xab has 11.", "code": "A"})) == 1
