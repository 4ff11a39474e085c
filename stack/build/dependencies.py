"""What a Lambda needs besides our own code: wheels that fit it, as one zip with the same bytes every time."""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from stack import paths, tools
from stack.build.bytecode import COMPILED, compile_all
from stack.build.runtime import Runtime
from stack.errors import StackError
from stack.progress import Say

REQUIREMENTS = paths.ROOT / "requirements.txt"
CONSTRAINTS = paths.ROOT / "stack" / "constraints.txt"
"""The version of everything that requirements.txt only implies: tests and Lambdas run the same."""

INSTEAD: Mapping[str, tuple[str, ...]] = {
    # Chalice puts its own runtime, two files, beside app.py; its command line and what that needs stay out.
    "chalice": (),
    # The functions make their clients with botocore. What boto3 adds, resources and managers of S3 transfers, none of them
    # uses; the stack and the tests do.
    "boto3": ("botocore",),
    # The functions encode and sign with the libraries that web3 is made of, and speak JSON-RPC over urllib3. web3 itself adds
    # aiohttp, websockets, the Ethereum Name Service and 0.75 s of imports; the stack and the tests use it.
    "web3": ("certifi", "eth-abi", "eth-account", "eth-hash[pycryptodome]", "eth-keys", "eth-utils", "rlp", "urllib3"),
}
"""Of the packages of requirements.txt, those that no function imports → what the functions import of what they bring along."""
LEFT_OUT = ("tests", "test_*.py", "SelfTest", "bin", "*.pyi", "*.pyx", "*.pxd", "*.c", "*.h", "*.data")
"""Wherever they are."""
POWERTOOLS_UNUSED = (
    *("auth_alpha", "batch", "circuit_breaker", "data_classes", "data_masking", "feature_flags", "idempotency", "kafka"),
    *("parameters", "parser", "streaming", "validation"),
)
NEVER_IMPORTED = (
    *("docs", "newsfragments", "tlz"),  # lie beside the packages by mistake, or as another name of one
    *(f"Crypto/{room}" for room in ("IO", "Math", "PublicKey", "Signature")),  # keccak and AES are used
    # The functions log, measure and trace with powertools; none of its other rooms is for them.
    "aws_lambda_powertools/event_handler",
    "aws_lambda_powertools/metrics/provider/datadog",
    *(f"aws_lambda_powertools/utilities/{room}" for room in POWERTOOLS_UNUSED),
    "aws_xray_sdk/ext",
    # cryptography loads their compiled half, _cffi_backend, alone. Crypto would load all of it where it is there, instead of
    # Python's own ctypes: that is 70 ms of every start that needs keccak.
    *("cffi", "pycparser"),
    "dateutil/zoneinfo",
    "eth_account/typed_transactions/blob_transactions/kzg_trusted_setup.txt",
    "pydantic/v1",
)
"""Parts of packages that nothing imports or reads, by their paths. Only those that take room."""
AWS_SERVICES = {"dynamodb", "kms", "secretsmanager", "sqs"}
"""Those `chalicelib.wiring` makes clients of."""
OLDER_PLATFORMS = ("manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64")
"""pip knows glibc 2.17 and older by these names as well."""
FIXED_TIME = (1980, 1, 1, 0, 0, 0)


def dependencies_zip(say: Say, runtime: Runtime, *, for_this_machine: bool = False) -> Path:
    """The zip of what the functions need of requirements.txt, built when that, this file or the runtime's Python changed.

    `for_this_machine` builds for another platform than Lambda's where this machine is not Linux on x86-64: there the emulator,
    which runs functions with this very interpreter, could not load Lambda's wheels.
    Raises StackError naming the packages that have no fitting wheel.
    """
    native = for_this_machine and (sys.platform, platform.machine()) != ("linux", "x86_64")
    target_platform = f"{sys.platform}-{platform.machine()}" if native else "lambda-x86_64"
    makers = (Path(__file__).resolve().with_name(f"{name}.py") for name in ("dependencies", "bytecode", "runtime"))
    key = tools.content_hash([REQUIREMENTS, CONSTRAINTS, *makers], runtime.name, runtime.version, target_platform)[:16]
    built = paths.LOCAL / "package" / f"dependencies-{key}.zip"
    if built.exists():
        return built
    say(f"Downloading what the functions need for {runtime.name} (pip)")
    built.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=built.parent) as directory:
        requirements = Path(directory) / "requirements.txt"
        requirements.write_text("\n".join([f"-c {CONSTRAINTS}", *needed(REQUIREMENTS.read_text())]))
        site_packages = Path(directory) / "site-packages"
        if native:
            pip: list[str | Path] = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile"]
            tools.run("Installing what the functions need", [*pip, "--target", site_packages, "-r", requirements])
        else:
            lambda_wheels(requirements, site_packages, runtime)
        leave_out(site_packages)
        compile_all(site_packages, runtime)
        unfinished = Path(directory) / "unfinished.zip"
        with zipfile.ZipFile(unfinished, "w") as archive:
            add_all(archive, site_packages)
        unfinished.replace(built)
    return built


def needed(requirements: str) -> Iterator[str]:
    """The lines of requirements.txt, with what the functions need instead of a package they do not import."""
    for line in requirements.splitlines():
        name = line.split("#")[0].split("==")[0].split("[")[0].strip().lower()
        if name:
            yield from INSTEAD.get(name, (line,))


def leave_out(site_packages: Path) -> None:
    """Delete what no function imports or reads. Raises StackError for a path in the list above that is not there any more."""
    for part in NEVER_IMPORTED:
        path = site_packages / part
        if not path.exists():
            raise StackError(f"No package has {part} any more: take it out of NEVER_IMPORTED (stack/build/dependencies.py).")
        _delete(path)
    for pattern in (*LEFT_OUT, COMPILED):
        for path in sorted(site_packages.rglob(pattern)):
            _delete(path)
    for path in sorted(site_packages.glob("*.dist-info/*")):
        if path.name != "METADATA":  # some packages ask for their own version when they are imported
            _delete(path)
    _leave_out_services(site_packages / "botocore" / "data")


def _leave_out_services(data: Path) -> None:
    """botocore describes 400 services, half of everything, and reads where all of them are to make one client."""
    for service in data.iterdir():
        if service.is_dir() and service.name not in AWS_SERVICES:
            _delete(service)
    endpoints = json.loads((data / "endpoints.json").read_bytes())
    for partition in endpoints["partitions"]:
        partition["services"] = {name: where for name, where in partition["services"].items() if name in AWS_SERVICES}
    (data / "endpoints.json").write_text(json.dumps(endpoints, separators=(",", ":")))


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)  # it may have gone with its folder


def lambda_wheels(requirements: Path, target: Path, runtime: Runtime) -> None:
    """Install wheels that Lambda can load, chosen by a Python of the runtime: markers and tags are those of its version.

    Raises StackError naming the package that has no such wheel.
    """
    glibc = [f"manylinux_2_{minor}_x86_64" for minor in range(runtime.glibc_minor, 16, -1)]
    platforms = [word for platform_ in (*glibc, *OLDER_PLATFORMS) for word in ("--platform", platform_)]
    pip = [sys.executable, "-m", "pip", "--python", runtime.python, "--disable-pip-version-check", "install"]
    done = subprocess.run(
        [*pip, "--quiet", "--no-compile", "--only-binary=:all:", *platforms, "--target", str(target), "-r", str(requirements)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return
    said = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip().startswith("ERROR:")]
    missing = [line.partition("found for ")[2] for line in said if "No matching distribution found" in line]
    if missing:
        names = ", ".join(sorted(set(missing)))
        raise StackError(f"No wheel for Lambda ({runtime.name}, x86-64) of: {names}. Pin a version that has one.")
    last = said[-1].removeprefix("ERROR: ") if said else "pip gave no reason"
    raise StackError(f"Downloading what the functions need failed: {last}")


def add_all(archive: zipfile.ZipFile, directory: Path) -> None:
    """Add every file under `directory`, in order, with fixed dates and modes: the same files give the same bytes."""
    for folder, folders, files in os.walk(directory):
        folders.sort()
        for file in sorted(files):
            path = Path(folder) / file
            entry = zipfile.ZipInfo(str(path.relative_to(directory)), FIXED_TIME)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes(), compresslevel=6)
