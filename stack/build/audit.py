"""`make audit`: pip-audit lists known vulnerabilities of what stack/constraints.txt pins. It asks PyPI, so it is not a test."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from stack import tools
from stack.build.dependencies import CONSTRAINTS
from stack.errors import StackError
from stack.progress import say

REQUIREMENTS = Path(__file__).with_name("audit-requirements.txt")


def main() -> int:
    """Print the vulnerabilities. Returns 0 when there are none, otherwise 1."""
    try:
        program = tools.environment("pip-audit", REQUIREMENTS, say) / "pip-audit"
        options = ["--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json", "--timeout", "10"]
        command = [str(program), *options, "--requirement", str(CONSTRAINTS)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        found = vulnerabilities(done.stdout)
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    for line in found:
        print(line)
    return 1 if found else 0


def vulnerabilities(answer: str) -> list[str]:
    """Return a line for each vulnerability in pip-audit's JSON. Raises StackError when a package was not looked up."""
    try:
        packages: list[dict[str, Any]] = json.loads(answer)["dependencies"]
    except (ValueError, LookupError):
        packages = []
    if not packages:
        raise StackError("Nothing was audited: PyPI's vulnerability service cannot be reached from here.")
    missed = [package["name"] for package in packages if "skip_reason" in package]
    if missed:
        some = ", ".join(missed[:3])
        raise StackError(f"{len(missed)} of {len(packages)} packages could not be looked up at PyPI's service ({some}, …).")
    return [
        f"{package['name']} {package['version']}: {one['id']}, fixed in {', '.join(one['fix_versions']) or 'no version yet'}"
        for package in packages
        for one in package["vulns"]
    ]


if __name__ == "__main__":
    sys.exit(main())
