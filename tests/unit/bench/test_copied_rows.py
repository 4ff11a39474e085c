"""Rows of a million jobs, copied inside the table's file."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.bench.bigtable import changed, copied_id, copies, fill

SOURCES = [
    {"jobId": f"{number:023x}{digit}", "correlationId": f"c{number}", "nextCheckAt": "then"}
    for number, digit in enumerate("3a")
]


def test_copies_of_jobs_have_ids_of_their_own_in_order_and_keep_the_last_digit() -> None:
    made = list(copies(SOURCES, 5, series=0x20, nextCheckAt="now"))
    new_ids = [copy.replacements[copy.source] for copy in made]
    assert new_ids == sorted(new_ids)
    assert len(set(new_ids)) == 5
    assert [id_[-1] for id_ in new_ids] == ["3", "a", "3", "a", "3"]
    assert new_ids[1] == copied_id(0x20, 1, SOURCES[1]["jobId"])
    assert all(len(id_) == 24 for id_ in new_ids)
    assert len({copy.replacements[f"c{number % 2}"] for number, copy in enumerate(made)}) == 5
    assert all(copy.replacements["then"] == "now" for copy in made)
    assert [dict(copy.replacements) for copy in changed(SOURCES, nextCheckAt="never")] == [{"then": "never"}] * 2


def test_rows_are_copied_with_their_index_columns_and_the_index_is_made_again(tmp_path: Path) -> None:
    file = tmp_path / "shared.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute(
            'CREATE TABLE "jobs" (hashKey TEXT PRIMARY KEY, hashValue BLOB NOT NULL, ObjectJSON BLOB, indexKey_0 TEXT)'
        )
        database.execute('CREATE INDEX "jobs*open" ON "jobs" (indexKey_0, hashValue)')
        for number, source in enumerate(SOURCES):
            json = f'{{"id":"{source["jobId"]}","correlationId":"c{number}","nextCheckAt":"then"}}'
            row = (source["jobId"].encode(), bytes([number]), json.encode(), f"then#{source['jobId']}".encode())
            database.execute('INSERT INTO "jobs" VALUES (?, ?, ?, ?)', row)

    made = fill(file, "jobs", [*copies(SOURCES, 3, 0x20, nextCheckAt="now"), *changed(SOURCES[:1], nextCheckAt="never")])

    with closing(sqlite3.connect(file)) as database:
        rows = {
            bytes(key).decode(): (value, json, index) for key, value, json, index in database.execute('SELECT * FROM "jobs"')
        }
        indexes = [
            name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
        ]
    assert made == 4
    assert len(rows) == 2 + 3
    assert len({value for value, _, _ in rows.values()}) == 5
    new_id = copied_id(0x20, 1, SOURCES[1]["jobId"])
    assert rows[new_id][2] == f"now#{new_id}".encode()
    assert f'"id":"{new_id}"'.encode() in rows[new_id][1]
    assert rows[SOURCES[0]["jobId"]][2] == f"never#{SOURCES[0]['jobId']}".encode()
    assert rows[SOURCES[1]["jobId"]][2] == f"then#{SOURCES[1]['jobId']}".encode()
    assert indexes == ["jobs*open"]
