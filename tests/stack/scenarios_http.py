"""What the API's function needs its rights for: requests, and what comes of them when they are answered as they should be."""

import secrets
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from chalicelib.jobs.model import Status
from tests.stack.issuers import new_address, new_phone_number
from tests.stack.scene import Scene, ids


def issue_a_job(scene: Scene) -> None:
    issuer, nudges = scene.issuer(), scene.messages("ExecuteQueue")
    job = scene.ask("POST", "jobs", issuer.token, issuer.body, status=201)["job"]
    assert scene.jobs.get(job["_id"]) is not None
    assert scene.messages("ExecuteQueue") == nudges + 1


def issue_a_job_of_a_pool(scene: Scene) -> None:
    """The least busy of its accounts signs: open jobs are counted, and so are those that nobody has seen yet."""
    role = secrets.token_hex(4)
    pool = {scene.account(role=role).address for _ in range(2)}
    issuer = scene.token(accountAddress=new_address(), role=role)
    job = scene.ask("POST", "jobs", issuer, {"to": new_address()}, status=201)["job"]
    assert job["accountAddress"] in pool


def count_open_jobs(scene: Scene) -> None:
    """An issuer at its limit of open jobs gets no other one."""
    issuer = scene.issuer()
    scene.pending(issuer, next_check_at=datetime.now(UTC) + timedelta(hours=1))
    with patch.dict(scene.stack.functions["APIHandler"].variables, OPEN_JOBS_OF_OWNER="1"):
        refused = scene.ask("POST", "jobs", issuer.token, issuer.body, status=429)
    assert refused["code"] == "TooManyOpenJobs"


def fetch_a_job(scene: Scene) -> None:
    issuer = scene.issuer()
    job = scene.pending(issuer)
    assert scene.ask("GET", f"jobs/{job.job_id}", issuer.token)["data"]["_id"] == job.job_id


def fetch_a_job_of_somebodys_by_correlation_id(scene: Scene) -> None:
    job = scene.pending(scene.issuer(), correlation_id=secrets.token_hex(8))
    found = scene.ask("GET", f"jobs/correlationId/{job.correlation_id}", scene.admin_token)["data"]
    assert found["_id"] == job.job_id


def list_ones_own_jobs(scene: Scene) -> None:
    issuer = scene.issuer()
    job = scene.pending(issuer)
    assert ids(scene.ask("GET", "jobs", issuer.token)["data"]) == {job.job_id}


def list_everybodys_jobs(scene: Scene) -> None:
    job = scene.pending(scene.issuer())
    assert job.job_id in ids(scene.ask("GET", "jobs", scene.admin_token)["data"])


def list_ones_own_jobs_of_an_external_id(scene: Scene) -> None:
    issuer = scene.issuer()
    job = scene.pending(issuer, external_id=secrets.token_hex(8))
    assert ids(scene.ask("GET", f"jobs/external?externalId={job.external_id}", issuer.token)["data"]) == {job.job_id}


def list_everybodys_jobs_of_an_external_id(scene: Scene) -> None:
    job = scene.pending(scene.issuer(), external_id=secrets.token_hex(8))
    assert ids(scene.ask("GET", f"jobs/external?externalId={job.external_id}", scene.admin_token)["data"]) == {job.job_id}


def retry_ones_own_failed_jobs(scene: Scene) -> None:
    issuer = scene.issuer()
    job = scene.failed(issuer)
    assert ids(scene.ask("GET", "jobs/retry?status=failed", issuer.token)["data"]) == {job.job_id}
    assert scene.job(job).status is Status.PENDING


def retry_everybodys_failed_jobs(scene: Scene) -> None:
    job = scene.failed(scene.issuer())
    assert job.job_id in ids(scene.ask("GET", "jobs/retry?status=failed", scene.admin_token)["data"])


def cancel_a_job_in_flight(scene: Scene) -> None:
    issuer = scene.issuer()
    job, nudges = scene.stuck(issuer), scene.messages("ConfirmQueue")
    assert scene.ask("POST", f"jobs/cancel/{job.job_id}", issuer.token)["data"]["status"] == "cancelRequested"
    assert scene.messages("ConfirmQueue") == nudges + 1


def list_the_tokens_of_an_account(scene: Scene) -> None:
    issuer = scene.issuer()
    assert scene.ask("GET", f"admin/tokens/owner/{issuer.account.address}", issuer.token) == {"data": []}


def look_up_a_token(scene: Scene) -> None:
    address = scene.stack.env["TOKEN_ADDRESS"]
    assert scene.ask("GET", f"admin/tokens/{address}", scene.admin_token)["data"]["tokenAddress"] == address


def look_whether_a_wallet_was_made_here(scene: Scene) -> None:
    found = scene.ask("GET", f"admin/wallets/exists/{new_address()}", scene.issuer().token)["data"]
    assert found["exists"] is False


def create_a_wallet(scene: Scene) -> None:
    job = scene.ask("POST", "admin/wallets/create", scene.issuer().token, {"phoneNumber": new_phone_number()}, status=201)
    assert job["job"]["name"] == "createWallet"


def list_the_accounts(scene: Scene) -> None:
    account = scene.account()
    listed = scene.ask("GET", "accounts", scene.admin_token)["accounts"]
    assert account.address in {one["accountAddress"] for one in listed}


def create_an_account(scene: Scene) -> None:
    body = {"role": "community", "bridgeType": "home", "appName": "wind"}
    made = scene.ask("POST", "accounts", scene.admin_token, body, status=201)["data"]["account"]
    assert scene.accounts.get(f"{scene.chain_id}:{made['accountAddress']}") is not None


def unlock_an_account(scene: Scene) -> None:
    account = scene.account(paused="an operator's reason")
    body = {"accountAddress": account.address, "bridgeType": "home"}
    scene.ask("POST", "accounts/unlock", scene.admin_token, body)
    current = scene.accounts.get(account.account_id)
    assert current is not None
    assert current.paused is None


def be_counted(scene: Scene) -> None:
    """The first requests of an issuer are free in each environment; what it asks for after them is leased from the table."""
    issuer = scene.issuer()
    with scene.stack.kept_warm("APIHandler"):
        for _ in range(25):
            scene.ask("GET", "jobs", issuer.token)
    leases = scene.stack.client("dynamodb").scan(TableName=scene.stack.resources["LimitsTable"])["Items"]
    assert any(lease["limitId"]["S"].startswith(issuer.account.address) for lease in leases)
