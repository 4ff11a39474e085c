"""Messages outlive the version that sent them: by four days in a queue, by fourteen more among the dead letters.

And while a stack is updated, or after it was rolled back, the version before reads what this one sends.
"""

import json

import pytest

from chalicelib.queues.messages import ConfirmJobs, ExecuteJobs, Message, decode, encode

ACCOUNT = "122:0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
JOB, OTHER_JOB = "62b17abc8c26160014940e87", "0f8fad5bd9cb469fa1652f1a"

SENT: dict[str, Message] = {
    # Since the first version; those of e521fe2 and of today.
    f'{{"command": "execute", "accountId": "{ACCOUNT}", "jobIds": ["{JOB}"]}}': ExecuteJobs(ACCOUNT, (JOB,)),
    f'{{"command": "execute", "accountId": "{ACCOUNT}", "jobIds": ["{JOB}", "{OTHER_JOB}"]}}': ExecuteJobs(
        ACCOUNT, (JOB, OTHER_JOB)
    ),
    f'{{"command": "confirm", "jobIds": ["{JOB}", "{OTHER_JOB}"]}}': ConfirmJobs((JOB, OTHER_JOB)),
}
"""Bodies as they are in the queues. None may ever be taken out: add new ones."""


@pytest.mark.parametrize("body", SENT)
def test_a_message_that_was_ever_sent_is_understood(body: str) -> None:
    assert decode(body) == SENT[body]


@pytest.mark.parametrize("body", SENT)
def test_what_is_sent_today_the_version_before_understands(body: str) -> None:
    """When this fails: let one version read the new form first, and send it with the next (docs/deploying.md, Upgrading)."""
    assert json.loads(encode(SENT[body])) == json.loads(body)


@pytest.mark.parametrize("body", SENT)
def test_what_a_later_version_adds_to_a_message_is_no_hindrance(body: str) -> None:
    assert decode(json.dumps({**json.loads(body), "priority": 1})) == SENT[body]
