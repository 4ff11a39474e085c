"""Walking an index over its partitions, page after page, gives what one sorted list would: over any contents, at any limit.

The index is a function that answers a Query as DynamoDB does: by key condition, in order, cutting pages where it likes (as at
1 MB), filtering after the cut, and with a LastEvaluatedKey that may be followed by nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.store.walk import QUERIES_PER_PARTITION, Index, IndexReader, Position, Slice, just_above

INDEX = Index("open", "openShard", "nextCheckAt")
PARTITIONS = ("0", "1", "2")


@dataclass(frozen=True)
class Entry:
    partition: str
    order: str
    job_id: str
    name: str


@dataclass
class Table:
    """The part of a client that reads an index. `cuts` say after how many entries it ends a page, whatever was asked for."""

    entries: Sequence[Entry]
    cuts: Sequence[int]
    queries: int = 0

    def query(self, **request: Any) -> dict[str, Any]:
        cut = self.cuts[self.queries % len(self.cuts)]
        self.queries += 1
        values = {name: value["S"] for name, value in request["ExpressionAttributeValues"].items()}
        names = request["ExpressionAttributeNames"]
        assert (request["IndexName"], names["#partition"]) == (INDEX.name, INDEX.partition)
        fits = [entry for entry in self.entries if entry.partition == values[":partition"]]
        match request["KeyConditionExpression"].removeprefix("#partition = :partition").removeprefix(" AND "):
            case "#order BETWEEN :above AND :below":
                assert values[":above"] <= values[":below"]  # else DynamoDB refuses
                fits = [entry for entry in fits if values[":above"] <= entry.order <= values[":below"]]
            case "#order > :above":
                fits = [entry for entry in fits if entry.order > values[":above"]]
            case "#order < :below":
                fits = [entry for entry in fits if entry.order < values[":below"]]
            case rest:
                assert rest == ""
        fits.sort(key=lambda entry: entry.order, reverse=not request["ScanIndexForward"])
        if "ExclusiveStartKey" in request:
            start = request["ExclusiveStartKey"][INDEX.order]["S"]
            fits = [entry for entry in fits if (entry.order > start if request["ScanIndexForward"] else entry.order < start)]
        page = fits[: min(request["Limit"], cut)]
        ended_early = len(page) < len(fits) or (len(page) == request["Limit"] and page)
        last = {"LastEvaluatedKey": {INDEX.order: {"S": page[-1].order}}} if ended_early else {}
        if "FilterExpression" in request:
            assert request["FilterExpression"] == "#filter0 = :filter0"
            assert names["#filter0"] == "name"
            page = [entry for entry in page if entry.name == values[":filter0"]]
        return {"Items": [{INDEX.order: {"S": entry.order}, "jobId": {"S": entry.job_id}} for entry in page], **last}


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Up to thirty entries; orders are a time and an id, of one length, and no two alike."""
    count = draw(st.sampled_from((0, 3, 15, 30)))  # a partition of many, read in short pages, is what is hard
    place = st.tuples(st.sampled_from(PARTITIONS), st.integers(0, 9), st.booleans())
    places = draw(st.lists(place, min_size=count, max_size=count))
    entries = [
        Entry(partition, f"{time}#{number:02}", f"job-{number:02}", "wanted" if wanted else "other")
        for number, (partition, time, wanted) in enumerate(places)
    ]
    return Table(entries, draw(st.sampled_from(((1,), (2,), (1, 3, 1, 5), (4, 50), (50,)))))


bounds = st.none() | st.integers(0, 9).map(str)
filters: st.SearchStrategy[dict[str, str]] = st.sampled_from(({}, {"name": "wanted"}))
slices = st.one_of(
    st.builds(Slice, above=bounds, below=bounds, equal=filters),
    st.builds(Slice, below=bounds, ascending=st.just(False), equal=filters),  # nobody walks down to a bound
)


def expected(table: Table, part: Slice) -> list[Position]:
    fits = [
        entry
        for entry in table.entries
        if (part.above is None or entry.order > part.above)
        and (part.below is None or entry.order < part.below)
        and (not part.equal or entry.name == part.equal["name"])
    ]
    return sorted((Position(entry.order, entry.job_id) for entry in fits), key=lambda at: at.order, reverse=not part.ascending)


def walk_all(table: Table, part: Slice, limit: int) -> list[list[Position]]:
    reader = IndexReader(table, "jobs")  # type: ignore[arg-type]
    pages: list[list[Position]] = []
    reached: str | None = None
    while not pages or reached is not None:
        if reached is not None:
            part = replace(part, above=just_above(reached)) if part.ascending else replace(part, below=reached)
        before, table.queries = reached, 0
        positions, reached = reader.walk(INDEX, PARTITIONS, part, limit)
        pages.append(positions)
        assert reached is None or before is None or (reached > before if part.ascending else reached < before)
        assert table.queries <= QUERIES_PER_PARTITION * len(PARTITIONS)
    return pages


@settings(max_examples=200)
@given(table=tables(), part=slices, limit=st.sampled_from((1, 2, 7, 20)))
def test_walking_every_page_gives_the_whole_slice_in_order(table: Table, part: Slice, limit: int) -> None:
    pages = walk_all(table, part, limit)

    assert [position for page in pages for position in page] == expected(table, part)
    assert all(len(page) <= limit for page in pages)


@settings(max_examples=200)
@given(table=tables(), part=slices, limit=st.integers(1, 50))
def test_a_page_begins_its_slice_without_a_hole_and_without_a_cursor_is_all_of_it(
    table: Table, part: Slice, limit: int
) -> None:
    positions, reached = IndexReader(table, "jobs").walk(INDEX, PARTITIONS, part, limit)  # type: ignore[arg-type]

    everything = expected(table, part)
    assert positions == everything[: len(positions)]
    if reached is None:
        assert positions == everything


def test_a_page_is_full_where_nothing_is_filtered_and_pages_are_not_cut() -> None:
    entries = [Entry(PARTITIONS[number % 3], f"{number:02}#{number:02}", f"job-{number:02}", "any") for number in range(60)]

    pages = walk_all(Table(entries, [1_000]), Slice(), 7)

    assert [len(page) for page in pages[:8]] == [7] * 8


@given(order=st.integers(0, 98).map(lambda number: f"{number:02}"))
def test_just_above_an_order_lies_between_it_and_the_next(order: str) -> None:
    assert order < just_above(order) < f"{int(order) + 1:02}"
