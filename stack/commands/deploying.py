"""What goes to AWS: the package, the network's contracts, a stage's stack, and its end."""
# ruff: noqa: PLC0415 -- a command imports what it needs when it runs

import argparse
import json
import os
from collections.abc import Mapping

from stack.commands.local import node_and_key
from stack.commands.options import Commands, command, flag, option
from stack.errors import StackError
from stack.progress import say


def add_to(commands: Commands) -> None:
    command(commands, "package", make_package, "template and zip of a stage")
    command(commands, "factories", factories, "deploy the contracts that make tokens and wallets; RPC_URL, FUNDER_KEY_FILE")
    parser = command(commands, "deploy", make_deploy, "deploy a stage: shows what changes, and asks")
    parser.add_argument("--endpoint-url", help="another AWS endpoint than the real one")
    parser.add_argument("--stack-name")
    flag(parser, "YES", "do not ask")
    option(parser, "PARAMETERS", 'template parameters: "Name=Value Other=Value"')
    option(parser, "ADOPT", 'what an earlier stack has left, to be taken up again: "JobsTable=<its name> …"')
    option(parser, "RPC_URLS", "comma-separated nodes; the parameter RpcUrls")
    for contract in ("TOKEN_FACTORY", "WALLET_FACTORY"):
        option(parser, contract, "its address")
    for name in ("chain-id", "confirmations", "block-seconds", "log-level", "jwt-ttl-days"):
        parser.add_argument(f"--{name}", help="template parameter; left as it is when not given")
    parser = command(commands, "destroy", make_destroy, "delete a stage's stack, and keep its tables")
    option(parser, "TABLES", "`delete` deletes the tables, too")
    option(parser, "YES", "the stack's name: do not ask")


def make_package(told: argparse.Namespace, _parent: int) -> int:
    from stack.build.package import package

    built = package(told.stage, say)
    size = built.archive.stat().st_size / 1e6
    say(f"{os.path.relpath(built.template)} and {os.path.relpath(built.archive)} ({size:.1f} MB, sha256 {built.digest[:12]})")
    return 0


def factories(told: argparse.Namespace, _parent: int) -> int:
    from stack.deployment.factories import deploy_factories

    rpc_url, funder_key = node_and_key()
    if rpc_url is None or funder_key is None:
        raise StackError(
            "Give RPC_URL, a node of the stage's chain, and FUNDER_KEY_FILE, a file with the private key that pays for the gas."
        )
    deployed = deploy_factories(told.stage, rpc_url, funder_key, say)
    given = " ".join(f"{name}={address}" for name, address in deployed.settings.items())
    print(f"make deploy STAGE={told.stage} {given}")
    return 0


def make_deploy(told: argparse.Namespace, _parent: int) -> int:
    from botocore.exceptions import BotoCoreError, ClientError

    from stack.aws import sentence
    from stack.build.package import LOCAL_STAGE, package
    from stack.deployment import parameters
    from stack.deployment.consent import asked
    from stack.deployment.deploy import deploy, stack_name
    from stack.deployment.destroy import adopt
    from stack.deployment.leftovers import without_what_never_came_up
    from stack.operation.target import clients_of, remember_local_api

    given = _parameters(told)
    adopted = parameters.parse(told.adopt) if told.adopt else {}
    client = clients_of(told.stage, told.endpoint_url)
    consent = asked(yes=told.yes)
    built = package(told.stage, say)
    template = json.loads(built.template.read_text())
    parameters.check(given, template["Parameters"])
    name = told.stack_name or stack_name(told.stage)
    if adopted:
        consent(f"Take up {', '.join(adopted)} in a new stack {name}?")
        try:
            without_what_never_came_up(client, name, say, consent)
            adopt(client, name, template, adopted, say=say, **given)
        except (ClientError, BotoCoreError) as error:
            raise sentence(error) from None
    outputs = deploy(built, client, say, name=name, parameters=given, consent=consent)
    if told.stage == LOCAL_STAGE and not told.endpoint_url:
        remember_local_api(outputs["RestAPIId"])
    for output, value in sorted(outputs.items()):
        print(f"{output}={value}")
    return 0


def _parameters(told: argparse.Namespace) -> Mapping[str, str]:
    """Those with a word of their own, and those of PARAMETERS. Raises StackError when one is given both ways."""
    from stack.deployment.factories import address_parameter
    from stack.deployment.parameters import parse

    named = {
        "RpcUrls": told.rpc_urls,
        "ChainId": told.chain_id,
        "Confirmations": told.confirmations,
        "BlockSeconds": told.block_seconds,
        "LogLevel": told.log_level,
        "JwtTtlDays": told.jwt_ttl_days,
        "TokenFactory": told.token_factory,
        "WalletFactory": told.wallet_factory,
    }
    given = {name: value for name, value in named.items() if value is not None}
    others = parse(told.parameters) if told.parameters else {}
    twice = sorted(given.keys() & others.keys())
    if twice:
        raise StackError(f"{', '.join(twice)} is given twice: by its own name, and in PARAMETERS.")
    given |= others
    for parameter, name in (("TokenFactory", "TOKEN_FACTORY"), ("WalletFactory", "WALLET_FACTORY")):
        if given.get(parameter):
            given[parameter] = address_parameter(name, given[parameter])
    return given


def make_destroy(told: argparse.Namespace, _parent: int) -> int:
    from stack.deployment.consent import typed
    from stack.deployment.destroy import destroy, keys_of_accounts, signing_keys
    from stack.deployment.waiting import stack_of
    from stack.operation.target import target_of

    if told.tables not in (None, "keep", "delete"):
        raise StackError(f"TABLES must be keep or delete, not {told.tables!r}.")
    with_tables = told.tables == "delete"
    with target_of(told.stage) as target:
        if stack_of(target.client, target.name) is None:
            raise StackError(f"There is no stack {target.name}.")
        what = "and every job and account in its tables, for ever" if with_tables else "and keep its tables"
        typed(target.name, told.yes, f"Delete the stack {target.name} {what}.")
        accounts_table = target.of_type("AWS::DynamoDB::Table").get("AccountsTable")
        made = keys_of_accounts(target.client, accounts_table) if accounts_table else []
        kept = destroy(target.client, target.name, say, with_tables=with_tables)
        say(f"Stack {target.name} is gone")
        for logical, physical in kept.items():
            print(f"kept  {logical}  {physical}")
        for key in signing_keys(target.client, target.name, made):
            print(f"kept  {key}")
        _print_what_next(told.stage, kept)
    return 0


def _print_what_next(stage: str, kept: Mapping[str, str]) -> None:
    if not kept:
        return
    from stack.deployment.leftovers import adopt_words

    print(f'To take it up again:  make deploy STAGE={stage} ADOPT="{adopt_words(kept)}"')
    print("To delete it for good, with the AWS CLI:")
    for logical, physical in kept.items():
        if "Table" in logical:
            print(f"  aws dynamodb update-table --table-name {physical} --no-deletion-protection-enabled")
            print(f"  aws dynamodb delete-table --table-name {physical}")
        elif "Secret" in logical:
            print(f"  aws secretsmanager delete-secret --secret-id {physical} --recovery-window-in-days 7")
