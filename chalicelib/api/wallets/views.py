"""Wallets as replies show them."""

from __future__ import annotations  # as in `chalicelib.api.jobs.views`: the types are not imported to answer

from typing import TYPE_CHECKING

from chalicelib.api.http.values import time_view

if TYPE_CHECKING:
    from chalicelib.api.wallets.replies import WalletView
    from chalicelib.jobs.model import Job


def wallet_view(job: Job) -> WalletView:
    """Return the wallet that the job created. Only for the issuer of the job."""
    return {
        "walletAddress": job.result["walletAddress"],
        "owner": job.data["owner"],
        "phoneNumber": job.data["phoneNumber"],
        "salt": job.data["salt"],
        "blockNumber": job.result["blockNumber"],
        "createdAt": time_view(job.created_at),
        "jobId": job.job_id,
    }
