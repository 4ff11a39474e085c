"""Whatever a client sends, the answer is one that the reference describes, and never a fault of the service."""

import pytest
import requests
from hypothesis import given
from schemathesis import Case

from tests.access import ACCESS
from tests.fuzzing import cases, quickly, schema_of
from tests.unit.api.documented import document
from tests.unit.api.harness import ISSUER, TARGET
from tests.unit.api.test_access import PHONE, TOKEN, WALLET, World

pytestmark = pytest.mark.slow

SCHEMA = schema_of(document())
KNOWN = {
    "correlationId": "order-1",
    "externalId": "batch-1",
    "tokenAddress": TOKEN,
    "ownerAddress": ISSUER,
    "walletAddress": WALLET,
    "phoneNumber": PHONE,
    "from": WALLET,
    "to": TARGET,
    "accountAddress": ISSUER,
    "network": "fuse",
    "networkType": "fuse",
    "bridgeType": "home",
    "amount": "1",
}
EXAMPLES = 20


@pytest.mark.parametrize("name", ACCESS)
def test_every_answer_is_described_and_none_is_a_fault(name: str) -> None:
    world = World()
    api = world.api
    known = {**KNOWN, "jobId": world.failed}
    token = api.admin_token() if "accounts" in name else api.community_token()

    @quickly(EXAMPLES)
    @given(cases(SCHEMA, name, token, known))
    def ask(case: Case) -> None:
        sent = requests.Request(**case.as_transport_kwargs(base_url="http://api")).prepare()
        body = sent.body.encode() if isinstance(sent.body, str) else sent.body or b""
        headers = {name: str(value) for name, value in sent.headers.items()}
        answer = api.request(str(sent.method), sent.path_url, raw=body, token=token, headers=headers)
        assert answer.status < 500, answer.text

    ask()
