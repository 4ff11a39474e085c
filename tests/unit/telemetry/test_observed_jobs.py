"""The observing store has every method of the protocol itself: none can pass a write on without a decision to report it."""

import inspect

from chalicelib.jobs.stores import JobStore
from chalicelib.telemetry.observed_jobs import ObservedJobs

PROTOCOL = {name: method for name, method in vars(JobStore).items() if inspect.isfunction(method) and not name.startswith("_")}


def test_every_method_of_the_protocol_is_defined_on_the_class_itself() -> None:
    assert PROTOCOL
    assert set(PROTOCOL) == {name for name in vars(ObservedJobs) if not name.startswith("_")}


def test_every_method_takes_what_the_protocol_says() -> None:
    assert {name: inspect.signature(getattr(ObservedJobs, name)) for name in PROTOCOL} == {
        name: inspect.signature(method) for name, method in PROTOCOL.items()
    }


def test_no_other_name_is_passed_on() -> None:
    assert "__getattr__" not in vars(ObservedJobs)
