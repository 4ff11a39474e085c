"""The zip of the functions."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from eth_utils.crypto import keccak

from chalicelib.chain.contracts import ARTIFACTS
from stack import dependencies, paths
from stack.dependencies import write_zip
from stack.errors import StackError
from stack.package import Package, package
from stack.progress import silent

DIRECT_UPLOAD_BYTES = 50 * 10**6
UNZIPPED_BYTES = 250 * 10**6
NOT_FOR_LAMBDA = (
    "tests",
    "stack",
    "contracts",
    "pytest",
    "ministack",
    "mypy",
    "ruff",
    "hypothesis",
    "cfnlint",
    "samtranslator",
)


@pytest.fixture(scope="module")
def entries(packages: dict[str, Package]) -> list[zipfile.ZipInfo]:
    with zipfile.ZipFile(packages["spark"].archive) as archive:
        return archive.infolist()


def test_the_zip_is_below_lambdas_limits(packages: dict[str, Package], entries: list[zipfile.ZipInfo]) -> None:
    zipped, unzipped = packages["spark"].archive.stat().st_size, sum(entry.file_size for entry in entries)
    print(f"zip {zipped / 1e6:.1f} MB, unzipped {unzipped / 1e6:.1f} MB")
    assert zipped < DIRECT_UPLOAD_BYTES
    assert unzipped < UNZIPPED_BYTES


def test_the_zip_holds_no_caches_tests_or_development_tools(entries: list[zipfile.ZipInfo]) -> None:
    names = [entry.filename for entry in entries]
    assert [name for name in names if "__pycache__" in name or name.endswith(".pyc")] == []
    assert {name.split("/")[0] for name in names} & set(NOT_FOR_LAMBDA) == set()
    assert [name for name in names if name.startswith("chalice/")] == ["chalice/__init__.py", "chalice/app.py"]
    assert len(names) == len(set(names))


def test_the_stages_share_one_zip(packages: dict[str, Package]) -> None:
    assert packages["fuse"].digest == packages["spark"].digest


def test_the_same_inputs_give_the_same_bytes(packages: dict[str, Package], tmp_path: Path) -> None:
    again = package("spark", silent, tmp_path / "again")
    assert again.digest == packages["spark"].digest
    assert again.template.read_bytes() == packages["spark"].template.read_bytes()


def test_packaging_again_without_a_change_does_nothing(packages: dict[str, Package]) -> None:
    said: list[str] = []
    before = packages["spark"].archive.stat().st_mtime_ns
    assert package("spark", said.append) == packages["spark"]
    assert said == []
    assert packages["spark"].archive.stat().st_mtime_ns == before


def test_an_unknown_stage_is_one_sentence() -> None:
    with pytest.raises(StackError, match=r"no stage 'sparc' .* fuse, local, spark"):
        package("sparc", silent)


def test_dates_and_modes_of_the_files_do_not_reach_the_zip(tmp_path: Path) -> None:
    digests = []
    for moment, mode in ((1_000_000_000, 0o600), (1_500_000_000, 0o644)):
        directory = tmp_path / str(moment)
        (directory / "room" / "__pycache__").mkdir(parents=True)
        for file in (directory / "b.py", directory / "a.py", directory / "room" / "c.py"):
            file.write_text(file.name)
            file.chmod(mode)
            os.utime(file, (moment, moment))
        (directory / "room" / "__pycache__" / "c.pyc").write_bytes(str(moment).encode())
        write_zip(tmp_path / f"{moment}.zip", directory)
        digests.append((tmp_path / f"{moment}.zip").read_bytes())
    assert digests[0] == digests[1]


def test_every_handler_is_there_in_a_fresh_interpreter_that_sees_only_the_zip(
    packages: dict[str, Package], unzipped: Path
) -> None:
    """Without the environment's variables too: nothing may read them, or call anybody, at import."""
    template: dict[str, Any] = json.loads(packages["spark"].template.read_text())
    functions = [one for one in template["Resources"].values() if one["Type"] == "AWS::Serverless::Function"]
    handlers = [function["Properties"]["Handler"] for function in functions]
    assert len(set(handlers)) == len(functions)
    for handler in handlers:
        module, name = handler.rsplit(".", 1)
        program = (
            f"import sys; sys.path.insert(0, {str(unzipped)!r}); import importlib; "
            f"found = getattr(importlib.import_module({module!r}), {name!r}); assert callable(found); "
            f"assert importlib.import_module({module!r}).__file__.startswith({str(unzipped)!r}); print('there')"
        )
        command = [sys.executable, "-I", "-S", "-B", "-c", program]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={}, cwd=unzipped)
        assert (done.returncode, done.stdout, done.stderr) == (0, "there\n", ""), handler


def test_the_contracts_are_in_the_zip_as_they_are_committed(packages: dict[str, Package], unzipped: Path) -> None:
    committed = sorted(ARTIFACTS.glob("*.json"))
    assert {file.stem for file in committed} >= {"TokenFactory", "WalletFactory", "CommunityToken", "Wallet"}
    with zipfile.ZipFile(packages["spark"].archive) as archive:
        for file in committed:
            assert archive.read(str(file.relative_to(paths.ROOT))) == file.read_bytes()
    program = (
        f"import sys; sys.path.insert(0, {str(unzipped)!r}); from chalicelib.chain.contracts import ServiceContracts; "
        "print(ServiceContracts().create_token('A', 'B', 1, '').hex()[:8])"
    )
    command = [sys.executable, "-I", "-S", "-B", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={}, cwd=unzipped)
    assert done.stdout.strip() == keccak(text="createToken(string,string,uint256,string)")[:4].hex(), done.stderr


def test_the_zip_describes_exactly_the_services_the_functions_call(entries: list[zipfile.ZipInfo]) -> None:
    names = [entry.filename.split("/") for entry in entries]
    described = {parts[2] for parts in names if parts[:2] == ["botocore", "data"] and len(parts) > 3}
    called = set(re.findall(r'_client\("(\w+)"\)', (paths.ROOT / "chalicelib" / "wiring.py").read_text()))
    assert described == called


@pytest.mark.parametrize("module", ["web3", "pydantic", "jwt", "boto3", "chalicelib.chain.signers", "eth_account"])
def test_what_the_workers_import_is_in_the_zip_and_loads(module: str, unzipped: Path) -> None:
    program = f"import sys; sys.path.insert(0, {str(unzipped)!r}); import {module}; print({module}.__file__)"
    command = [sys.executable, "-I", "-S", "-B", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={}, cwd=unzipped)
    assert done.stdout.startswith(str(unzipped)), done.stderr


def test_a_package_without_a_fitting_wheel_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = tmp_path / "strange_platform-1.0-cp39-cp39-macosx_11_0_arm64.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("strange_platform.py", "")

    class OnlyThisWheel:
        def download_all_dependencies(self, _requirements: str, directory: str) -> None:
            shutil.copy(wheel, directory)

        def download_manylinux_wheels(self, *_: object, **__: object) -> None: ...

        def download_sdists(self, *_: object) -> None: ...

        def build_wheel(self, *_: object, **__: object) -> None: ...

    monkeypatch.setattr("chalice.deploy.packager.PipRunner", lambda *_: OnlyThisWheel())
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("strange-platform==1.0\n")
    with pytest.raises(StackError, match=r"No wheel for Lambda .*: strange-platform==1\.0\. Pin a version"):
        dependencies.lambda_wheels(requirements, tmp_path / "out")
