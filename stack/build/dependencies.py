"""The packages that a Lambda needs beside the service's code: wheels that fit it, as a zip with the same bytes every time."""

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
"""The version of each package that requirements.txt implies: tests and Lambdas run the same."""

INSTEAD: Mapping[str, tuple[str, ...]] = {
    # `chalice package` adds Chalice's runtime, two files. Its command line, and the packages of that, are left out.
    "chalice": (),
    # The functions make their clients with botocore. boto3 adds resources and S3 transfers, which only the stack and the
    # tests use.
    "boto3": ("botocore",),
    # The functions encode and sign with the libraries below web3, and send JSON-RPC over urllib3. web3 itself adds aiohttp,
    # websockets, the Ethereum Name Service and 0.75 s of imports; only the stack and the tests use it.
    "web3": ("certifi", "eth-abi", "eth-account", "eth-hash[pycryptodome]", "eth-keys", "eth-utils", "rlp", "urllib3"),
}
"""Packages of requirements.txt that no function imports → those of their dependencies that the functions import."""
LEFT_OUT = ("tests", "test_*.py", "SelfTest", "bin", "*.pyi", "*.pyx", "*.pxd", "*.c", "*.h", "*.data")
"""Names and patterns of files that are deleted in every package."""
POWERTOOLS_UNUSED = (
    *("auth_alpha", "batch", "circuit_breaker", "data_classes", "data_masking", "feature_flags", "idempotency", "kafka"),
    *("parameters", "parser", "streaming", "validation"),
)
NEVER_IMPORTED = (
    *("docs", "newsfragments", "tlz"),  # packed by mistake, or another name of a package
    *(f"Crypto/{room}" for room in ("IO", "Math", "PublicKey", "Signature")),  # only keccak and AES are used
    # The functions use powertools for logs, metrics and traces alone.
    "aws_lambda_powertools/event_handler",
    "aws_lambda_powertools/metrics/provider/datadog",
    *(f"aws_lambda_powertools/utilities/{room}" for room in POWERTOOLS_UNUSED),
    "aws_xray_sdk/ext",
    # cryptography needs only their compiled module, _cffi_backend. Where cffi exists, Crypto loads it instead of Python's own
    # ctypes, which costs 70 ms of every start that needs keccak.
    *("cffi", "pycparser"),
    "dateutil/zoneinfo",
    "eth_account/typed_transactions/blob_transactions/kzg_trusted_setup.txt",
    "pydantic/v1",
)
"""Large parts of packages that no function imports or reads, by their paths."""
AWS_SERVICES = {"dynamodb", "kms", "secretsmanager", "sqs"}
"""The services for which `chalicelib.wiring` makes clients."""
OLDER_PLATFORMS = ("manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64")
"""pip's other names for glibc 2.17 and older."""
FIXED_TIME = (1980, 1, 1, 0, 0, 0)


def dependencies_zip(say: Say, runtime: Runtime, *, for_this_machine: bool = False) -> Path:
    """Return the zip of the packages that the functions need. It is built again when an input or the runtime's Python changed.

    `for_this_machine` builds for this machine's platform, because the emulator runs the functions with this very interpreter.
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
    """Return the lines of requirements.txt, with packages that no function imports replaced as INSTEAD says."""
    for line in requirements.splitlines():
        name = line.split("#")[0].split("==")[0].split("[")[0].strip().lower()
        if name:
            yield from INSTEAD.get(name, (line,))


def leave_out(site_packages: Path) -> None:
    """Delete what no function imports or reads. Raises StackError when a path of NEVER_IMPORTED does not exist."""
    for part in NEVER_IMPORTED:
        path = site_packages / part
        if not path.exists():
            raise StackError(f"No package has {part} any more: take it out of NEVER_IMPORTED (stack/build/dependencies.py).")
        _delete(path)
    for pattern in (*LEFT_OUT, COMPILED):
        for path in sorted(site_packages.rglob(pattern)):
            _delete(path)
    for path in sorted(site_packages.glob("*.dist-info/*")):
        if path.name != "METADATA":  # some packages read their own version from it when they are imported
            _delete(path)
    _leave_out_services(site_packages / "botocore" / "data")


def _leave_out_services(data: Path) -> None:
    """Delete botocore's descriptions of services that are not used: half of the zip, of which each client would read a part."""
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
        path.unlink(missing_ok=True)  # it may be deleted with its folder


def lambda_wheels(requirements: Path, target: Path, runtime: Runtime) -> None:
    """Install wheels that Lambda can load. A Python of the runtime chooses them, because markers and tags depend on it.

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
