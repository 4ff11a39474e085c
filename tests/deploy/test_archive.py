"""The zip of the functions."""

import json
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import botocore
import pytest
from eth_utils.crypto import keccak

from chalicelib.api.reference import handlers
from chalicelib.chain.contracts.service_contracts import ARTIFACTS
from stack import paths
from stack.build import dependencies
from stack.build.bytecode import compile_all
from stack.build.dependencies import add_all, leave_out
from stack.build.package import Package, package
from stack.build.reference.files import write_reference
from stack.build.runtime import Runtime
from stack.errors import StackError
from stack.progress import silent

ZIP_BYTES = 20 * 10**6
"""Lambda takes 50 MB directly. This is what is needed, and a little: more is something that was not looked at. A quarter of
it is cryptography, for the public keys of an identity provider."""
UNZIPPED_BYTES = 250 * 10**6
UNCHECKED_HASH = 1  # PEP 552: the flags of a compiled module that is never compared with its source


@pytest.fixture(scope="module")
def entries(packages: dict[str, Package]) -> list[zipfile.ZipInfo]:
    with zipfile.ZipFile(packages["spark"].archive) as archive:
        return archive.infolist()


def test_the_zip_is_small(packages: dict[str, Package], entries: list[zipfile.ZipInfo]) -> None:
    zipped, unzipped = packages["spark"].archive.stat().st_size, sum(entry.file_size for entry in entries)
    print(f"zip {zipped / 1e6:.1f} MB, unzipped {unzipped / 1e6:.1f} MB")
    assert zipped < ZIP_BYTES
    assert unzipped < UNZIPPED_BYTES


@pytest.fixture(scope="module")
def rehearsed(unzipped: Path, runtime: Runtime) -> set[Path]:
    """The files of all modules the functions can import, in the archive and outside of it."""
    done = fresh_interpreter(runtime, unzipped, Path(__file__).with_name("rehearsal.py"), str(unzipped))
    assert done.returncode == 0, done.stderr
    return {Path(file) for file in json.loads(done.stdout)}


def test_nothing_is_in_the_zip_that_no_function_imports(
    entries: list[zipfile.ZipInfo], rehearsed: set[Path], unzipped: Path
) -> None:
    packed = {entry.filename.split("/")[0] for entry in entries}
    imported = {file.relative_to(unzipped).parts[0] for file in rehearsed if file.is_relative_to(unzipped)}
    assert {name for name in packed if not name.endswith(".dist-info")} - {"__pycache__"} == imported
    names = {entry.filename for entry in entries}
    assert {name for name in names if name.startswith("chalice/") and "__pycache__" not in name} == {
        "chalice/__init__.py",
        "chalice/app.py",
    }
    assert [name for name in names if {"tests", "test", "SelfTest"} & set(name.split("/"))] == []
    assert len(names) == len(entries)


def test_what_the_functions_import_is_in_the_zip_or_pythons_own(rehearsed: set[Path], unzipped: Path, runtime: Runtime) -> None:
    ask = "import sysconfig; print(sysconfig.get_path('stdlib'), sysconfig.get_path('platstdlib'), sep='\\n')"
    pythons = {*map(Path, fresh_interpreter(runtime, unzipped, "-c", ask).stdout.split()), Path(__file__).parent}
    elsewhere = [file for file in rehearsed if not any(file.is_relative_to(place) for place in (unzipped, *pythons))]
    assert elsewhere == []


def test_a_packages_metadata_is_its_version_and_no_more(entries: list[zipfile.ZipInfo]) -> None:
    parts = [entry.filename.split("/") for entry in entries if ".dist-info" in entry.filename]
    assert {tuple(path[1:]) for path in parts} == {("METADATA",)}


def test_every_module_is_compiled_for_the_runtime_and_taken_without_a_look_at_its_source(
    unzipped: Path, runtime: Runtime
) -> None:
    """Lambda cannot write what it compiled: each start would compile all that it imports."""
    ask = "import importlib.util, sys; print(importlib.util.MAGIC_NUMBER.hex(), sys.implementation.cache_tag)"
    magic, tag = fresh_interpreter(runtime, unzipped, "-c", ask).stdout.split()
    assert tag == runtime.name.replace("python", "cpython-").replace(".", "")
    sources = set(unzipped.rglob("*.py"))
    compiled = {file.parent / "__pycache__" / f"{file.stem}.{tag}.pyc" for file in sources}
    assert set(unzipped.rglob("*.pyc")) == compiled
    for file in compiled:
        assert file.read_bytes()[:8] == bytes.fromhex(magic) + UNCHECKED_HASH.to_bytes(4, "little"), file


def test_a_compiled_module_says_where_lambda_has_it(unzipped: Path, runtime: Runtime) -> None:
    (compiled,) = (unzipped / "__pycache__").glob("app.*.pyc")
    ask = "import marshal, pathlib, sys; print(marshal.loads(pathlib.Path(sys.argv[1]).read_bytes()[16:]).co_filename)"
    assert fresh_interpreter(runtime, unzipped, "-c", ask, compiled).stdout == "/var/task/app.py\n"


def test_the_same_sources_are_compiled_to_the_same_bytes(unzipped: Path, tmp_path: Path, runtime: Runtime) -> None:
    """Wherever they are, and whatever else was compiled before them."""
    of_chalice = {file.name: file.read_bytes() for file in (unzipped / "chalice" / "__pycache__").iterdir()}
    shutil.copytree(unzipped / "chalice", tmp_path / "chalice", ignore=shutil.ignore_patterns("__pycache__"))
    compile_all(tmp_path, runtime)
    assert {file.name: file.read_bytes() for file in (tmp_path / "chalice" / "__pycache__").iterdir()} == of_chalice


def test_a_source_that_is_no_python_of_this_version_is_one_sentence(tmp_path: Path, runtime: Runtime) -> None:
    (tmp_path / "old.py").write_text("print 1\n")
    with pytest.raises(StackError, match=r"Compiling what the functions import failed: .*old\.py"):
        compile_all(tmp_path, runtime)


def test_the_stages_share_one_zip(packages: dict[str, Package]) -> None:
    assert packages["fuse"].digest == packages["spark"].digest


def test_the_same_inputs_give_the_same_bytes(packages: dict[str, Package], tmp_path: Path, runtime: Runtime) -> None:
    again = package("spark", silent, tmp_path / "again", runtime=runtime)
    assert again.digest == packages["spark"].digest
    assert again.template.read_bytes() == packages["spark"].template.read_bytes()


def test_packaging_again_without_a_change_does_nothing(packages: dict[str, Package], runtime: Runtime) -> None:
    said: list[str] = []
    before = packages["spark"].archive.stat().st_mtime_ns
    assert package("spark", said.append, runtime=runtime) == packages["spark"]
    assert said == []
    assert packages["spark"].archive.stat().st_mtime_ns == before


def test_an_unknown_stage_is_one_sentence() -> None:
    with pytest.raises(StackError, match=r"no stage 'sparc' .* fuse, local, spark"):
        package("sparc", silent)


def test_dates_and_modes_of_the_files_do_not_reach_the_zip(tmp_path: Path) -> None:
    digests = []
    for moment, mode in ((1_000_000_000, 0o600), (1_500_000_000, 0o644)):
        directory = tmp_path / str(moment)
        (directory / "room").mkdir(parents=True)
        for file in (directory / "b.py", directory / "a.py", directory / "room" / "c.py"):
            file.write_text(file.name)
            file.chmod(mode)
            os.utime(file, (moment, moment))
        with zipfile.ZipFile(tmp_path / f"{moment}.zip", "w") as archive:
            add_all(archive, directory)
        digests.append((tmp_path / f"{moment}.zip").read_bytes())
    assert digests[0] == digests[1]


def test_every_handler_is_there_in_a_fresh_interpreter_that_sees_only_the_zip(
    packages: dict[str, Package], unzipped: Path, runtime: Runtime
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
        done = fresh_interpreter(runtime, unzipped, "-c", program)
        assert (done.returncode, done.stdout, done.stderr) == (0, "there\n", ""), handler


def test_the_contracts_are_in_the_zip_as_they_are_committed(
    packages: dict[str, Package], unzipped: Path, runtime: Runtime
) -> None:
    committed = sorted(ARTIFACTS.glob("*.json"))
    assert {file.stem for file in committed} >= {"TokenFactory", "WalletFactory", "CommunityToken", "Wallet"}
    with zipfile.ZipFile(packages["spark"].archive) as archive:
        for file in committed:
            assert archive.read(str(file.relative_to(paths.ROOT))) == file.read_bytes()
    program = (
        f"import sys; sys.path.insert(0, {str(unzipped)!r}); "
        "from chalicelib.chain.contracts.service_contracts import ServiceContracts; "
        "print(ServiceContracts().create_token('A', 'B', 1, '').hex()[:8])"
    )
    done = fresh_interpreter(runtime, unzipped, "-c", program)
    assert done.stdout.strip() == keccak(text="createToken(string,string,uint256,string)")[:4].hex(), done.stderr


def test_the_reference_is_in_the_zip_and_what_renders_it_is_not(
    entries: list[zipfile.ZipInfo], unzipped: Path, tmp_path: Path
) -> None:
    write_reference(tmp_path)
    served = unzipped / "chalicelib" / "api" / "reference"
    for file in (handlers.DOCUMENT, handlers.PAGE):
        assert (served / file).read_bytes() == (tmp_path / file).read_bytes()
    assert not [entry.filename for entry in entries if entry.filename.startswith("stack/")]


def test_the_zip_describes_exactly_the_services_the_functions_call(entries: list[zipfile.ZipInfo]) -> None:
    names = [entry.filename.split("/") for entry in entries]
    described = {parts[2] for parts in names if parts[:2] == ["botocore", "data"] and len(parts) > 3}
    code = [path.read_text() for path in (paths.ROOT / "chalicelib").rglob("*.py")]
    called = {service for text in code for service in re.findall(r'_client\("(\w+)"', text)}
    assert described == called


def test_the_zip_knows_the_same_endpoints_as_botocore(unzipped: Path, runtime: Runtime) -> None:
    """Its list of services is cut down to those that are called."""
    program = (
        "import json, sys; sys.path.insert(0, sys.argv[1]); from botocore.session import Session; one = Session(); "
        "resolver = one.get_component('endpoint_resolver'); "
        "found = {service: [resolver.construct_endpoint(service, region) for partition in one.get_available_partitions() "
        "for region in one.get_available_regions(service, partition)] for service in sys.argv[2:]}; print(json.dumps(found))"
    )
    services = sorted(dependencies.AWS_SERVICES)
    in_the_zip = json.loads(fresh_interpreter(runtime, unzipped, "-c", program, str(unzipped), *services).stdout)
    site_packages = str(Path(botocore.__file__).parents[1])
    in_whole = json.loads(fresh_interpreter(runtime, unzipped, "-c", program, site_packages, *services).stdout)
    assert in_the_zip == in_whole
    assert all(len(endpoints) > 20 for endpoints in in_whole.values())


def test_what_is_not_there_any_more_to_be_left_out_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"No package has docs any more: take it out of NEVER_IMPORTED"):
        leave_out(tmp_path)


def test_a_requirement_that_no_function_imports_is_replaced_by_what_they_import_of_it() -> None:
    given = "boto3==1.43.106\nchalice==1.34.0\n# a note\npydantic==2.13.5\n"
    assert list(dependencies.needed(given)) == ["botocore", "pydantic==2.13.5"]


def fresh_interpreter(runtime: Runtime, unzipped: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Of the runtime's Python: with its own library alone, and without any environment."""
    command = [runtime.python, "-I", "-S", "-B", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={}, cwd=unzipped)


def test_a_package_without_a_fitting_wheel_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: Runtime
) -> None:
    with zipfile.ZipFile(tmp_path / "strange_platform-1.0-cp39-cp39-macosx_11_0_arm64.whl", "w") as archive:
        archive.writestr("strange_platform.py", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("strange-platform==1.0\n")
    with pytest.raises(StackError, match=r"No wheel for Lambda \(python3.*: strange-platform==1\.0\. Pin a version"):
        dependencies.lambda_wheels(requirements, tmp_path / "out", runtime)
