"""The keys of the indexes: which partition a row stands in (design: section 4). What sorts them is `chalicelib.jobs.order`."""

from chalicelib.jobs.model import Status

SHARDS = 8
"""Partitions of the indexes over all owners: each takes 1,000 writes a second, a reader asks all of them."""

KEY_BYTES = 2_048
"""What DynamoDB takes of the partition key of an index."""


def shard(job_id: str) -> str:
    return str(int(job_id[-1], 16) % SHARDS)


def owner_external_id(owner: str, external_id: str) -> str:
    """An issuer's own: however many jobs others give the same external id, they are not in the way."""
    return _pair(owner, external_id)


def owner_external_ids(owner: str, external_id: str) -> list[str]:
    """The partitions in which an issuer's jobs with this external id stand: rows that earlier versions wrote may be in a second
    one, which the jobs of other owners may share. A reader checks the owner of what it finds.

    DynamoDB refuses to look for a key that is longer than its keys may be: no row can be there.
    """
    keys = dict.fromkeys([owner_external_id(owner, external_id), f"{owner}#{external_id}"])
    return [key for key in keys if len(key.encode()) <= KEY_BYTES]


def subject_key(name: str, subject: str) -> str:
    """Jobs of one name: who looks for a wallet is not shown a token."""
    return _pair(name, subject)


def pool_key(chain_id: int, role: str) -> str:
    """One key for each pair: a number has no `#`."""
    return f"{chain_id}#{role}"


def failed_owner(owner: str, status: Status) -> str:
    """One key for each pair: a status has no `#`."""
    return f"{status}#{owner}"


def failed_shard(shard_name: str, status: Status) -> str:
    return f"{status}#{shard_name}"


def _pair(first: str, second: str) -> str:
    """One key for each pair: `first#second`, where the first `#` ends `first`.

    Where `first` has a `#` itself or is empty, the key begins with a `#` and the length of `first`: `#7#acme#eu#invoice-7`.
    """
    if first and "#" not in first:
        return f"{first}#{second}"
    return f"#{len(first)}#{first}#{second}"
