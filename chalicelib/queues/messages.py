"""The queue messages as JSON. Unknown fields are ignored. There is no version, because losing a message loses no job."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.errors import JobsApiError


class PoisonMessage(JobsApiError):
    """The body is not a message of this service. It belongs in the dead-letter queue."""

    code = "PoisonMessage"


@dataclass(frozen=True, slots=True)
class ExecuteJobs:
    """Sign and broadcast these jobs of the account, and other pending jobs of it that the index shows."""

    account_id: str
    job_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfirmJobs:
    """Read on chain whether the transactions of these jobs are mined."""

    job_ids: tuple[str, ...]


Message = ExecuteJobs | ConfirmJobs


def encode(message: Message) -> str:
    if isinstance(message, ExecuteJobs):
        return json.dumps({"command": "execute", "accountId": message.account_id, "jobIds": list(message.job_ids)})
    return json.dumps({"command": "confirm", "jobIds": list(message.job_ids)})


def decode(body: str) -> Message:
    """Return the message of a body. Raises PoisonMessage for a body that is not a message of this service."""
    try:
        fields = json.loads(body)
    except ValueError:
        raise PoisonMessage("The message is not JSON.") from None
    if not isinstance(fields, dict):
        raise PoisonMessage("The message is not an object.")
    job_ids = _job_ids(fields)
    match fields.get("command"):
        case "execute" if isinstance(fields.get("accountId"), str):
            return ExecuteJobs(fields["accountId"], job_ids)
        case "confirm":
            return ConfirmJobs(job_ids)
    raise PoisonMessage("The message has no known command.")


def _job_ids(fields: Mapping[str, Any]) -> tuple[str, ...]:
    job_ids = fields.get("jobIds", [])
    if not isinstance(job_ids, list) or not all(isinstance(job_id, str) for job_id in job_ids):
        raise PoisonMessage("The message's jobIds are not a list of strings.")
    return tuple(job_ids)
