"""The S3 bucket for deployments: encrypted, closed to the public, and made when it does not exist."""

from typing import Any

from botocore.exceptions import ClientError

from stack.aws import Client
from stack.build.package import Package
from stack.progress import Say


def upload(built: Package, client: Client, say: Say) -> tuple[str, str]:
    """Upload the zip and return (bucket, key). The key is the hash of the content, so the same zip is uploaded once."""
    bucket = _bucket(client, say)
    key = f"jobs-api/{built.digest}.zip"
    if not _exists(client, bucket, key):
        say(f"Uploading {built.archive.stat().st_size / 1e6:.0f} MB to {bucket}")
        client("s3").upload_file(str(built.archive), bucket, key, {"ServerSideEncryption": "AES256"})
    return bucket, key


def upload_template(body: str, digest: str, client: Client, say: Say) -> str:
    """Upload a template that is too large for a request, and return its https URL."""
    bucket = _bucket(client, say)
    key = f"jobs-api/{digest}.template.json"
    client("s3").put_object(Bucket=bucket, Key=key, Body=body.encode(), ServerSideEncryption="AES256")
    return f"{client('s3').meta.endpoint_url}/{bucket}/{key}"


def _bucket(client: Client, say: Say) -> str:
    account = client("sts").get_caller_identity()["Account"]
    s3 = client("s3")
    region: str = s3.meta.region_name
    name = f"jobs-api-artifacts-{account}-{region}"
    try:
        s3.head_bucket(Bucket=name, ExpectedBucketOwner=account)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"404", "NoSuchBucket"}:
            raise
    else:
        return name
    say(f"Making bucket {name}")
    location: dict[str, Any] = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=name, **location)
    s3.put_public_access_block(
        Bucket=name,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    encryption = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration=encryption)
    return name


def _exists(client: Client, bucket: str, key: str) -> bool:
    try:
        client("s3").head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"404", "NoSuchKey"}:
            raise
        return False
    return True
