"""What the queues promise, and how many executions of a function their messages may start."""

import json
from typing import Any

from tests.deploy.reading import functions, named, of_type, sqs_sources


def test_every_sqs_source_reports_the_messages_that_failed_and_names_its_queue(resources: dict[str, Any]) -> None:
    sources = list(sqs_sources(resources))
    assert {name for name, _, _ in sources} == {"ExecuteJobs", "ConfirmJobs", "RecordDeadLetters"}
    queues = of_type(resources, "AWS::SQS::Queue")
    for name, source, properties in sources:
        assert properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"], (name, source)
        assert named(properties["Queue"]) in queues, (name, source)


def test_a_message_stays_invisible_longer_than_its_function_runs(resources: dict[str, Any]) -> None:
    """Six times as long is AWS's advice. A FIFO queue gets twice: its whole group stands still meanwhile, and a message that is
    handled twice does no harm here.
    """
    for name, _, properties in sqs_sources(resources):
        queue = resources[named(properties["Queue"])]["Properties"]
        times = 2 if queue.get("FifoQueue") else 6
        assert queue["VisibilityTimeout"] >= times * resources[name]["Properties"]["Timeout"], (name, properties["Queue"])


def test_every_queue_but_a_dead_letter_queue_has_one_of_its_kind(resources: dict[str, Any]) -> None:
    queues = of_type(resources, "AWS::SQS::Queue")
    dead_letters = {
        named(queue["Properties"]["RedrivePolicy"]["deadLetterTargetArn"])
        for queue in queues.values()
        if "RedrivePolicy" in queue["Properties"]
    }
    assert dead_letters == {"ExecuteDeadLetters", "ConfirmDeadLetters"}
    for name, queue in queues.items():
        properties = queue["Properties"]
        if name in dead_letters:
            assert "RedrivePolicy" not in properties, name
            assert properties["MessageRetentionPeriod"] == 1_209_600, name
            continue
        target = resources[named(properties["RedrivePolicy"]["deadLetterTargetArn"])]["Properties"]
        assert properties.get("FifoQueue", False) == target.get("FifoQueue", False), name
        assert properties["RedrivePolicy"]["maxReceiveCount"] >= 3, name
        assert properties["MessageRetentionPeriod"] < target["MessageRetentionPeriod"], name


def test_fifo_queues_are_named_and_grouped_as_fifo_queues(resources: dict[str, Any]) -> None:
    fifo = {name for name, queue in of_type(resources, "AWS::SQS::Queue").items() if queue["Properties"].get("FifoQueue")}
    assert fifo == {"ExecuteQueue", "ExecuteDeadLetters"}
    for name, queue in of_type(resources, "AWS::SQS::Queue").items():
        spelled = json.dumps(queue["Properties"]["QueueName"])
        assert spelled.rstrip('"}').endswith(".fifo") == (name in fifo), name
    execute = resources["ExecuteQueue"]["Properties"]
    assert execute["DeduplicationScope"] == "messageGroup"
    assert execute["FifoThroughputLimit"] == "perMessageGroupId"
    assert not execute.get("ContentBasedDeduplication"), "deduplication ids carry the attempt"


def test_the_workers_are_limited_by_their_event_sources(template: dict[str, Any]) -> None:
    """Not by reserved concurrency: what SQS's pollers bring beyond it is throttled, and ends as dead letters.

    The default is a number of the template: the emulator takes a parameter's value for a word, which it cannot compare.
    """
    parameter = {
        "ExecuteJobs": "ExecuteConcurrency",
        "ConfirmJobs": "ConfirmConcurrency",
        "RecordDeadLetters": "DeadLetterConcurrency",
    }
    for name, source, properties in sqs_sources(template["Resources"]):
        condition, default, given = properties["ScalingConfig"]["MaximumConcurrency"]["Fn::If"]
        assert template["Conditions"][condition] == {"Fn::Equals": [given, ""]}, source
        assert given == {"Ref": parameter[name]}, source
        assert isinstance(default, int) and default >= 2, source
        assert f"empty: {default}" in template["Parameters"][parameter[name]]["Description"]
        assert "ReservedConcurrentExecutions" not in template["Resources"][name]["Properties"], name


def test_nothing_is_reserved_unless_it_is_asked_for(template: dict[str, Any]) -> None:
    """A new account has ten executions in all and refuses to reserve any."""
    reserving = {
        name: function["Properties"]["ReservedConcurrentExecutions"]["Fn::If"]
        for name, function in functions(template["Resources"]).items()
        if "ReservedConcurrentExecutions" in function["Properties"]
    }
    assert set(reserving) == {"APIHandler", "ReconcileJobs"}
    for condition, given, otherwise in reserving.values():
        assert template["Conditions"][condition] == {"Fn::Not": [{"Fn::Equals": [given, ""]}]}
        assert template["Parameters"][given["Ref"]]["Default"] == ""
        assert otherwise == {"Ref": "AWS::NoValue"}


def test_a_run_of_reconcile_that_failed_or_could_not_start_makes_room_for_the_next_one(resources: dict[str, Any]) -> None:
    """Lambda would keep those that it throttles for six hours, and run them all when it can."""
    expected = {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
    assert resources["ReconcileJobs"]["Properties"]["EventInvokeConfig"] == expected


def test_the_api_is_throttled_by_parameters(template: dict[str, Any]) -> None:
    (setting,) = template["Resources"]["RestAPI"]["Properties"]["MethodSettings"]
    assert (setting["ResourcePath"], setting["HttpMethod"]) == ("/*", "*")
    assert setting["ThrottlingRateLimit"] == {"Ref": "ApiRate"}
    assert setting["ThrottlingBurstLimit"] == {"Ref": "ApiBurst"}
    assert 0 < template["Parameters"]["ApiRate"]["Default"] <= template["Parameters"]["ApiBurst"]["Default"]
