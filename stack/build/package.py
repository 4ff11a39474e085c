"""`make package`: the template and the zip of a stage, by `chalice package`, built again when something in them changed."""

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
from stack.build.runtime import CONFIG, Runtime, found_for, named_by, of_this_machine
from stack.build.template import complete
from stack.errors import StackError
from stack.locks import exclusively
from stack.progress import Say

LOCAL_STAGE = settings.LOCAL_STAGE
FUNCTION = "AWS::Serverless::Function"


@dataclass(frozen=True, slots=True)
class Package:
    """What is deployed for a stage."""

    stage: str
    template: Path
    """CloudFormation with the SAM transform; every function's CodeUri still says where Chalice put its zip."""
    archive: Path
    """The zip of every function: our code, Chalice's runtime, what they import of requirements.txt's wheels; all compiled."""

    @property
    def digest(self) -> str:
        """sha256 of the zip: the same for the same inputs."""
        return hashlib.sha256(self.archive.read_bytes()).hexdigest()


def stages() -> list[str]:
    return sorted(json.loads(CONFIG.read_text())["stages"])


def package(stage: str, say: Say, directory: Path | None = None, *, runtime: Runtime | None = None) -> Package:
    """Package a stage into `.local/package/<stage>` (or `directory`), for the runtime that it names (or `runtime`).

    Raises StackError with what is wrong.
    """
    if stage not in stages():
        raise StackError(f"There is no stage {stage!r} in .chalice/config.json; there are {', '.join(stages())}.")
    with exclusively(paths.LOCAL / "package.lock"):
        return _package(stage, say, directory, runtime or runtime_of(stage))


def runtime_of(stage: str) -> Runtime:
    """The runtime that a stage names; this Python for the local stage. Raises StackError where there is no such Python."""
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
        _chalice_package(stage, project, Path(temporary) / "out")
        _join(dependencies, Path(temporary) / "out" / "deployment.zip", built.archive, runtime)
        packaged = json.loads((Path(temporary) / "out" / "sam.json").read_text())
        for resource in packaged["Resources"].values():
            if resource["Type"] == FUNCTION:
                resource["Properties"]["Runtime"] = runtime.name  # Chalice writes that of the Python it runs on
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
    """This module, and those that make the rest of the template."""
    for name in ("package", "runtime", "template", "gateway", "metrics", "alarms", "dashboard"):
        yield Path(__file__).resolve().with_name(f"{name}.py")


def _copy_project(project: Path) -> None:
    """Our code without its requirements, so that Chalice packs that alone, and without caches, which it would pack too."""
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
    environment.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # asked for, but not written into the template
    done = subprocess.run(
        [*command, "--merge-template", str(merge), str(out)], capture_output=True, text=True, check=False, env=environment
    )
    said = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    if done.returncode != 0 or not (out / "sam.json").exists():
        raise StackError(f"chalice package failed: {said[-1] if said else 'it said nothing'}")
    if "Could not install dependencies" in done.stdout + done.stderr:
        raise StackError("chalice package left dependencies out; requirements.txt should not have been asked of it.")


def _join(dependencies: Path, code: Path, target: Path, runtime: Runtime) -> None:
    """The dependencies' zip with Chalice's entries appended, compiled, in order and undated."""
    unfinished = target.with_suffix(".unfinished")
    shutil.copyfile(dependencies, unfinished)
    with tempfile.TemporaryDirectory(dir=target.parent) as directory:
        with zipfile.ZipFile(code) as source:
            source.extractall(directory)
        compile_all(Path(directory), runtime)
        with zipfile.ZipFile(unfinished, "a") as archive:
            add_all(archive, Path(directory))
    unfinished.replace(target)
