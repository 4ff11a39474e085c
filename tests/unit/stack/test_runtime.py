"""The Lambda runtime of a stage, and the Python that packages for it."""

import json
import sys
from pathlib import Path

import pytest

from stack.build import runtime
from stack.build.bytecode import compile_all
from stack.build.package import runtime_of
from stack.build.runtime import GLIBC_MINOR, Runtime, found_for, named_by, of_this_machine
from stack.errors import StackError

OTHER = "3.12" if sys.version_info[:2] != (3, 12) else "3.13"
"""A version that these tests do not run on."""
SAYS = "#!/bin/sh\nprintf '%s\\n' 'cpython {version}' '{version}.9 (main)'\n"


@pytest.fixture(autouse=True)
def empty_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No Python but the one that runs this."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "uv"))


def program(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)
    return file


@pytest.mark.parametrize("stage", ["spark", "fuse"])
def test_a_stage_in_aws_names_a_runtime_that_this_service_runs_on(stage: str) -> None:
    assert named_by(stage) in GLIBC_MINOR


def test_the_local_stage_has_the_runtime_of_this_machine() -> None:
    assert runtime_of("local") == of_this_machine()


def test_without_a_python_of_the_runtime_packaging_says_what_to_install() -> None:
    with pytest.raises(
        StackError, match=rf"python{OTHER} needs Python {OTHER} on this machine.*uv python install {OTHER}"
    ) as no:
        found_for(f"python{OTHER}")
    assert "\n" not in str(no.value)


def test_a_stage_never_follows_the_python_that_packages_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"stages": {"spark": {"lambda_runtime": f"python{OTHER}"}}}))
    monkeypatch.setattr(runtime, "CONFIG", config)
    with pytest.raises(StackError, match=f"needs Python {OTHER}"):
        runtime_of("spark")
    python = program(tmp_path / "bin" / f"python{OTHER}", SAYS.format(version=OTHER))
    assert runtime_of("spark") == Runtime(f"python{OTHER}", str(python), f"{OTHER}.9 (main)")


@pytest.mark.parametrize(
    "where", [f"pyenv/versions/{OTHER}.9/bin/python{OTHER}", f"uv/cpython-{OTHER}.9-linux-x86_64-gnu/bin/python{OTHER}"]
)
@pytest.mark.parametrize("stand_in", ["#!/bin/sh\necho 'command not found' >&2\nexit 127\n", SAYS.format(version="3.9")])
def test_a_program_that_is_no_such_python_is_passed_over(where: str, stand_in: str, tmp_path: Path) -> None:
    """pyenv puts a stand-in on the PATH for each version that it has, and lets those run that are switched on."""
    program(tmp_path / "bin" / f"python{OTHER}", stand_in)
    kept = program(tmp_path / where, SAYS.format(version=OTHER))
    assert found_for(f"python{OTHER}").python == str(kept)


@pytest.mark.parametrize(("named", "said"), [(None, "names no Lambda runtime"), ("python3.14", "'python3.14'")])
def test_a_stage_whose_runtime_is_missing_or_not_fit_is_one_sentence(
    named: str | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = {} if named is None else {"lambda_runtime": named}
    (tmp_path / "config.json").write_text(json.dumps({"stages": {"spark": stage}}))
    monkeypatch.setattr(runtime, "CONFIG", tmp_path / "config.json")
    with pytest.raises(
        StackError, match=rf"Stage spark .*{said}: set lambda_runtime in \.chalice/config\.json to one of python3"
    ):
        named_by("spark")


def test_modules_are_compiled_by_the_runtimes_python(tmp_path: Path) -> None:
    python = program(tmp_path / "python", f'#!/bin/sh\necho "$@" > {tmp_path / "asked"}\n')
    compile_all(tmp_path, Runtime("python3.12", str(python), "3.12.9"))
    assert (tmp_path / "asked").read_text().startswith("-m compileall ")
