"""Workspaces before and after each command, and what must hold of one whose command was cut short."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.damage import damaged
from tests.faults.runner import Ending, Runner
from tests.faults.verbs import ONCE, PIPELINE, log, make_case, results, tables


@dataclass(frozen=True)
class Stage:
    """A command: the case that it starts from, the steps it takes, and what it leaves."""

    verb: str
    before: Path
    steps: int
    log_before: Sequence[tuple[object, ...]]
    log_after: Sequence[tuple[object, ...]]
    results: dict[str, str]


class Bench:
    """The whole pipeline run once, undisturbed, with a copy of the workspace before each command."""

    def __init__(self, run: Runner, root: Path) -> None:
        self.run, self.root = run, root
        case = make_case(root)
        self.stages = {verb: self._stage(verb, case) for verb in PIPELINE}
        self.case = case

    def _stage(self, verb: str, case: Path) -> Stage:
        before = self.root / f"before {verb}"
        shutil.copytree(case, before)
        said = log(before) if (before / ".curator").exists() else []
        ending = self.run(verb, case)
        if ending.error is not None or ending.killed:
            raise RuntimeError(f"{verb} failed undisturbed: {ending}")
        return Stage(verb, before, ending.steps, said, log(case), results(case))

    def copied(self, source: Path) -> Path:
        """A fresh copy of a case."""
        case = self.root / "copy"
        shutil.rmtree(case, ignore_errors=True)
        shutil.copytree(source, case)
        return case

    def struck(self, verb: str, fault: str = "none", moment: int = -1, **rest: Any) -> tuple[Path, Ending]:
        """Run a verb from its stage in a fresh copy while something befalls it."""
        case = self.copied(self.stages[verb].before)
        return case, self.run(verb, case, fault, moment, **rest)

    def undisturbed(self, verb: str) -> Path:
        """A copy of the finished workspace in which a verb was run once more."""
        case = self.root / f"after {verb}"
        if not case.exists():
            shutil.copytree(self.case, case)
            ending = self.run(verb, case)
            if ending.error is not None:
                raise RuntimeError(f"{verb} failed undisturbed: {ending}")
        return case

    def check_damaged(self, verb: str, seed: int, *, database: bool) -> None:
        """AssertionError unless a verb on a damaged workspace answers as if it were whole, or is told.

        A value changed inside the database is found by the doctor, and need not be found by others.
        """
        case, whole = self.copied(self.case), self.undisturbed(verb)
        what = f"{verb} after {damaged(case, seed, database=database)}"
        ending = self.run(verb, case)
        assert ending.plain, f"{what}: {ending}"
        if ending.error is not None or (database and self.run("doctor", case).error is not None):
            return
        assert log(case) == log(whole), what
        assert tables(case) == tables(whole), what

    def check(self, verb: str, case: Path) -> None:
        """AssertionError unless nothing is lost or half done in `case`, and the verb runs to its end."""
        stage = self.stages[verb]
        said = log(case) if (case / ".curator" / "curator.db").exists() else []
        assert said in (stage.log_before, stage.log_after), f"{verb}: part of the log"
        for name, checksum in tables(case).items():
            known = (tables(stage.before).get(name), stage.results[name])
            assert checksum in known, f"{verb}: {name} is half written"
        look = self.run("look", case)
        assert look.error is None, f"status after {verb}: {look}"
        if verb not in ONCE or said == stage.log_before:
            again = self.run(verb, case)
            assert (again.error, again.killed) == (None, 0), f"{verb} run again: {again}"
            assert log(case) == stage.log_after, f"{verb}: the log after it was run again"
            assert results(case) == stage.results, f"{verb}: the results after it was run again"
