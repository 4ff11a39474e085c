"""Where the emulator differs from AWS: what a stack there is given after its deployment, and never by the template.

It asks for another right than AWS where statements write. Of an API's definition it leaves out the operations of any verb and
the gateway responses; it serves both when they are made by requests of their own.
"""

import json
from collections.abc import Mapping
from typing import Any

from stack.aws import Client
from stack.build.gateway import ANY_VERB, API, gateway_headers

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


def complete_gateway(client: Client, stack: Mapping[str, Any], template: Mapping[str, Any]) -> None:
    """Give the API of a local stack the operations of any verb and the gateway responses that its template has.

    Does nothing when it has them: the emulator makes another API whenever a deployment changes one.
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
