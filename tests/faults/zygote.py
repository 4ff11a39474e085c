"""A process with everything imported, forked for every worker process a case needs: about 10 ms instead of a second.

Run as `python -m tests.faults.zygote <descriptor of a socket>`. A worker lives as a Lambda environment does: it handles one
event after the other, keeps its adapters between them, and dies when it is killed or its channel is closed.
"""

import ctypes
import gc
import json
import os
import random
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from chalicelib.jobs.ports import Call
from tests.faults.clock import SharedClock

PR_SET_PDEATHSIG = 1  # prctl(2)
NO_JOB = "0" * 24
NOBODY = "0x" + "00" * 19 + "01"
FUNCTIONS = {
    "execute": "execute_jobs",
    "confirm": "confirm_jobs",
    "reconcile": "reconcile_jobs",
    "dead letters": "record_dead_letters",
}
LONGEST_SLEEP_SECONDS = 0.001
"""Clients back off between their own retries; nothing else happens meanwhile, so they need not really wait."""


def main(descriptor: int) -> None:
    _end_with_parent()
    control = socket.socket(fileno=descriptor)
    _warm(**json.loads(control.recv(65_536)))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps
    control.sendall(b"ready")
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 65_536, 1)
        if not message:
            return
        pid = os.fork()
        if pid == 0:
            control.close()
            serve(socket.socket(fileno=descriptors[0]), json.loads(message))
            os._exit(0)
        os.close(descriptors[0])
        control.sendall(b"%10d" % pid)


def serve(channel: socket.socket, birth: dict[str, Any]) -> None:
    """Handle events, one JSON line each, until the channel is closed."""
    _end_with_parent()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.update(birth["environment"])
    log = os.open(birth["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for printed in (1, 2):
        os.dup2(log, printed)
    random.seed(birth["seed"])
    rule(SharedClock(Path(birth["clock"])))
    if birth["breakage"]:
        from tests.faults.breakages import BREAKAGES  # noqa: PLC0415 -- only where something is to be broken

        BREAKAGES[birth["breakage"]].apply()
    handle = _handler(birth["function"])
    lines = channel.makefile("rwb")
    for line in lines:
        try:
            answer = {"result": handle(json.loads(line))}
        except Exception as error:  # noqa: BLE001 -- an invocation that failed, as Lambda tells it
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        lines.write(json.dumps(answer, default=str).encode() + b"\n")
        lines.flush()


def rule(clock: SharedClock) -> None:
    """Over this process: the service's clock, its clients' pauses, and their waiting."""
    from chalicelib import wiring  # noqa: PLC0415
    from chalicelib.chain.rpc.client import RpcClient  # noqa: PLC0415

    sleep, monotonic = time.sleep, time.monotonic
    wiring.utc_now = lambda: datetime.now(UTC) + timedelta(seconds=clock.offset)
    defaults = RpcClient.__init__.__kwdefaults__
    if defaults is None or "monotonic" not in defaults:
        raise RuntimeError("the RPC client's pauses cannot be put on the case's clock any more")
    defaults["monotonic"] = lambda: monotonic() + clock.offset
    time.sleep = lambda seconds: sleep(min(float(seconds), LONGEST_SLEEP_SECONDS))


def _handler(function: str) -> Callable[[dict[str, Any]], Any]:
    """The function of app.py, called as Lambda calls it; the API with what the gateway makes of a request."""
    from chalice.local import LambdaEventConverter, RouteMatcher  # noqa: PLC0415

    import app  # noqa: PLC0415

    if function == "api":
        converter = LambdaEventConverter(RouteMatcher(list(app.app.routes)))
        return lambda event: app.app(converter.create_lambda_event(**event), None)
    return lambda event: getattr(app, FUNCTIONS[function])(event, None)


def _warm(environment: dict[str, str], token: str) -> None:
    """Import everything and use it once, on tables and queues that nobody else uses: much is made at first use only."""
    import app  # noqa: PLC0415
    from chalicelib.api.http.routing import handler_of  # noqa: PLC0415
    from chalicelib.api.routes import ROUTES  # noqa: PLC0415
    from chalicelib.settings import settings  # noqa: PLC0415
    from chalicelib.workers import events, every_minute  # noqa: F401, PLC0415

    for route in ROUTES:
        handler_of(route.handler)
    os.environ.update(environment)
    wiring = app.wiring
    _handler("api")({"method": "GET", "path": f"/api/v2/jobs/{NO_JOB}", "headers": {"authorization": f"Bearer {token}"}})
    wiring.jobs.load([NO_JOB])
    wiring.queue.confirm([NO_JOB], 0)
    wiring.chain.head()
    wiring.chain.estimate([Call(NOBODY, NOBODY, 0, b"")])
    wiring._client("kms").list_keys(Limit=1)
    session = wiring._session  # it has botocore's service models; the clients with their connections are dropped
    vars(wiring).clear()
    vars(wiring)["_session"] = session
    settings.cache_clear()
    for name in environment:
        del os.environ[name]
    gc.collect()
    gc.freeze()  # a worker's collections then leave these pages shared


def _end_with_parent() -> None:
    """On Linux: also when the parent is killed, and also when this process is stopped just then."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]))
