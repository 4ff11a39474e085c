"""`make package`: the template and the zip of a stage, by `chalice package`. They are built again when an input changed."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from chalicelib import settings
from stack import paths, tools
from stack.build.bytecode import compile_all
from stack.build.dependencies import REQUIREMENTS, add_all, dependencies_zip
from stack.build.reference.files import write_reference
from stack.build.runtime import CONFIG, Runtime, found_for, named_by, of_this_machine
from stack.build.template import complete
from stack.errors import StackError
from stack.locks import exclusively
from stack.progress import Say

LOCAL_STAGE = settings.LOCAL_STAGE
FUNCTION = "AWS::Serverless::Function"


@dataclass(frozen=True, slots=True)
class Package:
    """The files that are deployed for a stage."""

    stage: str
    template: Path
    """The CloudFormation template with the SAM transform. A deployment replaces the CodeUri of every function."""
    archive: Path
    """The zip of all functions: the service's code with the API reference, Chalice's runtime and the packages that they import,
    all compiled.
    """

    @property
    def digest(self) -> str:
        """The zip's SHA-256 in hex: the same for the same inputs."""
        return hashlib.sha256(self.archive.read_bytes()).hexdigest()


def stages() -> list[str]:
    return sorted(json.loads(CONFIG.read_text())["stages"])


def require_stage(stage: str) -> None:
    """Raise StackError when .chalice/config.json has no such stage."""
    if stage not in stages():
        raise StackError(f"There is no stage {stage!r} in .chalice/config.json; there are {', '.join(stages())}.")


def package(stage: str, say: Say, directory: Path | None = None, *, runtime: Runtime | None = None) -> Package:
    """Package a stage into `.local/package/<stage>` (or `directory`), for the runtime that it names (or `runtime`).

    Raises StackError when the stage does not exist, or with the reason why it cannot be packaged.
    """
    require_stage(stage)
    with exclusively(paths.LOCAL / "package.lock"):
        return _package(stage, say, directory, runtime or runtime_of(stage))


def runtime_of(stage: str) -> Runtime:
    """Return the runtime that a stage names, or this Python for the local stage. Raises StackError without its Python."""
    return of_this_machine() if stage == LOCAL_STAGE else found_for(named_by(stage))


def _package(stage: str, say: Say, directory: Path | None, runtime: Runtime) -> Package:
    out = directory or paths.LOCAL / "package" / stage
    built = Package(stage, out / "sam.json", out / "deployment.zip")
    stamp = out / "inputs"
    key = tools.content_hash([*_inputs(), *_makers()], stage, sys.version, runtime.name, runtime.version)
    dependencies = dependencies_zip(say, runtime, for_this_machine=stage == LOCAL_STAGE)
    wanted = f"{key} {dependencies.name}"
    if stamp.exists() and stamp.read_text() == wanted and built.template.exists() and built.archive.exists():
        return built
    say(f"Packaging stage {stage} for {runtime.name}")
    stamp.unlink(missing_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as temporary:
        project = Path(temporary) / "project"
        _copy_project(project)
        write_reference(project / "chalicelib" / "api" / "reference")
        _chalice_package(stage, project, Path(temporary) / "out")
        _join(dependencies, Path(temporary) / "out" / "deployment.zip", built.archive, runtime)
        packaged = json.loads((Path(temporary) / "out" / "sam.json").read_text())
        for resource in packaged["Resources"].values():
            if resource["Type"] == FUNCTION:
                resource["Properties"]["Runtime"] = runtime.name  # Chalice writes the runtime of the Python that it runs on
        template = complete(packaged, local=stage == LOCAL_STAGE)
        built.template.write_text(json.dumps(template, indent=2, sort_keys=True) + "\n")
    stamp.write_text(wanted)
    return built


def _inputs() -> Iterable[Path]:
    yield paths.ROOT / "app.py"
    yield REQUIREMENTS
    yield from (file for file in (paths.ROOT / ".chalice").glob("*.json"))
    yield from (file for file in (paths.ROOT / "chalicelib").rglob("*") if file.is_file() and "__pycache__" not in file.parts)


def _makers() -> Iterable[Path]:
    """Return this module and those that make the rest of the template and the API reference."""
    here = Path(__file__).resolve()
    for name in ("package", "runtime", "template", "gateway", "metrics", "alarms", "dashboard"):
        yield here.with_name(f"{name}.py")
    yield from (file for file in here.with_name("reference").iterdir() if file.is_file())


def _copy_project(project: Path) -> None:
    """Copy the service's code with an empty requirements.txt and without caches, so that Chalice packs the code alone."""
    project.mkdir()
    shutil.copy(paths.ROOT / "app.py", project)
    shutil.copytree(paths.ROOT / "chalicelib", project / "chalicelib", ignore=shutil.ignore_patterns("__pycache__", ".*"))
    (project / ".chalice").mkdir()
    for file in (paths.ROOT / ".chalice").glob("*.json"):
        shutil.copy(file, project / ".chalice")
    (project / "requirements.txt").touch()


def _chalice_package(stage: str, project: Path, out: Path) -> None:
    merge = project / ".chalice" / "resources.json"
    command = [str(Path(sys.executable).parent / "chalice"), "--project-dir", str(project), "package", "--stage", stage]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"PYTHONDONTWRITEBYTECODE": "1"}
    environment.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # Chalice needs one, but does not write it into the template
    done = subprocess.run(
        [*command, "--merge-template", str(merge), str(out)], capture_output=True, text=True, check=False, env=environment
    )
    said = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    if done.returncode != 0 or not (out / "sam.json").exists():
        raise StackError(f"chalice package failed: {said[-1] if said else 'it said nothing'}")
    if "Could not install dependencies" in done.stdout + done.stderr:
        raise StackError("chalice package tried to install dependencies, although it was given an empty requirements.txt.")


def _join(dependencies: Path, code: Path, target: Path, runtime: Runtime) -> None:
    """Append Chalice's entries to the dependencies' zip: compiled, sorted and without dates."""
    unfinished = target.with_suffix(".unfinished")
    shutil.copyfile(dependencies, unfinished)
    with tempfile.TemporaryDirectory(dir=target.parent) as directory:
        with zipfile.ZipFile(code) as source:
            source.extractall(directory)
        compile_all(Path(directory), runtime)
        with zipfile.ZipFile(unfinished, "a") as archive:
            add_all(archive, Path(directory))
    unfinished.replace(target)
