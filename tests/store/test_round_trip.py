"""A job or an account comes back equal to what was stored, whatever is in it: only so is an own write known again."""

import json
from dataclasses import replace

from hypothesis import HealthCheck, given, settings

from chalicelib.jobs.model import Account, Job
from tests.store.backends import Stores
from tests.store.building import new_job_id
from tests.store.strategies import accounts, jobs

in_one_store = settings(
    deadline=None,
    max_examples=40,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@in_one_store
@given(job=jobs)
def test_every_field_of_a_job_comes_back(stores: Stores, job: Job) -> None:
    assert stores.jobs.issue(job) is None
    assert stores.jobs.get(job.job_id) == job
    assert stores.jobs.load([job.job_id]) == [job]


@in_one_store
@given(job=jobs)
def test_what_a_job_shows_comes_back_as_the_same_json(stores: Stores, job: Job) -> None:
    """DynamoDB's own numbers equal what was stored, but are none that JSON knows."""
    stores.jobs.issue(job)

    (read,) = stores.jobs.load([job.job_id])

    for before, after in ((job.data, read.data), (job.result, read.result)):
        assert json.dumps(after, sort_keys=True) == json.dumps(before, sort_keys=True)


@in_one_store
@given(first=jobs, second=jobs)
def test_a_saved_job_is_wholly_replaced(stores: Stores, first: Job, second: Job) -> None:
    """Nothing of the row before shines through, such as an attribute the new one does not have."""
    change = replace(second, job_id=first.job_id, version=first.version)
    stores.jobs.issue(first)

    saved = stores.jobs.save(change)

    assert saved == replace(change, version=first.version + 1)
    assert stores.jobs.get(first.job_id) == saved
    assert stores.jobs.save(change) == saved


@in_one_store
@given(account=accounts)
def test_every_field_of_an_account_comes_back(stores: Stores, account: Account) -> None:
    account = replace(account, address=new_job_id())

    assert stores.accounts.put(account)
    assert stores.accounts.get(account.account_id) == account
