"""Jobs left behind, and what watches the sweeps that go over them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.jobs.model import Account, Job
from chalicelib.jobs.states import with_event
from chalicelib.jobs.stores import Sweep
from tests.fakes.calls import Made
from tests.fakes.world import ALICE, World


class WatermarkBroken(BaseException):
    """Whatever is wrong with one account is logged, and the others go on: this is not to be taken for it."""


class Guard:
    """Watches every move of a watermark: never back, and over no job that is fresh, but those an index did not show yet."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.moves: list[tuple[str, Sweep, str]] = []
        self.hidden: Callable[[Job, Sweep], bool] = lambda *_: False
        move = world.accounts.swept

        def swept(account: Account, which: Sweep, to: str) -> None:
            before = self.reached(account.address, which)
            move(account, which, to)
            if (self.reached(account.address, which) or "") < (before or ""):
                raise WatermarkBroken(f"{which} has moved back")
            self.moves.append((account.address, which, to))
            passed = [
                job
                for job in world.jobs.rows.values()
                if job.is_fresh and job.account == account.address and job.issued_order <= to and not self.hidden(job, which)
            ]
            if passed:
                raise WatermarkBroken(f"{which} has passed {[job.job_id for job in passed]}, and nobody looks after them")

        world.accounts.swept = swept  # type: ignore[method-assign]

    def reached(self, address: str, which: Sweep) -> str | None:
        account = self.world.account(address)
        return account.swept_to if which is Sweep.FIRST else account.swept_again_to


def lose_nudges(world: World) -> None:
    world.queues.execute_queue.messages.clear()
    world.queues.confirm_queue.messages.clear()


def left_behind(world: World, count: int, sender: str = ALICE) -> list[str]:
    """Jobs whose nudges are lost, a bit more than a minute ago."""
    job_ids = [world.issue(f"hit {sender} {number}", sender) for number in range(count)]
    lose_nudges(world)
    world.now += timedelta(seconds=61)
    return job_ids


def change_before_each_save(world: World, times: int) -> None:
    """Somebody writes the job whenever the sweep is about to."""
    calls, watch = world.calls, world.calls.watch
    left = times

    def overtake(call: Made) -> None:
        nonlocal left
        watch(call)
        if call.name == "jobs.save" and left > 0:
            left -= 1
            now = world.jobs.rows[call.arguments[0].job_id]
            world.jobs.save(with_event(now, world.now, "noticed"))

    calls.watch = overtake


def many(world: World, count: int, sender: str = ALICE, **changes: object) -> list[Job]:
    """Jobs of one account, more than a minute old, put straight into the table."""
    first = world.job(world.issue("hit", sender))
    del world.jobs.rows[first.job_id]
    made = [
        replace(
            first,
            job_id=f"{sender[2]}{number:023x}".lower(),
            created_at=first.created_at + timedelta(microseconds=number),
            **changes,
        )  # type: ignore[arg-type]
        for number in range(count)
    ]
    world.jobs.rows.update({job.job_id: job for job in made})
    lose_nudges(world)
    world.now += timedelta(seconds=61)
    return made


def hide(world: World, job_id: str, until: datetime) -> None:
    """The index of the accounts' jobs does not show this one before."""
    look = world.jobs.issued_on

    def lagging(account: str, after: str | None, limit: int, *, before: datetime | None = None) -> list[tuple[str, str]]:
        found = look(account, after, limit, before=before)
        return [(order, its_id) for order, its_id in found if its_id != job_id or world.now >= until]

    world.jobs.issued_on = lagging  # type: ignore[method-assign]
