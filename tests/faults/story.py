"""How a violation came about: rows, histories, the calls that led there, and what the workers wrote."""

from typing import TYPE_CHECKING

from chalicelib.jobs.model import Job

if TYPE_CHECKING:
    from tests.faults.case import Case

CALLS_TOLD = 160
JOBS_TOLD = 6
LINES_TOLD = 25


def story(case: "Case", what: str) -> str:
    """`what` may name jobs: these are told first, and of the calls those that name them."""
    rows = case.rows()
    effects = case.effects()
    odd = [job for job in rows if job.is_open or effects.get(job.job_id, 0) != (job.status == "succeeded")]
    named = {job.job_id for job in rows if job.job_id in what}
    odd.sort(key=lambda job: job.job_id not in named)
    odd = [*(job for job in rows if job.job_id in named and job not in odd), *odd]
    lines = [f"seed {case.seed}, {case.elapsed:.0f} s of its own time, {case.invocations} invocations", ""]
    for job in (odd or rows)[:JOBS_TOLD]:
        lines += [*_of_job(job), f"    effect: {effects.get(job.job_id, '?')} times", ""]
    lines += [f"an invocation ended with an error: {error}" for error in case.errors[-JOBS_TOLD:]]
    calls = case.proxy.log
    about = [call for call in calls if call.about & named]
    if about and len(calls) > CALLS_TOLD:
        lines.append(f"{len(about)} calls name these jobs:")
        lines += [f"  {call}" for call in about[-CALLS_TOLD:]]
    lines.append(f"the last {min(len(calls), CALLS_TOLD)} of {len(calls)} calls:")
    lines += [f"  {call}" for call in calls[-CALLS_TOLD:]]
    written = [
        line
        for line in case.ground.log.read_text(errors="replace").splitlines()
        if not any(name in line for name in ('"INFO"', '"_aws"'))
    ]
    lines += ["", "what the workers wrote last:", *(f"  {line[:600]}" for line in written[-LINES_TOLD:])]
    return "\n".join(lines)


def _of_job(job: Job) -> list[str]:
    lines = [f"job {job.job_id}: {job.status}, version {job.version}, account {job.account}, next check {job.next_check_at}"]
    if job.waits_because:
        lines.append(f"    waits: {job.waits_because}, until {job.waits_until}, for nonce {job.waits_for_nonce}")
    for number, attempt in enumerate(job.attempts, 1):
        lines.append(f"    attempt {number}: nonce {attempt.nonce}, {attempt.outcome or 'not settled'}")
        lines += [
            f"        {transaction.purpose} {transaction.hash}, at most {transaction.fees.max_fee_per_gas} wei, "
            f"signed at block {transaction.signed_at_block}"
            for transaction in attempt.transactions
        ]
    lines += [f"    {event.at:%H:%M:%S} {event.event} {event.detail or ''}" for event in job.history]
    return lines
