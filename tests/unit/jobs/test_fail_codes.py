"""Every job that fails has a code of the one list."""

import ast
from pathlib import Path

from chalicelib.jobs.fail_codes import FailCode

PACKAGE = Path(__file__).parents[3] / "chalicelib"


def test_no_job_fails_with_a_code_that_is_not_in_the_list() -> None:
    """Rows alone may hold another code: the store takes what another version of the service wrote."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Failure" and node.args:
                code = ast.unparse(node.args[0])
                assert code.startswith("FailCode.") or code == "code" or path.parent.name == "store", f"{path}: {code}"


def test_the_codes_are_the_strings_that_clients_and_stored_rows_have() -> None:
    assert sorted(FailCode) == [
        "CannotBeSigned",
        "DeadLettered",
        "EstimateReverted",
        "EstimateTooSlow",
        "Expired",
        "FeeLimitTooLow",
        "InternalError",
        "NoContract",
        "NonceUsedElsewhere",
        "NotYourContract",
        "OutOfGas",
        "ReorgedAway",
        "RowRefused",
        "TransactionRejected",
        "TransactionReverted",
        "TransferNotMade",
    ]
