"""A jobs table with a million rows: Amazon's DynamoDB Local with its data in a file, rows copied inside that file.

Writing a million rows over HTTP would take longer than everything else together. DynamoDB Local keeps a table as one of SQLite:
a row's JSON, and a column for each key of an index. A copy is the row of a real job with its ids replaced wherever they stand.
"""

import hashlib
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stack.machine.dynamodb_local import SOURCES, available, jars
from stack.machine.processes import Process, clean_environment, free_port
from stack.progress import Say

__all__ = ["BigTable", "Copy", "available", "changed", "copied_id", "copies", "fill"]

BATCH_ROWS = 10_000
HTTP_BAD_REQUEST = 400  # its answer to a request without a signature


@dataclass(frozen=True, slots=True)
class Copy:
    """A row to be made: of the job `source`, with every occurrence of these texts replaced. With its id it takes its place."""

    source: str
    replacements: Mapping[str, str]


def copies(sources: Iterable[Mapping[str, str]], count: int, series: int, **over: str) -> Iterator[Copy]:
    """So many copies of jobs, in turn. A source has its `jobId`, `correlationId` and what `over` replaces, as texts.

    Ids ascend and keep their source's last digit, by which indexes may be spread.
    """
    of = list(sources)
    for number in range(count):
        source = of[number % len(of)]
        replacements = {
            source["jobId"]: copied_id(series, number, source["jobId"]),
            source["correlationId"]: f"{series:02x}{number:034x}",
        }
        yield Copy(source["jobId"], replacements | {source[name]: text for name, text in over.items()})


def changed(sources: Iterable[Mapping[str, str]], **over: str) -> Iterator[Copy]:
    """The jobs themselves, with other texts."""
    for source in sources:
        yield Copy(source["jobId"], {source[name]: text for name, text in over.items()})


def copied_id(series: int, number: int, source: str) -> str:
    """Of the copy with this number: 24 hex digits."""
    return f"{series:02x}{number:021x}{source[-1]}"


class BigTable:
    """One database file, and the server on it while `serving`."""

    def __init__(self, directory: Path, say: Say) -> None:
        self._directory = directory
        self._libraries = jars(say)

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Its URL. Raises StackError when it does not start."""
        self._directory.mkdir(parents=True, exist_ok=True)
        process, port = Process("dynamodb-local", self._directory), free_port()
        options = ["-Xmx1g", f"-Djava.library.path={self._libraries}", f"-Djava.io.tmpdir={self._directory}"]
        program = ["-cp", f"{self._libraries}/*", str(SOURCES / "Loopback.java")]
        arguments = ["-sharedDb", "-dbPath", str(self._directory), "-disableTelemetry", "-port", str(port)]
        environment = clean_environment({"TMPDIR": str(self._directory)})
        url = f"http://127.0.0.1:{port}"
        try:
            process.start(["java", *options, *program, *arguments], environment)
            process.wait_ready(lambda: _answers(url), seconds=60)
            yield url
        finally:
            process.stop()

    def fill(self, table: str, wanted: Iterable[Copy]) -> int:
        """Add rows while nobody serves it; returns how many."""
        (file,) = self._directory.glob("*.db")
        return fill(file, table, wanted)


def fill(file: Path, table: str, wanted: Iterable[Copy]) -> int:
    """Add rows to a table's file; returns how many. Ascending ids take about a minute a million."""
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-400000"):
            database.execute(f"PRAGMA {pragma}")
        columns = [str(column[1]) for column in database.execute(f'PRAGMA table_info("{table}")')]
        key, hash_value = columns.index("hashKey"), columns.index("hashValue")
        rows = {bytes(row[key]).decode(): row for row in database.execute(f'SELECT * FROM "{table}"')}  # noqa: S608
        indexes = database.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL", (table,)
        ).fetchall()
        for name, _ in indexes:
            database.execute(f'DROP INDEX "{name}"')
        insert = f'INSERT OR REPLACE INTO "{table}" VALUES ({", ".join("?" for _ in columns)})'  # noqa: S608
        database.execute("BEGIN")
        made, batch = 0, list[tuple[Any, ...]]()
        for copy in wanted:
            batch.append(_copied(rows[copy.source], copy, key, hash_value))
            made += 1
            if len(batch) == BATCH_ROWS:
                database.executemany(insert, batch)
                batch.clear()
        database.executemany(insert, batch)
        database.execute("COMMIT")
        for _, sql in indexes:
            database.execute(sql)
    return made


def _copied(row: tuple[Any, ...], copy: Copy, key: int, hash_value: int) -> tuple[Any, ...]:
    texts = [(old.encode(), new.encode()) for old, new in copy.replacements.items()]
    values: list[Any] = list(row)
    for column, value in enumerate(row):
        if isinstance(value, bytes):
            for old, new in texts:
                value = value.replace(old, new)  # noqa: PLW2901
            values[column] = value
    # It orders rows whose keys are equal, and scans: any value that no other row has will do.
    values[hash_value] = hashlib.sha256(values[key]).digest()[:20]
    return tuple(values)


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 -- our own URL
    except urllib.error.HTTPError as error:
        return error.code == HTTP_BAD_REQUEST
    except OSError:
        return False
    return True
