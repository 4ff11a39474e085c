"""The first job of a local stack: it mints through the HTTP API, and is polled until it is final."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from stack.errors import StackError
from stack.progress import Say

AMOUNT_WEI = 1_000 * 10**18
FINAL = {"succeeded", "failed", "cancelled"}
SECONDS = 60.0


def request(env: Mapping[str, str], method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Send one request to the API as the issuer. Raises StackError with the API's own sentence when it refuses."""
    asked = urllib.request.Request(  # noqa: S310 — our own URL
        f"{env['API_URL']}/{path}",
        json.dumps(body).encode() if body is not None else None,
        {"Authorization": f"Bearer {env['ISSUER_TOKEN']}", "Content-Type": "application/json"},
        method=method,
    )
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:  # nosec B310 # noqa: S310 -- http, our own URL
            found: dict[str, Any] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        text = error.read().decode(errors="replace")
        raise StackError(f"{method} {path} answers {error.code}: {text}") from None
    except OSError as error:
        raise StackError(f"{method} {path} gets no answer: {error}") from None


def run(env: Mapping[str, str], say: Say) -> dict[str, Any]:
    """Mint 1,000 ERC-20 tokens to the issuer, and say each change of the job. Returns the final job."""
    issue = {
        "to": env["TOKEN_ADDRESS"],
        "call": {"function": "mint(address,uint256)", "args": [env["ISSUER_ACCOUNT"], str(AMOUNT_WEI)]},
        "correlationId": f"first-mint-{int(time.time())}",
    }
    began = time.monotonic()
    say("POST api/v2/jobs: mint 1,000 DEMO")
    job = request(env, "POST", "api/v2/jobs", issue)["job"]
    seen: tuple[Any, ...] = ()
    while True:
        data = job.get("data", {})
        mined = data.get("transactionBody", {})
        now = (job["status"], data.get("txHash"), mined.get("status"), mined.get("blockNumber"))
        if now != seen:
            seen = now
            words = [
                f"job {job['_id']}",
                job["status"],
                data.get("txHash"),
                f"block {mined['blockNumber']}" if "blockNumber" in mined else None,
            ]
            say(f"  {', '.join(word for word in words if word)} (after {time.monotonic() - began:.1f} s)")
        if job["status"] in FINAL:
            return dict(job)
        if time.monotonic() - began > SECONDS:
            raise StackError(f"Job {job['_id']} is still {job['status']} after {SECONDS:.0f} s.")
        time.sleep(0.1)
        job = request(env, "GET", f"api/v2/jobs/{job['_id']}")["data"]


def curl_lines(job: Mapping[str, Any], env_file: str) -> list[str]:
    """Return commands to try next, to be pasted into a shell."""
    authorized = 'curl -sw "\\n" -H "Authorization: Bearer $ISSUER_TOKEN"'
    correlation_id = job.get("data", {}).get("correlationId", job.get("correlationId", ""))
    lines = [f". {env_file}", f'{authorized} "$API_URL/api/v2/jobs/{job["_id"]}"']
    if correlation_id:
        lines.append(f'{authorized} "$API_URL/api/v2/jobs/correlationId/{correlation_id}"')
    body = '{\\"to\\": \\"$OTHER_ISSUER_ACCOUNT\\", \\"value\\": \\"1000000000000000\\"}'
    lines.append(f'{authorized} -H "Content-Type: application/json" -d "{body}" "$API_URL/api/v2/jobs"')
    body = '{\\"tokenAddress\\": \\"$TOKEN_ADDRESS\\", \\"amount\\": \\"2.5\\"}'
    lines.append(f'{authorized} -H "Content-Type: application/json" -d "{body}" "$API_URL/api/v2/admin/tokens/mint"')
    return lines
