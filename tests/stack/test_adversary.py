"""A share of the siege that `make faults` runs: whatever valid issuers do, another one's jobs go on (invariant 12)."""

from pathlib import Path

from tests.adversary.siege import BLOCKS_ALLOWED, siege

SEED = 1
SECONDS = 60.0


def test_no_issuer_stops_delays_reads_or_spends_what_belongs_to_another(tmp_path: Path) -> None:
    report = siege(SEED, SECONDS, tmp_path, print)
    assert report.violations == []
    assert report.transfers >= SECONDS / 10, "too few transfers: this says nothing"
    assert max(report.blocks["own"] + report.blocks["shared"]) <= BLOCKS_ALLOWED
    assert len({answer.partition(":")[0] for answer in report.answers}) >= 10, "too few kinds of attacks: this says nothing"
