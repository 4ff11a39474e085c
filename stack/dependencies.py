"""What a Lambda needs besides our own code: wheels that fit it, as one zip with the same bytes every time."""

import os
import platform
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from stack import paths, tools
from stack.errors import StackError
from stack.progress import Say

REQUIREMENTS = paths.ROOT / "requirements.txt"
CONSTRAINTS = Path(__file__).with_name("constraints.txt")
"""The version of everything that requirements.txt only implies: tests and Lambdas run the same."""
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
IN_PACKAGE_ALREADY = "chalice"
"""Chalice puts its own runtime, two files, beside app.py; its command line and what that needs stay out."""
LEFT_OUT = ("__pycache__", "tests", "bin", "*.pyi", "*.pyx", "*.pxd", "*.c", "*.h")
AWS_SERVICES = {"dynamodb", "kms", "secretsmanager", "sqs"}
"""Those `chalicelib.wiring` makes clients of."""
FIXED_TIME = (1980, 1, 1, 0, 0, 0)


def dependencies_zip(say: Say, *, for_this_machine: bool = False) -> Path:
    """The zip of requirements.txt's closure, built when requirements.txt or the Python version changed.

    `for_this_machine` builds for another platform than Lambda's where this machine is not Linux on x86-64: there the emulator,
    which runs functions with this very interpreter, could not load Lambda's wheels.
    Raises StackError naming the packages that have no fitting wheel.
    """
    native = for_this_machine and (sys.platform, platform.machine()) != ("linux", "x86_64")
    target_platform = f"{sys.platform}-{platform.machine()}" if native else "lambda-x86_64"
    key = tools.content_hash([REQUIREMENTS, CONSTRAINTS, Path(__file__).resolve()], PYTHON, target_platform)[:16]
    built = paths.LOCAL / "package" / f"dependencies-{key}.zip"
    if built.exists():
        return built
    say("Downloading what the functions need (pip)")
    built.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=built.parent) as directory:
        requirements = Path(directory) / "requirements.txt"
        requirements.write_text("\n".join([f"-c {CONSTRAINTS}", *_without_chalice(REQUIREMENTS.read_text())]))
        site_packages = Path(directory) / "site-packages"
        if native:
            command: list[str | Path] = [
                sys.executable,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--no-compile",
                "--target",
                site_packages,
            ]
            tools.run("Installing what the functions need", [*command, "-r", requirements])
        else:
            lambda_wheels(requirements, site_packages)
        _leave_out_unused_services(site_packages)
        unfinished = Path(directory) / "unfinished.zip"
        write_zip(unfinished, site_packages)
        unfinished.replace(built)
    return built


def _leave_out_unused_services(site_packages: Path) -> None:
    """botocore describes 400 services, half of the zip; the functions call four."""
    for service in (site_packages / "botocore" / "data").iterdir():
        if service.is_dir() and service.name not in AWS_SERVICES:
            shutil.rmtree(service)


def _without_chalice(requirements: str) -> Iterator[str]:
    for line in requirements.splitlines():
        name = line.split("#")[0].split("==")[0].split("[")[0].strip().lower()
        if name != IN_PACKAGE_ALREADY:
            yield line


def lambda_wheels(requirements: Path, target: Path) -> None:
    """Chalice's own builder, called directly: its command prints a warning where it should fail."""
    from chalice.deploy import packager  # noqa: PLC0415 — only when something has to be built
    from chalice.utils import OSUtils  # noqa: PLC0415

    try:
        abi = packager.BaseLambdaDeploymentPackager._RUNTIME_TO_ABI[PYTHON]
    except KeyError:
        raise StackError(f"There is no Lambda runtime for {PYTHON}; make the environment with another Python.") from None
    try:
        packager.DependencyBuilder(OSUtils()).build_site_packages(abi, str(requirements), str(target))
    except packager.MissingDependencyError as error:
        names = ", ".join(sorted(package.identifier for package in error.missing))
        raise StackError(f"No wheel for Lambda ({PYTHON}, x86-64) of: {names}. Pin a version that has one.") from None
    except packager.NoSuchPackageError as error:
        raise StackError(f"{error} (requirements.txt).") from None
    except packager.PackageDownloadError as error:
        last = [line for line in str(error).splitlines() if line.strip()][-1]
        raise StackError(f"Downloading what the functions need failed: {last.strip()}") from None


def write_zip(target: Path, directory: Path) -> None:
    """Everything under `directory` but LEFT_OUT, sorted, with fixed dates and modes: the same files give the same bytes."""
    ignored = shutil.ignore_patterns(*LEFT_OUT)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for folder, folders, files in os.walk(directory):
            left_out = ignored(folder, [*folders, *files])
            folders[:] = sorted(name for name in folders if name not in left_out)
            for file in sorted(name for name in files if name not in left_out):
                path = Path(folder) / file
                add(archive, str(path.relative_to(directory)), path.read_bytes())


def add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """One entry that says nothing of when and where it was made."""
    entry = zipfile.ZipInfo(name, FIXED_TIME)
    entry.external_attr = 0o644 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)
