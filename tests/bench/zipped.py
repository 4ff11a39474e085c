"""The zip: its size, and what of it the functions import when each has handled its events."""

import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from stack.build.package import LOCAL_STAGE, package
from tests.bench.bursts import PATIENCE_SECONDS, job_body
from tests.bench.ground import Ground
from tests.bench.rows import Part, Row, aligned, rounded
from tests.bench.waiting import all_final
from tests.scheduled import SCHEDULED

REACH_MB = 35.0
PROCESSES = {"api": 1, "execute": 1, "confirm": 1, "reconcile": 1}
NEVER_IN_IT = ("chalice/cli", "pip", "setuptools", "pkg_resources", "wheel", "tests", "pytest")
SHOWN = 15


def measure(ground: Ground) -> Part:
    archive = package(LOCAL_STAGE, ground.say).archive
    megabytes = archive.stat().st_size / 1e6
    with zipfile.ZipFile(archive) as opened:
        sizes = {entry.filename: entry.compress_size for entry in opened.infolist()}
    imported = _imported(ground)
    loaded = {file for files in imported.values() for file in files}
    unused = unused_parts(sizes, loaded)
    ground.say(f"Zip: {megabytes:.1f} MB; {sum(unused.values()) / 1e6:.1f} MB of it in packages that no function imports")
    wrong = [name for name in NEVER_IN_IT if any(entry == name or entry.startswith(f"{name}/") for entry in sizes)]
    note = f"{sum(unused.values()) / 1e6:.1f} MB are of packages that no function imports" + (
        f"; it holds {', '.join(wrong)}" if wrong else ""
    )
    details = {
        "packages of the zip that no function imports, MB zipped": _lines(unused),
        "the largest packages, MB zipped, and of it modules that no function has loaded": _shares(sizes, loaded),
        "modules imported by each function": aligned(
            [(name, str(len(files)), _most(files)) for name, files in imported.items()], right=(1,)
        ),
    }
    limit = (sum(sizes.values()) - sum(unused.values())) / 1e6
    return Part([Row("zip_mb", rounded(megabytes), "MB", REACH_MB, rounded(limit), note=note)], details)


def _imported(ground: Ground) -> Mapping[str, list[str]]:
    """Files of the zip by the function that has loaded them once a job was issued, executed, confirmed, and reconcile ran."""
    issuer = ground.issuer(kms=True)
    with ground.fleet(PROCESSES, meter=None, quiet=True) as fleet:
        with fleet.working():
            job_id = fleet.api.issue(issuer.token, **job_body(ground, 0))
            all_final(fleet.api, [(issuer.token, job_id)], PATIENCE_SECONDS)
        fleet.processes["reconcile"][0].invoke(SCHEDULED)
        return {name: processes[0].modules(ground.code) for name, processes in fleet.processes.items()}


def unused_parts(sizes: Mapping[str, int], imported: Iterable[str]) -> dict[str, int]:
    """Packages and modules at the top of the zip of which nothing was imported, by zipped bytes. Metadata is not code."""
    used = {part_of(file) for file in imported}
    return {part: size for part, size in _by_part(sizes).items() if part not in used and not part.endswith(".dist-info")}


def _shares(sizes: Mapping[str, int], loaded: set[str]) -> list[str]:
    idle = _by_part({name: size for name, size in sizes.items() if name.endswith((".py", ".so")) and name not in loaded})
    largest = _by_part(sizes).most_common(SHOWN)
    return aligned([(part, f"{size / 1e6:.2f}", f"{idle[part] / 1e6:.2f}") for part, size in largest], right=(1, 2))


def _by_part(sizes: Mapping[str, int]) -> Counter[str]:
    parts: Counter[str] = Counter()
    for name, size in sizes.items():
        parts[part_of(name)] += size
    return parts


def part_of(file: str) -> str:
    """`boto3/session.py` → boto3; a module at the top is its own part, whatever it is compiled for."""
    first = PurePosixPath(file).parts[0]
    return first.split(".")[0] if first.endswith((".py", ".so")) else first


def _most(files: Iterable[str]) -> str:
    """The packages of which most modules were loaded."""
    return ", ".join(f"{part} {count}" for part, count in Counter(map(part_of, files)).most_common(SHOWN))


def _lines(parts: Mapping[str, int]) -> list[str]:
    largest = Counter(dict(parts)).most_common(SHOWN)
    return aligned([(part, f"{size / 1e6:.2f}") for part, size in largest], right=(1,)) if largest else ["none"]
