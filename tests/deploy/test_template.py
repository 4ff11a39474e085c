"""What would be deployed, as CloudFormation sees it. Packaging validates nothing: these tests do."""

import json
import re
from typing import Any

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from chalicelib.bounds import Bounds
from chalicelib.jobs.stores import Sweep
from chalicelib.settings import PUBLIC_RPC_URLS, variables
from stack.build.gateway import ANY_VERB, EVERYTHING_ELSE
from stack.build.package import Package
from stack.build.template import STACK_TAG, WITHOUT_TAGS
from tests.deploy.reading import as_list, dicts, functions, named, of_type, statements_of

FUNCTIONS = {"APIHandler", "ExecuteJobs", "ConfirmJobs", "ReconcileJobs", "RecordDeadLetters"}
PARAMETERS = {
    "RpcUrls",
    "RpcUrlsVersion",
    "ChainId",
    "Confirmations",
    "BlockSeconds",
    "LogLevel",
    "JwtTtlDays",
    "TokenFactory",
    "WalletFactory",
    "AlarmEmail",
    "ApiConcurrency",
    "ReconcileConcurrency",
    "ExecuteConcurrency",
    "ConfirmConcurrency",
    "DeadLetterConcurrency",
    "JwksUrl",
    "JwtIssuer",
    "JwtAudience",
    "SecretTokens",
    "CorsOrigins",
}
"""Those that are empty unless they are given."""
WITH_DEFAULTS = {"LowBalance": 1, "ApiRate": 100, "ApiBurst": 200, "LogRetentionDays": 30, "AccessLogs": "off"}
OUTPUTS = {
    "RestAPIId",
    "EndpointURL",
    "JobsTableName",
    "AccountsTableName",
    "LimitsTableName",
    "ExecuteQueueUrl",
    "ConfirmQueueUrl",
    "JwtSecretArn",
    "PhoneNumbersSecretArn",
    "AlarmTopicArn",
    "DashboardURL",
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
    assert set(template["Parameters"]) >= PARAMETERS | WITH_DEFAULTS.keys()
    assert all(template["Parameters"][name]["Default"] == "" for name in PARAMETERS)
    assert {name: template["Parameters"][name]["Default"] for name in WITH_DEFAULTS} == WITH_DEFAULTS
    assert set(template["Outputs"]) >= OUTPUTS


def test_somebody_in_the_console_is_told_what_each_thing_is(template: dict[str, Any]) -> None:
    assert template["Description"]
    for name, parameter in template["Parameters"].items():
        assert parameter["Description"], name
    for name, function in functions(template["Resources"]).items():
        assert function["Properties"]["Description"], name
    assert template["Resources"]["RestAPI"]["Properties"]["Name"] == {"Ref": "AWS::StackName"}
    assert template["Resources"]["RestAPI"]["Properties"]["Description"]


def test_everything_that_takes_tags_says_whose_it_is(resources: dict[str, Any]) -> None:
    """A key does not: there the tag means that the workers may sign with it."""
    for name, resource in resources.items():
        tags = resource.get("Properties", {}).get("Tags", [])
        found = tags if isinstance(tags, dict) else {tag["Key"]: tag["Value"] for tag in tags}
        if resource["Type"] in WITHOUT_TAGS:
            assert found == {}, name
            schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", resource["Type"]).schema
            assert resource["Type"] == "AWS::KMS::Key" or "Tags" not in schema["properties"], name
        else:
            assert found[STACK_TAG] == {"Ref": "AWS::StackName"}, name


def test_issuers_are_limited_unless_somebody_says_otherwise(template: dict[str, Any]) -> None:
    assert template["Parameters"]["RequestsPerMinute"]["Default"] == 3000


def test_a_stage_has_the_bounds_of_the_code_unless_an_operator_says_otherwise(template: dict[str, Any]) -> None:
    bounds = Bounds()
    parameters = template["Parameters"]
    assert parameters["OpenJobsOfOwner"]["Default"] == bounds.open_jobs_of_owner
    assert parameters["UnsignedSeconds"]["Default"] == bounds.unsigned_seconds
    assert parameters["UnminedBlocks"]["Default"] == bounds.unmined_blocks


def test_every_function_knows_its_stage_and_chain(built: Package, resources: dict[str, Any]) -> None:
    for name, function in functions(resources).items():
        variables = function["Properties"]["Environment"]["Variables"]
        assert variables["STAGE"] == built.stage, name
        assert variables["NETWORK"] == CHAIN_OF[built.stage], name


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


def test_the_api_makes_keys_and_may_do_nothing_to_any_key(resources: dict[str, Any]) -> None:
    """A tag would let the workers sign with any key that the API can tag, so it can tag none: not even one that it makes.

    KeySpec only where it is told: the emulator tells it of no request, AWS of every CreateKey.
    """
    expected = {
        "kms:CreateKey": (
            "*",
            {
                "StringEqualsIfExists": {"kms:KeySpec": "ECC_SECG_P256K1", "kms:KeyUsage": "SIGN_VERIFY"},
                "Null": {"aws:TagKeys": "true"},
            },
        ),
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
    accounts, rpc_urls = (read, f"{stack}/accounts/*"), (read, f"{stack}/rpc-urls-??????")
    assert found == {
        "APIHandler": {(read, f"{stack}/jwt-??????"), (read, f"{stack}/phone-numbers-??????"), rpc_urls},
        "ExecuteJobs": {accounts, rpc_urls},
        "ConfirmJobs": {accounts, rpc_urls},
        "ReconcileJobs": {rpc_urls},
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
        "ExecuteJobs": {"account", "creation", "pending"},
        "ConfirmJobs": {"account"},
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
    paths_ = {re.sub(r"{\w+}", "{}", path): verbs for path, verbs in api["DefinitionBody"]["paths"].items()}
    routes = {path: verbs for path, verbs in paths_.items() if path not in ("/", EVERYTHING_ELSE)}
    verbs_of = {path: verbs.keys() - {"options", ANY_VERB} for path, verbs in routes.items()}
    assert {(path, verb) for path, verbs in verbs_of.items() for verb in verbs if verb != "head"} == ROUTES
    reads = {path for path, verb in ROUTES if verb == "get" and "/jobs/retry" not in path}
    assert {path for path, verbs in verbs_of.items() if "head" in verbs} == reads
    for path, verbs in routes.items():
        asked = verbs["options"]["x-amazon-apigateway-integration"]
        assert asked["type"] == "aws_proxy", f"{path}: the origins that may call are the function's to know"
    assert template["Globals"]["Api"]["OpenApiVersion"] == "2.0"


def test_tokens_are_checked_by_the_service_and_by_no_second_authorizer(resources: dict[str, Any]) -> None:
    """An authorizer of API Gateway would answer with bodies of its own, and for /health too."""
    body = resources["RestAPI"]["Properties"]["DefinitionBody"]
    assert "securityDefinitions" not in body
    assert not any("security" in operation for verbs in body["paths"].values() for operation in verbs.values())


def test_every_setting_reaches_the_functions_by_the_template(template: dict[str, Any]) -> None:
    """Each one without a default of its own has to, or no function starts."""
    given = set(template["Globals"]["Function"]["Environment"]["Variables"]) | {"STAGE", "NETWORK"}
    read = variables()
    assert {variable for variable, is_needed in read.items() if is_needed} <= given
    assert given <= read.keys()


def test_no_environment_holds_an_rpc_url_for_it_may_hold_a_providers_key(template: dict[str, Any]) -> None:
    """What NoEcho hides of a parameter, everybody sees who may look at a function's configuration."""
    secret = template["Resources"]["RpcUrlsSecret"]["Properties"]
    assert secret["SecretString"] == {"Fn::If": ["RpcUrlsAreGiven", {"Ref": "RpcUrls"}, PUBLIC_RPC_URLS]}
    assert secret["Name"] == {"Fn::Sub": "${AWS::StackName}/rpc-urls"}
    assert template["Parameters"]["RpcUrls"]["NoEcho"] is True
    used = {name: json.dumps(resource).count('{"Ref": "RpcUrls"}') for name, resource in template["Resources"].items()}
    assert {name for name, times in used.items() if times} == {"RpcUrlsSecret"}
    variables_ = template["Globals"]["Function"]["Environment"]["Variables"]
    assert '{"Ref": "RpcUrls"}' not in json.dumps(variables_)
    assert variables_["RPC_URLS_ID"] == {"Ref": "RpcUrlsSecret"}, "the secret is changed before the functions start anew"


def test_only_the_api_counts_requests_and_it_does_nothing_else_there(resources: dict[str, Any]) -> None:
    found = {
        (name, action)
        for name in FUNCTIONS
        for statement in statements_of(name, resources)
        for action in as_list(statement["Action"])
        if "LimitsTable" in json.dumps(statement["Resource"])
    }
    assert found == {("APIHandler", "dynamodb:UpdateItem")}
