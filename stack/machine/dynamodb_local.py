"""Amazon's DynamoDB Local, for tests of the store beside the emulator: fetched by Maven once, run in memory on loopback."""

import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stack import paths, tools
from stack.errors import StackError
from stack.locks import exclusively
from stack.machine.processes import Process, clean_environment, free_port
from stack.progress import Say, say

SOURCES = Path(__file__).with_name("dynamodb")
HTTP_BAD_REQUEST = 400  # its answer to a request without a signature


def available() -> bool:
    """Return true when this machine has Java and Maven, which DynamoDB Local needs."""
    return shutil.which("java") is not None and shutil.which("mvn") is not None


def jars(say: Say = say) -> Path:
    """Return the directory of the jars and native libraries. They are fetched again when pom.xml changed."""
    if not available():
        raise StackError("DynamoDB Local needs Java and Maven on this machine.")
    pom = SOURCES / "pom.xml"
    directory = paths.LOCAL / f"dynamodb-local-{tools.content_hash([pom])[:12]}"
    if directory.exists():
        return directory
    with exclusively(paths.LOCAL / "dynamodb-local.lock"), tempfile.TemporaryDirectory(dir=paths.LOCAL) as temporary:
        if directory.exists():
            return directory
        say("Downloading DynamoDB Local (mvn)")
        fetched = Path(temporary) / "jars"
        copy = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
        command: list[str | Path] = [
            "mvn",
            "--batch-mode",
            "--quiet",
            "-f",
            pom,
            copy,
            f"-DoutputDirectory={fetched}",
            "-DincludeScope=runtime",
        ]
        tools.run("Downloading DynamoDB Local", command)
        fetched.rename(directory)
    return directory


@contextmanager
def dynamodb_local(directory: Path, say: Say = say) -> Iterator[str]:
    """Run an empty DynamoDB Local in the block, and give its endpoint URL. `directory` gets its log and temporary files.

    Each access key sees its own tables. Raises StackError without Java and Maven, or when it does not start.
    """
    libraries = jars(say)
    directory.mkdir(parents=True, exist_ok=True)
    process, port = Process("dynamodb-local", directory), free_port()
    environment = clean_environment({"TMPDIR": str(directory)})
    options = ["-Xmx512m", f"-Djava.library.path={libraries}", f"-Djava.io.tmpdir={directory}", "-cp", f"{libraries}/*"]
    arguments = ["-inMemory", "-disableTelemetry", "-port", str(port)]
    try:
        process.start([_java(), *options, str(SOURCES / "Loopback.java"), *arguments], environment)
        url = f"http://127.0.0.1:{port}"
        process.wait_ready(lambda: _answers(url), seconds=60)
        yield url
    finally:
        process.stop()


def _java() -> str:
    found = shutil.which("java")
    if found is None:
        raise StackError("DynamoDB Local needs Java on this machine.")
    return found


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()  # nosec B310 # noqa: S310 — our own URL
    except urllib.error.HTTPError as error:
        return error.code == HTTP_BAD_REQUEST
    except OSError:
        return False
    return True
