"""The partition keys of the indexes (design: section 4). The sort keys are in `chalicelib.jobs.order`."""

from chalicelib.jobs.model import Status

SHARDS = 8
"""Partitions of an index over all owners. Each takes 1,000 writes a second, and a reader queries all of them."""

KEY_BYTES = 2_048
"""The longest partition key of an index that DynamoDB takes."""


def shard(job_id: str) -> str:
    return str(int(job_id[-1], 16) % SHARDS)


def owner_external_id(owner: str, external_id: str) -> str:
    """Return the key of one issuer's jobs with this external id. Jobs of other issuers are in other partitions."""
    return _pair(owner, external_id)


def owner_external_ids(owner: str, external_id: str) -> list[str]:
    """Return the partitions that may hold an issuer's jobs with this external id.

    Earlier versions wrote rows into a second partition, which other owners may share: a reader must check the owner. Keys that
    are too long for DynamoDB are left out: no row can have them, and DynamoDB refuses the query.
    """
    keys = dict.fromkeys([owner_external_id(owner, external_id), f"{owner}#{external_id}"])
    return [key for key in keys if len(key.encode()) <= KEY_BYTES]


def subject_key(name: str, subject: str) -> str:
    """Return the key of the jobs of one name about a subject, so that a search for wallets finds no ERC-20 tokens."""
    return _pair(name, subject)


def pool_key(chain_id: int, role: str) -> str:
    """Return one key for each pair: a number has no `#`."""
    return f"{chain_id}#{role}"


def failed_owner(owner: str, status: Status) -> str:
    """Return one key for each pair: a status has no `#`."""
    return f"{status}#{owner}"


def failed_shard(shard_name: str, status: Status) -> str:
    return f"{status}#{shard_name}"


def _pair(first: str, second: str) -> str:
    """Return one key for each pair: `first#second`, where the first `#` ends `first`.

    Where `first` has a `#` itself or is empty, the key begins with a `#` and the length of `first`: `#7#acme#eu#invoice-7`.
    """
    if first and "#" not in first:
        return f"{first}#{second}"
    return f"#{len(first)}#{first}#{second}"
