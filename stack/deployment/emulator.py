"""What a stack needs at the emulator, and not at AWS. It is added after the deployment, never by the template.

The emulator asks for another right than AWS when PartiQL statements write. It ignores any-verb operations and gateway responses
in an API's definition, but serves both when requests of their own make them.
"""

import json
from collections.abc import Mapping
from typing import Any

from stack.aws import Client
from stack.build.gateway import ANY_VERB, API, gateway_headers

POLICY = "emulator"
ACTION = "dynamodb:BatchExecuteStatement"
"""The emulator asks for this action, on no table in particular. AWS has no such action: it asks for PartiQLUpdate."""
ASKED_FOR_AT_AWS = "dynamodb:PartiQLUpdate"


def complete_roles(client: Client, stack_name: str) -> None:
    """Let those roles of a stack write by PartiQL statements that may do so at AWS, and no others."""
    iam = client("iam")
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ACTION, "Resource": "*"}]}
    resources = client("cloudformation").describe_stack_resources(StackName=stack_name)["StackResources"]
    for role in (one["PhysicalResourceId"] for one in resources if one["ResourceType"] == "AWS::IAM::Role"):
        names = [name for name in iam.list_role_policies(RoleName=role)["PolicyNames"] if name != POLICY]
        policies = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
        if ASKED_FOR_AT_AWS in json.dumps(policies):
            iam.put_role_policy(RoleName=role, PolicyName=POLICY, PolicyDocument=json.dumps(document))


def complete_gateway(client: Client, stack: Mapping[str, Any], template: Mapping[str, Any]) -> None:
    """Add the any-verb operations and the gateway responses of the template to the API of a local stack.

    Operations that exist are left alone: the emulator makes a new API whenever a deployment changes one.
    """
    gateway = client("apigateway")
    api_id = next(one["OutputValue"] for one in stack["Outputs"] if one["OutputKey"] == "RestAPIId")
    origins = next(one["ParameterValue"] for one in stack["Parameters"] if one["ParameterKey"] == "CorsOrigins")
    properties = template["Resources"][API]["Properties"]
    pages = gateway.get_paginator("get_resources").paginate(restApiId=api_id, embed=["methods"])
    resources = {resource["path"]: resource for page in pages for resource in page["items"]}
    made = {"restApiId": api_id, "resourceId": resources["/health"]["id"], "httpMethod": "GET"}
    uri = gateway.get_integration(**made)["uri"]
    for path, verbs in properties["DefinitionBody"]["paths"].items():
        if ANY_VERB not in verbs or "ANY" in resources[path].get("resourceMethods", {}):
            continue
        method = {"restApiId": api_id, "resourceId": resources[path]["id"], "httpMethod": "ANY"}
        gateway.put_method(**method, authorizationType="NONE")
        gateway.put_integration(**method, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    for name, response in properties["GatewayResponses"].items():
        status = {"statusCode": str(response["StatusCode"])} if "StatusCode" in response else {}
        headers = gateway_headers(response["ResponseParameters"]["Headers"], origins)
        gateway.put_gateway_response(
            restApiId=api_id,
            responseType=name,
            responseParameters={f"gatewayresponse.header.{header}": value for header, value in headers.items()},
            responseTemplates=response["ResponseTemplates"],
            **status,
        )
    (stage,) = gateway.get_stages(restApiId=api_id)["item"]
    gateway.create_deployment(restApiId=api_id, stageName=stage["stageName"])
