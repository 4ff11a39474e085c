"""What goes to AWS and to a chain: the package, the network's contracts, a stage's stack, and its deletion."""
# ruff: noqa: PLC0415 -- a command imports what it needs when it runs

import json
import os
from collections.abc import Mapping

import click

from stack.commands.local import NODE_VARIABLES, node_and_key
from stack.commands.options import Decorated, flag, option, stage
from stack.errors import StackError
from stack.progress import say


@click.command("package")
@stage
def make_package(stage: str) -> None:
    """Make the template and the zip of a stage.

    They go to .local/package/<stage>: CloudFormation's template and the zip of all functions.
    """
    from stack.build.package import package

    built = package(stage, say)
    size = built.archive.stat().st_size / 1e6
    say(f"{os.path.relpath(built.template)} and {os.path.relpath(built.archive)} ({size:.1f} MB, sha256 {built.digest[:12]})")


@click.command("factories", epilog=NODE_VARIABLES)
@stage
def make_factories(stage: str) -> None:
    """Deploy the contracts that make tokens and wallets.

    Once for each network. It needs RPC_URL and a funder's key, and prints the `make deploy` command that uses the contracts.
    """
    from stack.deployment.factories import deploy_factories

    rpc_url, funder_key = node_and_key()
    if rpc_url is None or funder_key is None:
        raise StackError(
            "Give RPC_URL, a node of the stage's chain, and FUNDER_KEY_FILE, a file with the private key that pays for the gas."
        )
    deployed = deploy_factories(stage, rpc_url, funder_key, say)
    given = " ".join(f"{name}={address}" for name, address in deployed.settings.items())
    print(f"make deploy STAGE={stage} {given}")


def parameter_options(command: Decorated) -> Decorated:
    """Add an option for each of these template parameters. A parameter that is not given keeps its value."""
    for decorate in (
        click.option("--jwt-ttl-days", metavar="DAYS", help="How long the JWT of a new account's issuer is valid, in days."),
        click.option(
            "--log-level", metavar="LEVEL", help="Lowest level that the functions log: DEBUG, INFO, WARNING or ERROR."
        ),
        click.option("--block-seconds", metavar="SECONDS", help="Usual time between two blocks, in seconds."),
        click.option("--confirmations", metavar="BLOCKS", help="Depth in blocks at which a transaction is final."),
        click.option("--chain-id", metavar="NUMBER", help="The chain's id (EIP-155)."),
        option("WALLET_FACTORY", "Address of the contract that makes wallets.", metavar="ADDRESS"),
        option("TOKEN_FACTORY", "Address of the contract that makes tokens.", metavar="ADDRESS"),
        option("RPC_URLS", "URLs of the nodes, separated by commas. Use the variable where a URL holds a key.", metavar="URLS"),
    ):
        command = decorate(command)
    return command


def _parameter_of(option_name: str) -> str:
    """Return the template parameter that an option sets: `BlockSeconds` for `block_seconds`."""
    return option_name.title().replace("_", "")


@click.command("deploy")
@stage
@flag("YES", "Deploy without asking.")
@option("PARAMETERS", 'Any template parameters: "Name=Value Other=Value".')
@option("ADOPT", 'Resources that an earlier stack left, for a new stack to take: "JobsTable=<table name> …".')
@parameter_options
@click.option("--endpoint-url", metavar="URL", help="Another AWS endpoint than the real one, such as a local emulator.")
@click.option("--stack-name", metavar="NAME", help="The stack's name. By default jobs-api-<stage>.")
def deploy_stage(
    *,
    stage: str,
    parameters: str | None,
    adopt: str | None,
    endpoint_url: str | None,
    stack_name: str | None,
    yes: bool,
    **named: str | None,
) -> None:
    """Create or update the stack of a stage.

    It shows what changes, asks, deploys, and prints the stack's outputs.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    from stack.aws import sentence
    from stack.build.package import LOCAL_STAGE, package
    from stack.deployment import destroy
    from stack.deployment import parameters as template_parameters
    from stack.deployment.consent import ask_unless
    from stack.deployment.deploy import deploy, stack_name_of
    from stack.deployment.leftovers import delete_failed_creation
    from stack.operation.target import clients_of, remember_local_api

    given = _parameters(named, parameters)
    adopted = template_parameters.parse(adopt) if adopt else {}
    client = clients_of(stage, endpoint_url)
    consent = ask_unless(yes=yes)
    built = package(stage, say)
    template = json.loads(built.template.read_text())
    template_parameters.check(given, template["Parameters"])
    name = stack_name or stack_name_of(stage)
    if adopted:
        consent(f"Take up {', '.join(adopted)} in a new stack {name}?")
        try:
            delete_failed_creation(client, name, say, consent)
            destroy.adopt(client, name, template, adopted, say=say, **given)
        except (ClientError, BotoCoreError) as error:
            raise sentence(error) from None
    outputs = deploy(built, client, say, name=name, parameters=given, consent=consent)
    if stage == LOCAL_STAGE and not endpoint_url:
        remember_local_api(outputs["RestAPIId"])
    for output, value in sorted(outputs.items()):
        print(f"{output}={value}")


def _parameters(named: Mapping[str, str | None], text: str | None) -> Mapping[str, str]:
    """Return the template parameters of `named`, the options that have a name of their own, and of the text PARAMETERS.

    Raises StackError when both give the same one, or an address is wrong.
    """
    from stack.deployment.factories import address_parameter
    from stack.deployment.parameters import parse

    given = {_parameter_of(name): value for name, value in named.items() if value is not None}
    others = parse(text) if text else {}
    twice = sorted(given.keys() & others.keys())
    if twice:
        raise StackError(f"{', '.join(twice)} is given twice: by its own name, and in PARAMETERS.")
    given |= others
    for parameter, name in (("TokenFactory", "TOKEN_FACTORY"), ("WalletFactory", "WALLET_FACTORY")):
        if given.get(parameter):
            given[parameter] = address_parameter(name, given[parameter])
    return given


@click.command("destroy")
@stage
@option("TABLES", "keep or delete: what happens to the tables with all jobs and accounts. By default keep.")
@option("YES", "The stack's name: delete it without asking.", metavar="NAME")
def destroy_stage(stage: str, tables: str | None, yes: str | None) -> None:
    """Delete the stack of a stage, and keep its tables.

    It asks for the stack's name, and prints everything that is kept.
    """
    from stack.deployment.consent import confirm_by_name
    from stack.deployment.destroy import destroy, keys_of_accounts, signing_keys
    from stack.deployment.waiting import stack_of
    from stack.operation.target import target_of

    if tables not in (None, "keep", "delete"):
        raise StackError(f"TABLES must be keep or delete, not {tables!r}.")
    with_tables = tables == "delete"
    with target_of(stage) as target:
        if stack_of(target.client, target.name) is None:
            raise StackError(f"There is no stack {target.name}.")
        what = "and every job and account in its tables, for ever" if with_tables else "and keep its tables"
        confirm_by_name(target.name, yes, f"Delete the stack {target.name} {what}.")
        accounts_table = target.of_type("AWS::DynamoDB::Table").get("AccountsTable")
        made = keys_of_accounts(target.client, accounts_table) if accounts_table else []
        kept = destroy(target.client, target.name, say, with_tables=with_tables)
        say(f"Stack {target.name} is gone")
        for logical, physical in kept.items():
            print(f"kept  {logical}  {physical}")
        for key in signing_keys(target.client, target.name, made):
            print(f"kept  {key}")
        _print_what_next(stage, kept)


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
