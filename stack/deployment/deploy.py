"""Deploy a stage to any AWS endpoint, real or local: upload the package, execute its change sets, and wait."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from stack.aws import Client, sentence
from stack.build.package import LOCAL_STAGE, Package
from stack.deployment import change_sets, concurrency, jwt_secret
from stack.deployment.artifacts import upload
from stack.deployment.consent import Consent
from stack.deployment.emulator import complete_gateway, complete_roles
from stack.deployment.index_steps import Step, Template, steps, tables_now
from stack.deployment.leftovers import delete_failed_creation, error_with_leftovers
from stack.deployment.parameters import check as check_parameters
from stack.deployment.parameters import with_version_of_rpc_urls
from stack.deployment.waiting import OperationFailed, stack_of
from stack.progress import Say

Outputs = Mapping[str, str]


def stack_name_of(stage: str) -> str:
    return f"jobs-api-{stage}"


def deploy(
    built: Package,
    client: Client,
    say: Say,
    *,
    name: str | None = None,
    parameters: Mapping[str, str] | None = None,
    consent: Consent | None = None,
) -> Outputs:
    """Create or update the stack and wait for it. Returns its outputs.

    Parameters that are not given keep the stack's value, or get the template's default. With `consent`, the changes are
    printed first, and nothing changes without a yes. Raises StackError with what AWS refused, or with the reason of the first
    resource that failed.
    """
    try:
        return _Deployment(built, client, say, name or stack_name_of(built.stage), parameters or {}, consent).run()
    except (ClientError, BotoCoreError) as error:
        raise sentence(error) from None


@dataclass(frozen=True, slots=True)
class _Deployment:
    """One deployment of a package to a stack. `given` are template parameters by name."""

    built: Package
    client: Client
    say: Say
    name: str
    given: Mapping[str, str]
    consent: Consent | None

    def run(self) -> Outputs:
        template = json.loads(self.built.template.read_text())
        check_parameters(self.given, template.get("Parameters", {}))
        jwt_secret.check_template(template, self.built.stage)
        existing = delete_failed_creation(self.client, self.name, self.say, self.consent)
        if existing is not None:
            self._check_secret(existing)
        return replace(self, given={**self._worker_concurrency(existing), **self.given})._deploy(template, existing)

    def _deploy(self, template: Template, existing: Mapping[str, Any] | None) -> Outputs:
        bucket, key = upload(self.built, self.client, self.say)
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::Serverless::Function":
                resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": key}
        plan = [Step("", template)] if existing is None else self._plan(template)
        change = self._change_set(template, existing)
        if change is None:
            self.say(f"Stack {self.name} is as it should be: nothing to change")
        else:
            self._ask(change, plan, existing)
            try:
                self._execute(change, plan, existing)
            except OperationFailed as error:
                raise error_with_leftovers(error, self.built.stage, template, existing=existing is not None) from None
        stack = stack_of(self.client, self.name) or {}
        if self.built.stage == LOCAL_STAGE:
            complete_roles(self.client, self.name)
            complete_gateway(self.client, stack, template)
        self._check_secret(stack)
        return outputs_of(stack)

    def _worker_concurrency(self, existing: Mapping[str, Any] | None) -> Mapping[str, str]:
        """Return parameters that make the workers of a new stack fit the AWS account.

        A stack that has only adopted tables counts as new.
        """
        if self.built.stage == LOCAL_STAGE:  # the emulator has no quota
            return {}
        if existing is None or existing["StackStatus"] == "IMPORT_COMPLETE":
            return concurrency.for_new_stack(self.client, self.given, self.say)
        concurrency.check_existing(self.client, {**concurrency.parameters_of(existing), **self.given}, self.say)
        return {}

    def _check_secret(self, stack: Mapping[str, Any]) -> None:
        arn = outputs_of(stack).get("JwtSecretArn")
        if arn is not None:
            jwt_secret.check(jwt_secret.read(self.client, arn), self.built.stage)

    def _plan(self, template: Template) -> list[Step]:
        return steps(tables_now(self.client, self.name), deployed_template(self.client, self.name), template)

    def _change_set(self, template: Template, existing: Mapping[str, Any] | None) -> str | None:
        given = with_version_of_rpc_urls(self.given)
        known = {name: value for name, value in given.items() if name in template.get("Parameters", {})}
        return change_sets.create(self.client, self.name, template, known, existing=existing, say=self.say)

    def _ask(self, change: str, plan: list[Step], existing: Mapping[str, Any] | None) -> None:
        """Print what would change, and ask, when there is a consent. Without a yes the change set is discarded."""
        if self.consent is None:
            return
        try:
            self.say(f"What {'changes in' if existing else 'is made for'} stack {self.name}:")
            for line in change_sets.lines_of(change_sets.describe(self.client, self.name, change)):
                print(f"  {line}")
            if len(plan) > 1:
                self.say(f"In {len(plan)} updates, because DynamoDB makes or removes one index of a table at a time:")
                for number, step in enumerate(plan, 1):
                    print(f"  {number}. {step.what}")
            self.consent(f"{'Update' if existing else 'Create'} stack {self.name}?")
        except BaseException:
            change_sets.discard(self.client, self.name, change, existing=existing)
            raise

    def _execute(self, change: str, plan: list[Step], existing: Mapping[str, Any] | None) -> None:
        if len(plan) == 1:
            self.say(f"{'Updating' if existing else 'Creating'} stack {self.name}")
            change_sets.execute(self.client, self.name, change, say=self.say)
            return
        # It was made to show what changes. Executing it would fail, because DynamoDB changes one index in an update.
        change_sets.discard(self.client, self.name, change, existing=existing)
        for number, step in enumerate(plan, 1):
            self.say(f"Updating stack {self.name}, {number} of {len(plan)}: {step.what}")
            part = self._change_set(step.template, stack_of(self.client, self.name))
            if part is not None:
                change_sets.execute(self.client, self.name, part, say=self.say)


def deployed_template(client: Client, name: str) -> Template:
    """Return the stack's template as CloudFormation was given it, before any transform."""
    body = client("cloudformation").get_template(StackName=name, TemplateStage="Original")["TemplateBody"]
    template: Template = json.loads(body if isinstance(body, str) else json.dumps(body))
    return template


def outputs_of(stack: Mapping[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
