"""What the emulator asks of a role where AWS asks for something else: added to the roles there, never to the template."""

import json

from stack.aws import Client

POLICY = "emulator"
ACTION = "dynamodb:BatchExecuteStatement"
"""On no table in particular. AWS knows no action of this name: it asks for PartiQLUpdate on the table."""
ASKED_FOR_AT_AWS = "dynamodb:PartiQLUpdate"


def complete_roles(client: Client, stack_name: str) -> None:
    """Let the roles of a stack write by statements that may do so at AWS, and no others."""
    iam = client("iam")
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ACTION, "Resource": "*"}]}
    resources = client("cloudformation").describe_stack_resources(StackName=stack_name)["StackResources"]
    for role in (one["PhysicalResourceId"] for one in resources if one["ResourceType"] == "AWS::IAM::Role"):
        names = [name for name in iam.list_role_policies(RoleName=role)["PolicyNames"] if name != POLICY]
        policies = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
        if ASKED_FOR_AT_AWS in json.dumps(policies):
            iam.put_role_policy(RoleName=role, PolicyName=POLICY, PolicyDocument=json.dumps(document))
