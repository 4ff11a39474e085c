"""The deploy script, against the emulator: the same calls it makes of AWS."""

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib.settings import PUBLIC_RPC_URLS
from stack.aws import Client, clients
from stack.build.package import Package
from stack.deployment.deploy import deploy
from stack.errors import StackError
from stack.progress import silent


def changed(built: Package, directory: Path, **resources: Any) -> Package:
    """The same package with other resources in its template."""
    template = json.loads(built.template.read_text())
    template["Resources"] |= resources
    directory.mkdir(exist_ok=True)
    (directory / "sam.json").write_text(json.dumps(template))
    return Package(built.stage, directory / "sam.json", built.archive)


def parameters(aws: Client, name: str) -> dict[str, str]:
    stack = aws("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    return {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in stack["Parameters"]}


def test_a_second_deployment_changes_nothing_and_keeps_what_was_given(aws: Client, packages: dict[str, Package]) -> None:
    said: list[str] = []
    first = deploy(packages["spark"], aws, said.append, name="again", parameters={"Confirmations": "7"})
    second = deploy(packages["spark"], aws, said.append, name="again")
    assert second == first
    assert parameters(aws, "again")["Confirmations"] == "7"
    deploy(packages["spark"], aws, said.append, name="again", parameters={"LogLevel": "DEBUG"})
    assert parameters(aws, "again")["Confirmations"] == "7"
    assert parameters(aws, "again")["LogLevel"] == "DEBUG"
    assert sum(line.startswith("Uploading") for line in said) == 1


def test_the_bucket_is_encrypted_and_closed(aws: Client, packages: dict[str, Package]) -> None:
    deploy(packages["spark"], aws, silent, name="bucket")
    s3 = aws("s3")
    (bucket,) = (bucket["Name"] for bucket in s3.list_buckets()["Buckets"])
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"


def test_a_failed_stack_is_the_reason_of_its_first_failed_resource_and_can_be_deployed_again(
    aws: Client, packages: dict[str, Package], tmp_path: Path
) -> None:
    aws("events").create_event_bus(Name="taken")
    broken = {"Type": "AWS::Events::EventBus", "Properties": {"Name": "taken"}}
    with pytest.raises(StackError, match=r"Broken: .*exists") as failed:
        deploy(changed(packages["spark"], tmp_path, Broken=broken), aws, silent, name="broken")
    assert "\n" not in str(failed.value)
    said: list[str] = []
    assert "RestAPIId" in deploy(packages["spark"], aws, said.append, name="broken")
    assert any(line.startswith("Removing what is left of stack broken") for line in said)  # AWS would not update it


def test_a_parameter_the_template_does_not_know_is_refused_before_anything_is_made(
    aws: Client, packages: dict[str, Package]
) -> None:
    with pytest.raises(StackError, match="no parameter Confirmation"):
        deploy(packages["spark"], aws, silent, name="unknown", parameters={"Confirmation": "7"})
    assert "unknown" not in {stack["StackName"] for stack in aws("cloudformation").list_stacks()["StackSummaries"]}


def test_a_deployed_stage_whose_secret_was_made_short_is_not_deployed_again(aws: Client, packages: dict[str, Package]) -> None:
    outputs = deploy(packages["spark"], aws, silent, name="secret")
    aws("secretsmanager").put_secret_value(SecretId=outputs["JwtSecretArn"], SecretString="too short")
    with pytest.raises(StackError, match="shorter than 32 bytes"):
        deploy(packages["spark"], aws, silent, name="secret", parameters={"LogLevel": "DEBUG"})
    assert parameters(aws, "secret")["LogLevel"] == ""


def test_an_update_takes_the_rpc_urls_of_a_running_stack_over_into_the_secret(
    aws: Client, packages: dict[str, Package], tmp_path: Path
) -> None:
    """A version before the secret had them in the functions' environment."""
    template = json.loads(packages["spark"].template.read_text())
    del template["Resources"]["RpcUrlsSecret"], template["Parameters"]["RpcUrlsVersion"]
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    del variables["RPC_URLS_ID"], variables["RPC_URLS_VERSION"]
    variables["RPC_URLS"] = {"Ref": "RpcUrls"}
    (tmp_path / "sam.json").write_text(json.dumps(template))
    older = Package("spark", tmp_path / "sam.json", packages["spark"].archive)
    deploy(older, aws, silent, name="urls", parameters={"RpcUrls": "https://one.example/v2/a-key"})
    deploy(packages["spark"], aws, silent, name="urls")
    assert aws("secretsmanager").get_secret_value(SecretId="urls/rpc-urls")["SecretString"] == "https://one.example/v2/a-key"
    before = parameters(aws, "urls")["RpcUrlsVersion"]
    deploy(packages["spark"], aws, silent, name="urls", parameters={"RpcUrls": ""})
    assert aws("secretsmanager").get_secret_value(SecretId="urls/rpc-urls")["SecretString"] == PUBLIC_RPC_URLS
    assert parameters(aws, "urls")["RpcUrlsVersion"] != before, "running functions would ask the old nodes for minutes"
    deploy(older, aws, silent, name="urls")


def test_credentials_that_are_missing_are_one_sentence(packages: dict[str, Package], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("HOME", "/nonexistent")
    with pytest.raises(StackError, match="no AWS credentials"):
        deploy(packages["spark"], clients("http://127.0.0.1:1", "us-east-1"), silent)
