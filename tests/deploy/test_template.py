"""What would be deployed, as CloudFormation sees it. Packaging validates nothing: these tests do."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chalicelib.jobs.stores import Sweep
from chalicelib.settings import variables
from stack import paths
from stack.package import Package

FUNCTIONS = {"APIHandler", "ExecuteJobs", "ConfirmJobs", "ReconcileJobs", "RecordDeadLetters"}
PARAMETERS = {
    "RpcUrls",
    "ChainId",
    "Confirmations",
    "BlockSeconds",
    "LogLevel",
    "JwtTtlDays",
    "TokenFactory",
    "WalletFactory",
}
OUTPUTS = {
    "RestAPIId",
    "EndpointURL",
    "JobsTableName",
    "AccountsTableName",
    "ExecuteQueueUrl",
    "ConfirmQueueUrl",
    "JwtSecretArn",
    "PhoneNumbersSecretArn",
}
TRACES = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
ANYWHERE = {"kms:CreateKey", *TRACES}
"""What is asked of no resource, or of one that is not there yet: AWS takes no other than *."""
STARRED = {"sqs:SendMessage*"}
"""On AWS this is SendMessage and nothing else; the emulator also asks for SendMessageBatch, which is no action on AWS."""
CHAIN_OF = {"local": "fuse", "spark": "spark", "fuse": "fuse"}
ROUTES = {
    ("/health", "get"),
    ("/openapi.json", "get"),
    ("/docs", "get"),
    ("/api/v2/jobs", "get"),
    ("/api/v2/jobs", "post"),
    ("/api/v2/jobs/{}", "get"),
    ("/api/v2/jobs/correlationId/{}", "get"),
    ("/api/v2/jobs/external", "get"),
    ("/api/v2/jobs/retry", "get"),
    ("/api/v2/jobs/retry", "post"),
    ("/api/v2/jobs/retry/{}", "get"),
    ("/api/v2/jobs/retry/{}", "post"),
    ("/api/v2/jobs/cancel/{}", "post"),
    ("/api/v2/admin/tokens/create", "post"),
    ("/api/v2/admin/tokens/mint", "post"),
    ("/api/v2/admin/tokens/burn", "post"),
    ("/api/v2/admin/tokens/transfer", "post"),
    ("/api/v2/admin/tokens/{}", "get"),
    ("/api/v2/admin/tokens/owner/{}", "get"),
    ("/api/v2/admin/wallets/create", "post"),
    ("/api/v2/admin/wallets/{}", "get"),
    ("/api/v2/admin/wallets/all/{}", "get"),
    ("/api/v2/admin/wallets/exists/{}", "get"),
    ("/api/v2/accounts", "get"),
    ("/api/v2/accounts", "post"),
    ("/api/v2/accounts/unlock", "post"),
}


def of_type(resources: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: resource for name, resource in resources.items() if resource.get("Type") == kind}


def functions(resources: dict[str, Any]) -> dict[str, Any]:
    return of_type(resources, "AWS::Serverless::Function")


def sqs_sources(resources: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(function, event source, its properties)"""
    for name, function in functions(resources).items():
        for source, event in function["Properties"].get("Events", {}).items():
            if event["Type"] == "SQS":
                yield name, source, event["Properties"]


def named(value: Any) -> str:
    """The logical id that an ARN in the template belongs to."""
    if "Fn::GetAtt" in value:
        return str(value["Fn::GetAtt"][0])
    return str(value["Fn::Sub"]).removeprefix("${").removesuffix(".Arn}")


def statements_of(function: str, resources: dict[str, Any]) -> Iterator[dict[str, Any]]:
    role = resources[named(resources[function]["Properties"]["Role"])]
    for policy in role["Properties"]["Policies"]:
        yield from policy["PolicyDocument"]["Statement"]


def dicts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from dicts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from dicts(inner)


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_every_resource_and_event_source_has_a_type(resources: dict[str, Any]) -> None:
    """A misspelt id in resources.json silently becomes a resource that is nothing but the override."""
    assert [name for name, resource in resources.items() if "Type" not in resource] == []
    events = {
        (name, source): event
        for name, function in functions(resources).items()
        for source, event in function["Properties"].get("Events", {}).items()
    }
    assert [key for key, event in events.items() if "Type" not in event] == []


def test_the_functions_parameters_and_outputs_are_those_that_others_name(template: dict[str, Any]) -> None:
    assert set(functions(template["Resources"])) == FUNCTIONS
    assert set(template["Parameters"]) >= PARAMETERS
    assert all(template["Parameters"][name]["Default"] == "" for name in PARAMETERS)
    assert set(template["Outputs"]) >= OUTPUTS


def test_every_function_knows_its_stage_and_chain(built: Package, resources: dict[str, Any]) -> None:
    for name, function in functions(resources).items():
        variables = function["Properties"]["Environment"]["Variables"]
        assert variables["STAGE"] == built.stage, name
        assert variables["NETWORK"] == CHAIN_OF[built.stage], name


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


def test_every_function_has_a_role_of_its_own(resources: dict[str, Any]) -> None:
    roles = {name: named(function["Properties"]["Role"]) for name, function in functions(resources).items()}
    assert len(set(roles.values())) == len(FUNCTIONS)
    assert set(roles.values()) == set(of_type(resources, "AWS::IAM::Role"))
    assert not any("Policies" in function["Properties"] for function in functions(resources).values())


def test_no_policy_allows_everything(resources: dict[str, Any]) -> None:
    for name, role in of_type(resources, "AWS::IAM::Role").items():
        policies = role["Properties"]["Policies"]
        assert "ManagedPolicyArns" not in role["Properties"], name
        for statement in (statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]):
            where = (name, statement)
            assert statement["Effect"] == "Allow", where
            assert not {"NotAction", "NotResource"} & set(statement), where
            actions = as_list(statement["Action"])
            assert not any("*" in action for action in actions if action not in STARRED), where
            limited = bool(statement.get("Condition")) or all(action.startswith(("logs:", "xray:")) for action in actions)
            for resource in as_list(statement["Resource"]):
                assert resource != "*" or set(actions) <= ANYWHERE, where
                spelled = resource if isinstance(resource, str) else json.dumps(resource)
                of_this_stack = "${AWS::StackName}/" in spelled
                assert "*" not in spelled or limited or of_this_stack, where


def test_on_aws_every_function_is_traced_and_may_say_so(built: Package, resources: dict[str, Any]) -> None:
    for name, function in functions(resources).items():
        assert function["Properties"]["Tracing"] == ("PassThrough" if built.stage == "local" else "Active"), name
        allowed = {action for statement in statements_of(name, resources) for action in as_list(statement["Action"])}
        assert allowed >= TRACES, name
    assert resources["RestAPI"]["Properties"]["TracingEnabled"] is True


def test_functions_that_send_to_queues_of_each_other_are_not_stopped_as_a_loop(resources: dict[str, Any]) -> None:
    """Lambda follows messages by their traces and drops the seventeenth in a row: a job may be polled more often than that."""
    for name in ("ExecuteJobs", "ConfirmJobs"):
        assert resources[name]["Properties"]["RecursiveLoop"] == "Allow", name


def test_only_the_workers_that_sign_may_use_keys(resources: dict[str, Any]) -> None:
    signing = {
        name
        for name, function in functions(resources).items()
        if '"kms:Sign"' in json.dumps(resources[named(function["Properties"]["Role"])])
    }
    assert "APIHandler" not in signing
    assert "ExecuteJobs" in signing


def test_the_api_makes_keys_for_this_stack_and_reads_their_public_halves_and_no_more(resources: dict[str, Any]) -> None:
    """KeySpec only where it is told: the emulator tells it of no request, AWS of every CreateKey.

    CreateKey asks for TagResource on keys that nobody can name yet, so it has to be allowed on all: but never to take a key of
    another stack, one that is no account's, or to set any other tag.
    """
    this_stack = {"Ref": "AWS::StackName"}
    keys = {"Fn::Sub": "arn:${AWS::Partition}:kms:${AWS::Region}:${AWS::AccountId}:key/*"}
    tagged_so = {"aws:RequestTag/jobs-api:stack": this_stack}
    expected = {
        "kms:CreateKey": (
            "*",
            {
                "StringEquals": tagged_so,
                "StringEqualsIfExists": {"kms:KeySpec": "ECC_SECG_P256K1", "kms:KeyUsage": "SIGN_VERIFY"},
            },
        ),
        "kms:TagResource": (
            keys,
            {
                "StringEquals": tagged_so,
                "ForAllValues:StringEquals": {"aws:TagKeys": ["jobs-api:stack"]},
                "StringEqualsIfExists": {
                    "kms:KeySpec": "ECC_SECG_P256K1",
                    "aws:ResourceTag/jobs-api:stack": this_stack,
                },
            },
        ),
        # AWS may take minutes to see a new key's tag, and the address of a new account is needed at once. It is a public key.
        "kms:GetPublicKey": (keys, {"StringEqualsIfExists": {"aws:ResourceTag/jobs-api:stack": this_stack}}),
    }
    found = {
        action: (statement["Resource"], statement["Condition"])
        for statement in statements_of("APIHandler", resources)
        for action in as_list(statement["Action"])
        if action.startswith("kms:")
    }
    assert found == expected


def test_each_function_reads_only_the_secrets_it_needs(resources: dict[str, Any]) -> None:
    """Secrets Manager ends every ARN with six characters of its own."""
    found = {
        name: {
            (action, resource["Fn::Sub"].rpartition(":secret:")[2])
            for statement in statements_of(name, resources)
            for action in as_list(statement["Action"])
            for resource in as_list(statement["Resource"])
            if action.startswith("secretsmanager:")
        }
        for name in FUNCTIONS
    }
    read, stack = "secretsmanager:GetSecretValue", "${AWS::StackName}"
    accounts = {(read, f"{stack}/accounts/*")}
    assert found == {
        "APIHandler": {(read, f"{stack}/jwt-??????"), (read, f"{stack}/phone-numbers-??????")},
        "ExecuteJobs": accounts,
        "ConfirmJobs": accounts,
        "ReconcileJobs": set(),
        "RecordDeadLetters": set(),
    }


def test_no_table_is_scanned_by_a_function_that_serves_jobs(resources: dict[str, Any]) -> None:
    for name, role in of_type(resources, "AWS::IAM::Role").items():
        for statement in (one for policy in role["Properties"]["Policies"] for one in policy["PolicyDocument"]["Statement"]):
            if "dynamodb:Scan" in as_list(statement["Action"]):
                assert "JobsTable" not in json.dumps(statement["Resource"]), name


def test_reconcile_changes_nothing_of_an_account_but_how_far_its_sweeps_have_come(resources: dict[str, Any]) -> None:
    """Nonces are taken by those who sign (invariant 2). Beside the accounts stand the checkpoints, which are its own."""
    on_accounts = {
        action: statement.get("Condition", {})
        for statement in statements_of("ReconcileJobs", resources)
        for action in as_list(statement["Action"])
        if "AccountsTable" in json.dumps(statement["Resource"])
    }
    checkpoints = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["*:checkpoints"]}}
    places = {"ForAllValues:StringEquals": {"dynamodb:Attributes": ["accountId", *Sweep]}}
    assert on_accounts == {
        "dynamodb:Scan": {},
        "dynamodb:GetItem": checkpoints,
        "dynamodb:PutItem": checkpoints,
        "dynamodb:UpdateItem": places,
    }


def test_who_queries_which_index_of_the_jobs(resources: dict[str, Any]) -> None:
    found = {
        name: {
            resource["Fn::Sub"].rpartition("/index/")[2]
            for statement in statements_of(name, resources)
            for resource in as_list(statement["Resource"])
            if "dynamodb:Query" in as_list(statement["Action"]) and "JobsTable" in json.dumps(resource)
        }
        for name in FUNCTIONS
    }
    indexes = {index["IndexName"] for index in resources["JobsTable"]["Properties"]["GlobalSecondaryIndexes"]}
    assert found == {
        "APIHandler": indexes - {"open"},
        "ExecuteJobs": {"account", "pending"},
        "ConfirmJobs": set(),
        "ReconcileJobs": {"account", "open"},
        "RecordDeadLetters": set(),
    }


def test_no_value_is_two_functions_at_once(template: dict[str, Any]) -> None:
    """Merging a Fn::GetAtt over Chalice's Fn::Sub leaves both in one object, which CloudFormation refuses."""
    for value in dicts(template):
        intrinsic = [key for key in value if key.startswith("Fn::") or key == "Ref"]
        assert len(intrinsic) == 0 or len(value) == 1, value


def test_the_api_has_the_routes_of_the_contract_and_no_stray_stage(template: dict[str, Any]) -> None:
    api = template["Resources"]["RestAPI"]["Properties"]
    paths_ = api["DefinitionBody"]["paths"].items()
    assert {(re.sub(r"{\w+}", "{}", path), verb) for path, verbs in paths_ for verb in verbs} == ROUTES
    assert template["Globals"]["Api"]["OpenApiVersion"] == "2.0"


def test_tokens_are_checked_by_the_service_and_by_no_second_authorizer(resources: dict[str, Any]) -> None:
    """An authorizer of API Gateway would answer with bodies of its own, and for /health too."""
    body = resources["RestAPI"]["Properties"]["DefinitionBody"]
    assert "securityDefinitions" not in body
    assert not any("security" in operation for verbs in body["paths"].values() for operation in verbs.values())


def test_the_tables_are_encrypted_and_cost_nothing_when_idle(resources: dict[str, Any]) -> None:
    for name, table in of_type(resources, "AWS::DynamoDB::Table").items():
        assert table["Properties"]["SSESpecification"]["SSEEnabled"] is True, name
        assert table["Properties"]["BillingMode"] == "PAY_PER_REQUEST", name


def test_the_jwt_secret_is_generated_and_long_enough(resources: dict[str, Any]) -> None:
    properties = resources["JwtSecret"]["Properties"]
    assert "SecretString" not in properties
    assert properties["GenerateSecretString"]["PasswordLength"] >= 64
    assert "SecretStringTemplate" not in properties["GenerateSecretString"]


def test_the_key_of_the_phone_numbers_is_generated_and_outlives_its_stack(resources: dict[str, Any]) -> None:
    """Every look-up by phone number depends on it. A stack that never came up leaves nothing behind, or it could not be
    created again.
    """
    secret = resources["PhoneNumbersSecret"]
    assert (secret["DeletionPolicy"], secret["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    assert secret["Properties"]["Description"]
    assert secret["Properties"]["Name"] == {"Fn::Sub": "${AWS::StackName}/phone-numbers"}
    assert secret["Properties"]["GenerateSecretString"] == {"PasswordLength": 64, "ExcludePunctuation": True}


def test_every_setting_reaches_the_functions_by_the_template(template: dict[str, Any]) -> None:
    """Each one without a default of its own has to, or no function starts."""
    given = set(template["Globals"]["Function"]["Environment"]["Variables"]) | {"STAGE", "NETWORK"}
    read = variables()
    assert {variable for variable, is_needed in read.items() if is_needed} <= given
    assert given <= read.keys()


def test_cfn_lint_finds_nothing_in_the_transformed_template(built: Package) -> None:
    command = [str(Path(sys.executable).parent / "cfn-lint"), "--regions", "us-east-1", "--", str(built.template)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=paths.ROOT)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_no_row_of_a_table_ever_expires(resources: dict[str, Any]) -> None:
    for name, table in of_type(resources, "AWS::DynamoDB::Table").items():
        assert "TimeToLiveSpecification" not in table["Properties"], name
