"""The keys of the indexes: which partition a row stands in (design: section 4). What sorts them is `chalicelib.jobs.order`."""

from chalicelib.jobs.model import Status

SHARDS = 8
"""Partitions of the indexes over all owners: each takes 1,000 writes a second, a reader asks all of them."""


def shard(job_id: str) -> str:
    return str(int(job_id[-1], 16) % SHARDS)


def owner_external_id(owner: str, external_id: str) -> str:
    """An issuer's own: however many jobs others give the same external id, they are not in the way."""
    return f"{owner}#{external_id}"


def subject_key(name: str, subject: str) -> str:
    """Jobs of one name: who looks for a wallet is not shown a token."""
    return f"{name}#{subject}"


def pool_key(chain_id: int, role: str) -> str:
    return f"{chain_id}#{role}"


def failed_owner(owner: str, status: Status) -> str:
    return f"{status}#{owner}"


def failed_shard(shard_name: str, status: Status) -> str:
    return f"{status}#{shard_name}"
