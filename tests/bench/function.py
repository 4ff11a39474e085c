"""One function as Lambda runs it: a process that imports app.py and handles one event after the other, a JSON line each.

Run as a file, `python -P -S function.py <handler> [--sampled]`, with the functions' zip on PYTHONPATH: it is the code that is
deployed. Events come on standard input; answers go to standard output, with wall and processor seconds. `{"stop": true}` ends
it, `{"modules": true}` asks for the files it has loaded, `{"forget": true}` drops samples. What it logs is on standard error.
"""

import json
import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from typing import Any

SAMPLE_SECONDS = 0.005


def main(handler: str, *, sampled: bool) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    import app  # noqa: PLC0415 -- what is measured

    handle = app.app if handler == "app" else getattr(app, handler)
    sampler = Sampler() if sampled else None
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        message = json.loads(line)
        if "forget" in message:
            if sampler is not None:
                sampler.counts.clear()
            continue
        if "modules" in message:
            files = [str(getattr(module, "__file__", None) or "") for module in list(sys.modules.values())]
            print(json.dumps({"files": files}), file=answers, flush=True)
            continue
        if "stop" in message:
            print(json.dumps({"samples": sampler.counts if sampler else {}}), file=answers, flush=True)
            return
        print(json.dumps(_handled(handle, message["event"], sampler), default=str), file=answers, flush=True)


def _handled(handle: Callable[[Any, Any], Any], event: Any, sampler: "Sampler | None") -> dict[str, Any]:
    if sampler is not None:
        sampler.on = True
    wall, processor = time.perf_counter(), time.process_time()
    try:
        answer: dict[str, Any] = {"result": handle(event, None)}
    except Exception as error:  # noqa: BLE001 -- an invocation that failed, as Lambda tells it
        traceback.print_exc()
        answer = {"error": f"{type(error).__name__}: {error}"}
    if sampler is not None:
        sampler.on = False
    return answer | {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - processor}


class Sampler:
    """Looks every 5 ms at what the handler is doing, and counts under what heading it falls."""

    def __init__(self) -> None:
        import threading  # noqa: PLC0415 -- only where asked for

        self.on = False
        self.counts: Counter[str] = Counter()
        self._main = threading.get_ident()
        self._node_ports = {url.rpartition(":")[2].split("/")[0] for url in os.environ.get("RPC_URLS", "").split(",")}
        self._own = threading.Thread(target=self._watch, daemon=True)
        self._own.start()

    def _watch(self) -> None:
        while True:
            time.sleep(SAMPLE_SECONDS)
            if not self.on:
                continue
            frames = sys._current_frames()
            headings = [self._heading(frame) for thread, frame in frames.items() if thread == self._main]
            if headings == ["waiting for threads"]:  # what those do that it waits for
                others = [frame for thread, frame in frames.items() if thread not in (self._main, self._own.ident)]
                headings = [self._heading(frame) for frame in others]
                headings = [heading for heading in headings if heading != "waiting for threads"][:1] or headings[:1]
            self.counts.update(headings)

    def _heading(self, frame: Any) -> str:
        """By the innermost frame that says it: a request in flight, a signature, an AWS client's own work, a room of ours."""
        innermost = frame.f_code.co_filename
        if innermost.endswith(("threading.py", "queue.py")) or "concurrent/futures" in innermost:
            return "waiting for threads"
        own = ""
        while frame is not None:
            file = frame.f_code.co_filename
            if "/urllib3/" in file and frame.f_code.co_name == "urlopen":
                port = str(getattr(frame.f_locals.get("self"), "port", ""))
                return "requests to the node" if port in self._node_ports else "requests to AWS (emulator)"
            if "/eth_keys/" in file or "/coincurve/" in file or file.endswith("/chain/signing/transactions.py"):
                return "signing"
            if not own and ("/botocore/" in file or "/boto3/" in file):
                own = "AWS client library"
            if not own and "/chalicelib/" in file:
                own = f"our code: {file.partition('/chalicelib/')[2].partition('/')[0].removesuffix('.py')}"
            frame = frame.f_back
        return own or "our code: other"


if __name__ == "__main__":
    main(sys.argv[1], sampled="--sampled" in sys.argv[2:])
