"""Each index key stands for one pair of values: nothing that an issuer chooses makes the key of another."""

from dataclasses import replace
from itertools import product

import pytest

from chalicelib.api.http.values import MAX_ID_BYTES, identifier
from chalicelib.auth.jwt import MAX_CLAIM_LENGTH
from chalicelib.jobs.ids import derived_job_id
from chalicelib.jobs.model import Status
from chalicelib.store.keys import KEY_BYTES, failed_owner, owner_external_id, owner_external_ids, pool_key, subject_key
from chalicelib.store.records import job_from, job_item
from tests.store.building import ADDRESS, OTHER_ADDRESS, pending_job

PARTS = ["", "#", "##", "a", "a#", "#a", "a#b", "a##b", "1", "#1", "1#", "1#a", "#1#a", "#1#a#", "3", "#3#a#b", "a%23b", "é#"]


@pytest.mark.parametrize("key", [owner_external_id, subject_key])
def test_no_two_pairs_have_the_same_key(key) -> None:  # type: ignore[no-untyped-def]
    pairs = list(product(PARTS, PARTS))

    assert len({key(first, second) for first, second in pairs}) == len(pairs)


def test_keys_of_chains_and_roles_and_of_states_and_owners_are_of_one_pair_each() -> None:
    assert len({pool_key(chain, role) for chain, role in product((1, 12, 122), PARTS)}) == 3 * len(PARTS)
    assert len({failed_owner(owner, status) for owner, status in product(PARTS, Status)}) == len(Status) * len(PARTS)


def test_a_key_is_as_earlier_versions_wrote_it_unless_the_owner_has_the_separator() -> None:
    assert owner_external_id("acme", "eu#invoice-7") == "acme#eu#invoice-7"
    assert owner_external_ids("acme", "eu#invoice-7") == ["acme#eu#invoice-7"]
    assert owner_external_ids("acme#eu", "invoice-7") == ["#7#acme#eu#invoice-7", "acme#eu#invoice-7"]


def test_the_longest_owner_and_the_longest_id_make_a_key_that_the_index_takes() -> None:
    longest = "\U0001f600" * (MAX_ID_BYTES // 4)
    for owner in ("\U0001f600" * MAX_CLAIM_LENGTH, "#" + "\U0001f600" * (MAX_CLAIM_LENGTH - 1)):
        assert len(owner_external_id(owner, identifier(longest)).encode()) <= KEY_BYTES
    with pytest.raises(ValueError, match="1,000 bytes in UTF-8, and this one has 1,004"):
        identifier(longest + "\U0001f600")


def test_a_key_that_is_too_long_for_the_index_is_not_looked_for() -> None:
    assert owner_external_ids("\U0001f600" * 256, "\U0001f600" * 256) == []


def test_job_ids_of_correlation_ids_differ_for_owners_that_read_alike() -> None:
    """Owners and correlation ids have no NUL: requests and JWTs with one are refused."""
    parts = [part for part in PARTS if part]
    assert len({derived_job_id(owner, id_) for owner, id_ in product(parts, parts)}) == len(parts) ** 2


def test_only_jobs_that_have_made_something_are_found_by_their_subject() -> None:
    """An account's tokens are listed by it. Jobs that make nothing cost nothing, and would hide those that do."""
    job = pending_job(name="createToken", subject=ADDRESS)
    assert "subjectKey" not in job_item(job)
    row = job_item(replace(job, result={"tokenAddress": OTHER_ADDRESS, "blockNumber": 7}))
    assert row["subjectKey"] == {"S": subject_key("createToken", ADDRESS)}
    assert job_from(job_item(job)).subject == ADDRESS
