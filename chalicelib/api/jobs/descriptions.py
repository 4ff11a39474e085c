"""What the API reference tells about the routes of jobs."""

from collections.abc import Mapping

from chalicelib.api.jobs import bodies, replies
from chalicelib.api.schema.description import Description
from chalicelib.errors import (
    ChainUnavailable,
    CorrelationIdReused,
    FeeLimitTooLow,
    Forbidden,
    InvalidJobId,
    JobNotCancellable,
    JobNotFound,
    JobNotRetryable,
    JobTooLarge,
    NotYourContract,
    TooManyOpenJobs,
    ValueNotAllowed,
)

ISSUED = {201: replies.IssuedView, 200: replies.IssuedView}
WITH_JOB = (CorrelationIdReused, ChainUnavailable, TooManyOpenJobs)

DESCRIPTIONS: Mapping[str, Description] = {
    "jobs.issue.issue": Description(
        "Issue a job: one transaction, which a worker signs and broadcasts.",
        ISSUED,
        body=bodies.IssueBody,
        errors=(CorrelationIdReused, FeeLimitTooLow, Forbidden, NotYourContract, TooManyOpenJobs, ValueNotAllowed),
    ),
    "jobs.listing.list_page": Description(
        "List your own jobs, newest first. An administrator lists the jobs of every issuer.",
        {200: replies.JobPageView},
        query=bodies.ListQuery,
    ),
    "jobs.fetch.fetch_by_id": Description(
        "Fetch a job by its id.",
        {200: replies.OneJobView},
        path_parameters=bodies.JobPath,
        errors=(InvalidJobId, JobNotFound),
    ),
    "jobs.fetch.fetch_by_correlation_id": Description(
        "Fetch a job by its correlationId.",
        {200: replies.OneJobView},
        path_parameters=bodies.CorrelationIdPath,
        errors=(JobNotFound,),
    ),
    "jobs.listing.fetch_by_external_id": Description(
        "List the jobs with an externalId, newest first.",
        {200: replies.JobPageView},
        query=bodies.ExternalQuery,
    ),
    "jobs.retry.retry_by_query": Description(
        "Retry every failed or cancelled job that fits the filters. A job that cannot be retried is refused in its place.",
        {200: replies.RetriesView},
        query=bodies.RetryFilters,
        body=bodies.RetryBody,
        body_optional=True,
        errors=(Forbidden,),
    ),
    "jobs.retry.retry_one": Description(
        "Retry a failed or cancelled job.",
        {200: replies.OneJobView},
        body=bodies.RetryOneBody,
        body_optional=True,
        path_parameters=bodies.JobPath,
        errors=(
            InvalidJobId,
            JobNotFound,
            JobNotRetryable,
            JobTooLarge,
            NotYourContract,
            TooManyOpenJobs,
            ValueNotAllowed,
        ),
    ),
    "jobs.cancel.cancel": Description(
        "Cancel a job: a pending one at once, a started one by a cancel transaction.",
        {200: replies.OneJobView},
        path_parameters=bodies.JobPath,
        errors=(InvalidJobId, JobNotFound, JobNotCancellable),
    ),
}
