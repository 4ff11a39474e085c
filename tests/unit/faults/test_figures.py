"""A soak's figures, as they are kept."""

import json
from collections import Counter

from tests.faults.figures import Figures


def test_figures_are_written_as_json_with_their_counters() -> None:
    figures = Figures(5, 2_000, faults=Counter({"refused": 3}), failures=Counter({"mint Expired": 2}))

    kept = json.loads(json.dumps(figures.as_json()))

    assert (kept["seed"], kept["faults"], kept["failures"]) == (5, {"refused": 3}, {"mint Expired": 2})
    assert kept.keys() == Figures.__dataclass_fields__.keys()
