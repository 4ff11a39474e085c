"""Everything the functions can import, imported: run in a fresh interpreter that sees only the unzipped archive.

Its argument is the archive's directory; it prints the files of all modules that were loaded. What functions import when they
are called is imported, too, and what libraries load when they are used is used.
"""

import ast
import contextlib
import importlib
import json
import logging
import os
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True

MNEMONIC = "test test test test test test test test test test test junk"
FIRST_ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


def main() -> None:
    import app  # noqa: F401, PLC0415
    import chalicelib  # noqa: PLC0415

    for module in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
        _import_what_functions_import(importlib.import_module(module.name))
    _make_clients()
    _describe()
    _encode_and_sign()
    _tell()
    print(json.dumps([file for module in list(sys.modules.values()) if (file := getattr(module, "__file__", None))]))


def _import_what_functions_import(module: ModuleType) -> None:
    tree = ast.parse(Path(str(module.__file__)).read_text())
    for node in _running(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                importlib.import_module(alias.name)
        elif isinstance(node, ast.ImportFrom):
            importlib.import_module(str(node.module))


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """Every node but those under `if TYPE_CHECKING`, and those in a `try`, which may be missed."""
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Try):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _running(child)


def _make_clients() -> None:
    from chalicelib.wiring import Wiring  # noqa: PLC0415

    wiring = Wiring()
    wiring._session.set_config_variable("region", "us-east-1")
    wiring._session.set_credentials("nobody", "nothing")
    for service in ("dynamodb", "kms", "secretsmanager", "sqs"):
        wiring._client(service)


def _describe() -> None:
    from chalicelib.api.openapi import document_of  # noqa: PLC0415
    from chalicelib.api.route_descriptions import DESCRIBED  # noqa: PLC0415

    document_of(DESCRIBED)


def _encode_and_sign() -> None:
    from chalicelib.auth.jwt import TokenVerifier, issuer_token  # noqa: PLC0415
    from chalicelib.auth.secrets import token_keys  # noqa: PLC0415
    from chalicelib.cached import Cached  # noqa: PLC0415
    from chalicelib.chain.contracts.abi import encode_call  # noqa: PLC0415
    from chalicelib.chain.signing.signers import AccountSigners  # noqa: PLC0415
    from chalicelib.jobs.model import Account  # noqa: PLC0415
    from chalicelib.wiring import utc_now  # noqa: PLC0415

    class Secrets:
        def get_secret_value(self, **_: Any) -> dict[str, str]:
            return {"SecretString": json.dumps({"mnemonic": MNEMONIC})}

    encode_call("f((address,bytes)[])", [[[FIRST_ADDRESS, "0x12"]]])
    account = Account(122, FIRST_ADDRESS, "secret:one", app_name="Market")
    AccountSigners(lambda _: Secrets()).of(account)
    key = "kZ8vXr2Qp5Lw9TnB4cYh7GdJ3mFs6AeU"
    keys = Cached("JWT secret", lambda: token_keys(key, "local"))
    token = issuer_token(keys.get(), account, utc_now().replace(year=2099))
    TokenVerifier(keys).verify(f"Bearer {token}")


def _tell() -> None:
    """A line, a metric and a mark, with the last two written where they do not stand between the files that are printed."""
    from chalicelib.metrics import Metric  # noqa: PLC0415
    from chalicelib.telemetry.emf import EmfMetrics  # noqa: PLC0415
    from chalicelib.telemetry.logs import JsonLines  # noqa: PLC0415
    from chalicelib.telemetry.traces import Traces  # noqa: PLC0415

    JsonLines("stack").format(logging.makeLogRecord({"msg": "signed"}))
    metrics = EmfMetrics("stack")
    metrics.add(Metric.JobsIssued, 1, name="mint")
    with contextlib.redirect_stdout(sys.stderr):
        metrics.flush()
    os.environ["LAMBDA_TASK_ROOT"] = sys.argv[1]
    os.environ["_X_AMZN_TRACE_ID"] = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    Traces("stack").mark("signed", {"jobId": "62b17abc8c26160014940e87"})


if __name__ == "__main__":
    main()
