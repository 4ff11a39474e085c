"""The AWS emulator as a process: on loopback only, with IAM enforced, and with its files under the state directory."""

import sys
import urllib.error
import urllib.request
from pathlib import Path

from stack.machine.processes import Process, chosen_port, clean_environment

ACCESS_KEY_ID = "test"
SECRET_ACCESS_KEY = "test"  # nosec B105 # noqa: S105 — the emulator's root credentials, known to everybody
REGION = "us-east-1"


def start(process: Process, directory: Path, asked_port: int | None = None) -> str:
    """Start the emulator and wait until it answers. Returns its endpoint URL."""
    port = chosen_port("AWS_PORT", asked_port)
    temporary = directory / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    environment = {
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",  # the host in queue URLs
        "GATEWAY_PORT": str(port),
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "PERSIST_STATE": "0",
        "IOT_MTLS_ENABLED": "0",  # this and SFTP would listen on every interface
        "SFTP_ENABLED": "0",
        "TMPDIR": str(temporary),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    process.start([Path(sys.executable).parent / "ministack"], clean_environment(environment))
    endpoint = f"http://127.0.0.1:{port}"
    process.wait_ready(lambda: healthy(endpoint))
    return endpoint


def healthy(endpoint: str) -> bool:
    try:
        with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=5) as answer:  # nosec B310 # noqa: S310 — http, our own URL
            status: int = answer.status
            return status == 200
    except (urllib.error.URLError, OSError):
        return False
