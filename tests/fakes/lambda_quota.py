"""Lambda's GetAccountSettings on the loopback, as AWS documents its answers: for an account of any size, or refused."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from stack.aws import Client, clients

PATH = "/2016-08-19/account-settings"
REFUSED = "User: arn:aws:iam::123456789012:user/ops is not authorized to perform: lambda:GetAccountSettings"


class LambdaQuota:
    """`with LambdaQuota(10) as lambda_:` answers at `lambda_.client("lambda")`; None refuses the caller."""

    def __init__(self, runs: int | None, reserved: int = 0) -> None:
        limit = {"TotalCodeSize": 80530636800, "CodeSizeUnzipped": 262144000, "CodeSizeZipped": 52428800}
        if runs is None:
            status, answer = 403, {"Message": REFUSED}
        else:
            limit |= {"ConcurrentExecutions": runs, "UnreservedConcurrentExecutions": runs - reserved}
            status, answer = 200, {"AccountLimit": limit, "AccountUsage": {"TotalCodeSize": 0, "FunctionCount": 0}}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(answer).encode() if self.path.rstrip("/") == PATH else b"{}"
                self.send_response(status if self.path.rstrip("/") == PATH else 404)
                self.send_header("Content-Type", "application/json")
                if status == 403:
                    self.send_header("x-amzn-ErrorType", "AccessDeniedException")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> "LambdaQuota":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def client(self) -> Client:
        return clients(f"http://127.0.0.1:{self._server.server_port}", "us-east-1", "test", "test")

    def beside(self, aws: Client) -> Client:
        """The clients of `aws`, but Lambda's is of this account."""
        mine = self.client
        return lambda service: mine(service) if service == "lambda" else aws(service)
