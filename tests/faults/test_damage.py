"""Flipped, cut, appended, zeroed or swapped bytes in any file: the right answer or a refusal.

Here about a hundred damages; `python -m benchmarks.crashes` does a thousand.
"""

import pytest

from tests.faults.bench import Bench

VERBS = ("propagate", "query", "audit", "export", "embed", "look")


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("database", [True, False], ids=["database", "files"])
def test_damage_is_told_or_does_no_harm(bench: Bench, verb: str, database: bool) -> None:
    for seed in range(9):
        bench.check_damaged(verb, seed, database=database)
