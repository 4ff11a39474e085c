"""Converts an account to a DynamoDB item and back (design: section 4). Only accounts of a pool have the attribute `poolKey`."""

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.jobs.in_flight import InFlight
from chalicelib.jobs.model import Account
from chalicelib.jobs.order import time_text
from chalicelib.jobs.stores import Sweep
from chalicelib.store.attributes import Item, from_attributes, optional_int, optional_time, to_attributes
from chalicelib.store.keys import pool_key


def account_item(account: Account) -> Item:
    return to_attributes(
        {
            "accountId": account.account_id,
            "chainId": account.chain_id,
            "address": account.address,
            "keyReference": account.key,
            "owner": account.owner,
            "role": account.role,
            "poolKey": pool_key(account.chain_id, account.role) if account.role is not None and account.owner is None else None,
            "nextNonce": account.next_nonce,
            "paused": account.paused,
            "bridgeType": account.bridge_type,
            "description": account.description,
            "appName": account.app_name,
            "createdAt": account.created_at and time_text(account.created_at),
            "allowsValue": account.allows_value or None,
            "signedTo": account.signed_to,
            Sweep.FIRST: account.swept_to,
            Sweep.SECOND: account.swept_again_to,
            "inFlight": in_flight_value(account.in_flight) or None,
        }
    )


def account_from(attributes: Mapping[str, Any]) -> Account:
    item = from_attributes(attributes)
    return Account(
        chain_id=int(item["chainId"]),
        address=item["address"],
        key=item["keyReference"],
        owner=item.get("owner"),
        role=item.get("role"),
        next_nonce=optional_int(item.get("nextNonce")),
        paused=item.get("paused"),
        bridge_type=item["bridgeType"],
        description=item.get("description"),
        app_name=item.get("appName"),
        created_at=optional_time(item.get("createdAt")),
        allows_value=item.get("allowsValue", False),
        signed_to=item.get("signedTo"),
        swept_to=item.get(Sweep.FIRST),
        swept_again_to=item.get(Sweep.SECOND),
        in_flight=tuple(
            InFlight(entry["owner"], int(entry["toNonce"]), int(entry["gas"]), int(entry["jobs"]))
            for entry in item.get("inFlight", ())
        ),
    )


def in_flight_value(entries: Sequence[InFlight]) -> list[dict[str, Any]]:
    return [{"owner": entry.owner, "toNonce": entry.to_nonce, "gas": entry.gas, "jobs": entry.jobs} for entry in entries]
