"""Checking packaged templates with cfn-lint and checkov, and the findings that are accepted, each with its reason."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stack import paths, tools
from stack.errors import StackError
from stack.progress import Say

CHECKOV_REQUIREMENTS = Path(__file__).with_name("checkov-requirements.txt")
REGIONS = ("us-east-1", "eu-central-1")

ACCEPTED: Mapping[str, str] = {
    "CKV_AWS_27": "SQS encrypts its queues itself. A key of KMS would be paid for by the call, and messages hold ids only.",
    "CKV_AWS_73": "API Gateway's traces hold URLs, and URLs hold phone numbers. The functions' own traces begin behind it.",
    "CKV_AWS_76": "The parameter AccessLogs turns them on: they need a role that is set once for a whole account and region.",
    "CKV_AWS_115": "A new account has 10 executions in all, and none can be reserved. ScalingConfig limits the workers.",
    "CKV_AWS_116": "Queues have dead-letter queues, the API answers its caller, and reconcile runs again in a minute.",
    "CKV_AWS_117": "Nothing here is in a VPC, and the chain is on the internet: a VPC would add a NAT gateway, no protection.",
    "CKV_AWS_119": "The account's own key for DynamoDB encrypts the tables. Another costs 1 USD a month and can be lost.",
    "CKV_AWS_120": "Answers differ by issuer and change with their job: a cache would show what is another's, or over.",
    "CKV_AWS_149": "The account's own key for Secrets Manager encrypts the secrets. Policies say which function reads which.",
    "CKV_AWS_158": "CloudWatch encrypts logs itself, and they hold no keys, tokens, phone numbers or raw transactions.",
    "CKV_AWS_173": "The account's own key for Lambda encrypts the variables, and none of them is a secret.",
}
"""checkov's checks that may fail, and why. cfn-lint must find nothing, not even a remark."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A check of checkov that failed."""

    template: Path
    check: str
    resource: str
    says: str


def cfn_lint(templates: Sequence[Path]) -> str:
    """Return the errors, warnings and remarks of cfn-lint, or an empty text. It checks the template after the SAM transform."""
    program = Path(sys.executable).with_name("cfn-lint")
    command = [program, "--include-checks", "I", "--regions", *REGIONS, "--", *templates]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, cwd=paths.ROOT)
    return done.stdout + done.stderr + ("" if done.returncode == 0 else f"cfn-lint ended with {done.returncode}\n")


def checkov(templates: Sequence[Path], say: Say) -> list[Finding]:
    """Return all checks that fail, also the accepted ones. checkov needs no network once it is installed.

    It checks SAM's functions and APIs as they are, before the transform. Raises StackError when it cannot be installed or does
    not understand a template.
    """
    program = tools.environment("checkov", CHECKOV_REQUIREMENTS, say) / "checkov"
    options = ["--framework", "cloudformation", "--skip-download", "--compact", "--quiet", "--output", "json"]
    command = [str(word) for word in (program, *options, "--file", *templates)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=paths.ROOT)
    try:
        said = json.loads(done.stdout)
        problems = said["summary"]["parsing_errors"]
        failed = said["results"]["failed_checks"]
    except (ValueError, LookupError, TypeError):
        raise StackError(f"checkov could not be run: {(done.stderr or done.stdout).strip()[-300:]}") from None
    if problems:
        raise StackError(f"checkov does not understand {problems} of the templates.")
    return [Finding(Path(one["file_abs_path"]), one["check_id"], one["resource"], one["check_name"]) for one in failed]
