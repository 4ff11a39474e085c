"""Jobs and accounts with every field in every shape it may take, whatever the state machine would make of them."""

from datetime import UTC, datetime

from hypothesis import strategies as st

from chalicelib.jobs.in_flight import InFlight
from chalicelib.jobs.model import (
    Account,
    Attempt,
    Event,
    Failure,
    Fees,
    Job,
    Outcome,
    Purpose,
    SignedTransaction,
    Status,
    TransactionRequest,
    WaitCode,
)
from chalicelib.jobs.receipts import Receipt
from tests.store.building import new_job_id

MAX_UINT256 = 2**256 - 1
DYNAMODB_DIGITS = 38

uint256 = st.one_of(st.sampled_from((0, 1, 2**53 + 1, 2**64, 10**38 + 1, MAX_UINT256)), st.integers(0, MAX_UINT256))
uint64 = st.one_of(st.sampled_from((0, 2**53 + 1, 2**64 - 1)), st.integers(0, 2**64 - 1))
any_text = st.text(st.characters(codec="utf-8"), max_size=20)
key_text = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
"""Key of the table or of an index: DynamoDB takes no empty one."""
times = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
addresses = st.binary(min_size=20, max_size=20).map(lambda value: f"0x{value.hex()}")
hashes = st.binary(min_size=32, max_size=32).map(lambda value: f"0x{value.hex()}")
code = st.binary(max_size=40)

json_scalars = st.one_of(
    st.none(), st.booleans(), st.integers(1 - 10**DYNAMODB_DIGITS, 10**DYNAMODB_DIGITS - 1), st.just(2**53 + 1), any_text
)
json_values = st.recursive(
    json_scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(key_text, inner, max_size=3)),
    max_leaves=6,
)

requests = st.builds(
    TransactionRequest,
    to=st.none() | addresses,
    value=uint256,
    data=code,
    gas=st.none() | uint64,
    max_fee_per_gas=st.none() | uint256,
    valid_until=st.none() | times,
)
fees = st.builds(Fees, max_fee_per_gas=uint256, max_priority_fee_per_gas=st.none() | uint256)
failures = st.builds(Failure, code=any_text, reason=any_text)
transactions = st.builds(
    SignedTransaction,
    hash=hashes,
    raw=code,
    fees=fees,
    signed_at=times,
    signed_at_block=uint64,
    purpose=st.sampled_from(Purpose),
)
receipts = st.builds(
    Receipt,
    hash=hashes,
    block_number=uint64,
    block_hash=hashes,
    succeeded=st.booleans(),
    gas_used=uint64,
    effective_gas_price=uint256,
    contract_address=st.none() | addresses,
)
attempts = st.builds(
    Attempt,
    nonce=uint64,
    gas=uint64,
    transactions=st.lists(transactions, min_size=1, max_size=3).map(tuple),
    abandoned=st.none() | failures,
    outcome=st.none() | st.sampled_from(Outcome),
    receipt=st.none() | receipts,
)
results = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"tokenAddress": addresses, "blockNumber": uint64}),
    st.fixed_dictionaries({"walletAddress": addresses, "blockNumber": uint64}),
    st.dictionaries(key_text, json_values, max_size=3),
)
events = st.builds(Event, at=times, event=any_text, detail=st.none() | any_text)
jobs = st.builds(
    Job,
    job_id=st.builds(new_job_id),
    owner=key_text,
    name=any_text,
    status=st.sampled_from(Status),
    version=st.integers(1, 2**31),
    network=any_text,
    chain_id=uint64,
    account=addresses,
    request=requests,
    fingerprint=any_text,
    created_at=times,
    updated_at=times,
    data=st.dictionaries(key_text, json_values, max_size=3),
    subject=st.none() | any_text,
    result=results,
    correlation_id=st.none() | key_text,
    external_id=st.none() | key_text,
    attempts=st.lists(attempts, max_size=3).map(tuple),
    attempt_count=uint64,
    history=st.lists(events, max_size=3).map(tuple),
    fail_count=uint64,
    failure=st.none() | failures,
    failed_at=st.none() | times,
    last_finished_at=st.none() | times,
    pending_since=st.none() | times,
    next_check_at=st.none() | times,
    checks=uint64,
    dropped_fees=st.integers(0, 2**256),
    waits_because=st.none() | any_text,
    waits_code=st.none() | st.sampled_from(WaitCode),
    waits_since=st.none() | times,
    waits_until=st.none() | times,
    waits_for_nonce=st.none() | uint64,
)
in_flight = st.builds(InFlight, owner=key_text, to_nonce=uint64, gas=uint64, jobs=uint64)
accounts = st.builds(
    Account,
    chain_id=uint64,
    address=addresses,
    key=any_text,
    owner=st.none() | any_text,
    role=st.none() | any_text,
    next_nonce=st.none() | uint64,
    paused=st.none() | any_text,
    bridge_type=any_text,
    description=st.none() | any_text,
    app_name=st.none() | any_text,
    created_at=st.none() | times,
    allows_value=st.booleans(),
    signed_to=st.none() | any_text,
    swept_to=st.none() | any_text,
    swept_again_to=st.none() | any_text,
    in_flight=st.lists(in_flight, max_size=3).map(tuple),
)
