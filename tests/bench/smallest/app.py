"""The smallest Chalice app that answers a job: one route, one consistent read. What the API's start is compared with."""

import os
from typing import Any

import boto3
from chalice.app import Chalice

app = Chalice(app_name="smallest")
dynamodb = boto3.client("dynamodb")


@app.route("/api/v2/jobs/{job_id}")
def fetch(job_id: str) -> dict[str, Any]:
    found = dynamodb.get_item(TableName=os.environ["JOBS_TABLE"], Key={"jobId": {"S": job_id}}, ConsistentRead=True)
    return {"data": {name: value["S"] for name, value in found["Item"].items() if "S" in value}}
