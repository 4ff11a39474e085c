"""Additions to API Gateway beside Chalice's routes: every other request reaches the function too, and CORS headers.

Without the first, API Gateway itself answers a path or a verb that it does not know. It takes the `Authorization` header for a
signature of AWS, cannot read it, and answers 403 (`IncompleteSignatureException`), whatever the response of type
`MISSING_AUTHENTICATION_TOKEN` says. With it, the function answers 404 and 405 in the form of the API.
"""

from collections.abc import Mapping
from typing import Any

API = "RestAPI"
ANY_VERB = "x-amazon-apigateway-any-method"
"""The operation for verbs of a path that have no operation of their own."""
EVERYTHING_ELSE = "/{proxy+}"

_MAY_CALL = "PagesMayCall"
_OF_ALL_ORIGINS = "PagesOfAllOriginsMayCall"
_CONDITIONS = {
    _MAY_CALL: {"Fn::Not": [{"Fn::Equals": [{"Ref": "CorsOrigins"}, ""]}]},
    _OF_ALL_ORIGINS: {"Fn::Equals": [{"Ref": "CorsOrigins"}, "*"]},
}
_HEADERS = {
    "Vary": "'Origin'",
    # A gateway response cannot compare origins, so it names the origin of the request. Its bodies are the same for everybody:
    # a page of another origin learns only that the gateway refused.
    "Access-Control-Allow-Origin": {"Fn::If": [_OF_ALL_ORIGINS, "'*'", "method.request.header.Origin"]},
}


def with_open_gateway(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is merged over the template: an any-verb operation for each path, a path for all others, and CORS headers.

    The headers are those of the gateway's own answers. They are left out while the parameter CorsOrigins is empty.
    """
    properties = template["Resources"][API]["Properties"]
    paths: Mapping[str, Mapping[str, Any]] = properties["DefinitionBody"]["paths"]
    operation = next(iter(next(iter(paths.values())).values()))
    more: dict[str, Any] = {path: {ANY_VERB: _operation(operation, verbs)} for path, verbs in paths.items()}
    more["/"] = {ANY_VERB: _without_parameters(operation)}
    more[EVERYTHING_ELSE] = {
        ANY_VERB: {
            **_without_parameters(operation),
            "parameters": [{"name": "proxy", "in": "path", "required": True, "type": "string"}],
        }
    }
    headers = {name: {"Fn::If": [_MAY_CALL, value, {"Ref": "AWS::NoValue"}]} for name, value in _HEADERS.items()}
    responses = {name: {"ResponseParameters": {"Headers": headers}} for name in properties["GatewayResponses"]}
    api = {"Properties": {"DefinitionBody": {"paths": more}, "GatewayResponses": responses}}
    return {"Conditions": _CONDITIONS, "Resources": {API: api}}


def gateway_headers(headers: Mapping[str, Any], origins: str) -> dict[str, str]:
    """Return the headers of a gateway response in the template as they are with this `CorsOrigins`."""
    holds = {_MAY_CALL: origins != "", _OF_ALL_ORIGINS: origins == "*"}

    def value_of(value: Any) -> Any:
        while isinstance(value, Mapping) and "Fn::If" in value:
            condition, yes, no = value["Fn::If"]
            value = yes if holds[condition] else no
        return value

    values = {name: value_of(value) for name, value in headers.items()}
    return {name: value for name, value in values.items() if isinstance(value, str)}


def _operation(operation: Mapping[str, Any], verbs: Mapping[str, Any]) -> dict[str, Any]:
    """Return an operation with the same integration and the path's own parameters."""
    parameters = next(iter(verbs.values())).get("parameters")
    return _without_parameters(operation) | ({"parameters": parameters} if parameters else {})


def _without_parameters(operation: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in operation.items() if key != "parameters"}
