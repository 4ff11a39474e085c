"""What the compiler leaves in contracts/out: the same bytes each time, and nothing that only tests deploy."""

import json
from pathlib import Path

import pytest

from stack import contracts, paths, tools
from tests.contracts.ground import Ground

SERVICE: list[str] = json.loads(contracts.SERVICE.read_text())
"""The artefacts meant for the service; the others in contracts/out are the local stack's."""


def test_two_builds_give_the_same_bytes(tmp_path: Path) -> None:
    contracts.compile_contracts(print, update_service=False)
    tools.run("Compiling again", [*tools.node(print).node, paths.CONTRACTS / "compile.js", "", tmp_path])
    built = {file.name: file.read_bytes() for file in contracts.OUT.glob("*.json")}
    assert built == {file.name: file.read_bytes() for file in tmp_path.glob("*.json")}
    assert {f"{name}.json" for name in SERVICE} <= built.keys()


def test_nothing_is_compiled_when_nothing_changed() -> None:
    contracts.compile_contracts(print, update_service=False)
    before = {file: file.stat().st_mtime_ns for file in contracts.OUT.iterdir()}
    said: list[str] = []
    contracts.compile_contracts(said.append, update_service=False)
    assert said == []
    assert {file: file.stat().st_mtime_ns for file in contracts.OUT.iterdir()} == before


def test_contracts_of_the_tests_stay_out_of_the_build(ground: Ground) -> None:
    of_tests = {file.stem for file in ground.test_artifacts.glob("*.json")}
    assert of_tests
    assert of_tests.isdisjoint(file.stem for file in contracts.OUT.glob("*.json"))
    assert of_tests.isdisjoint(SERVICE)


def test_artefacts_of_the_service_hold_an_interface_and_a_deployment() -> None:
    for name in SERVICE:
        artifact = json.loads((contracts.OUT / f"{name}.json").read_text())
        assert artifact.keys() == {"abi", "bytecode"}
        assert artifact["abi"]
        assert len(bytes.fromhex(artifact["bytecode"].removeprefix("0x"))) > 1_000


# --- the service's own copies ------------------------------------------------------------------------------------------


def test_what_is_committed_is_what_the_compiler_makes() -> None:
    contracts.compile_contracts(print, update_service=False)
    committed = {file.name: file.read_text() for file in contracts.ARTIFACTS.iterdir()}
    assert committed == contracts.service_artifacts(), "`make up` updates them"


def test_copies_are_written_only_where_they_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contracts, "ARTIFACTS", tmp_path)
    monkeypatch.setattr(contracts.paths, "ROOT", tmp_path)
    said: list[str] = []
    contracts._update_service(said.append)
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == contracts.service_artifacts()
    assert len(said) == len(SERVICE)
    before = {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    (tmp_path / "Wallet.json").write_text("{}")
    (tmp_path / "Gone.json").write_text("{}")
    contracts._update_service(said.append)
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == contracts.service_artifacts()
    after = {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    assert {name for name in after if after[name] != before[name]} == {"Wallet.json"}
