"""The log lines of all functions of a running stack, in the order of time."""

from collections.abc import Iterator

from stack.aws import Client


def lines(client: Client, stack_name: str) -> Iterator[str]:
    """Return lines such as `FunctionName  line`, oldest first, without those that Lambda writes for each invocation."""
    logs = client("logs")
    found: list[tuple[int, str, str]] = []
    prefix = f"/aws/lambda/{stack_name}-"
    for groups in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix):
        for group in groups["logGroups"]:
            function = group["logGroupName"].removeprefix(prefix).rpartition("-")[0]
            for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
                found += [(event["timestamp"], function, event["message"].rstrip()) for event in page["events"]]
    for _, function, message in sorted(found, key=lambda event: event[0]):
        if not message.startswith(("START RequestId", "END RequestId", "REPORT RequestId")):
            yield f"{function:18} {message}"
