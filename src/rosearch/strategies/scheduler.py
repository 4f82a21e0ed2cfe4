"""Ask / tell: which job comes next, in a way that no number of workers and no kill changes.

The order in which results are learned must not depend on which worker happens to be quick. So the
scheduler plays the search through on `slots` imaginary workers whose jobs take exactly as long as
they are expected to: a job may depend on a result only if that job would have ended before, and
results are learned in the order of those imaginary ends. Real workers, up to `slots` of them, are
hardly ever kept waiting by this, and one worker, eight, or a run that was killed and goes on all
make the same decisions from the same results.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable, Iterable

import numpy as np

from rosearch.space.genotype import Genotype
from rosearch.strategies.base import Proposal, Strategy
from rosearch.strategies.rungs import Rungs
from rosearch.types import Candidate, Job, Trial

TRIES = 200


class Scheduler:
    """Hands out jobs and learns their results, which may be told in any order.

    Args:
        seeds: genotypes that come first.
        candidates: how many to propose; those that are promoted do not count again.
        slots: imaginary workers; more real ones than this are never all busy.
        cost: expected duration of a job, in any unit; must be deterministic.
        queries: no job starts once the results that were learned took so many; None is no limit.
    """

    def __init__(
        self,
        strategy: Strategy,
        rungs: Rungs,
        seeds: Iterable[Genotype],
        candidates: int,
        slots: int,
        seed: int,
        cost: Callable[[Job], float] = lambda job: 1.0,
        queries: int | None = None,
    ) -> None:
        self.strategy = strategy
        self.rungs = rungs
        self.seeds = list({g.hash: g for g in seeds}.values())[:candidates]
        self.candidates = candidates
        self.slots = slots
        self.seed = seed
        self.cost = cost
        self.queries = queries
        self.spent = 0
        self.jobs = 0
        self.proposed = 0
        self.hashes: set[str] = set()
        self.finished = candidates == 0
        self.exhausted = False  # whether no genotype is left that was not proposed before
        self._now = 0.0  # imaginary time
        self._under_way: list[tuple[float, int]] = []  # heap of imaginary end and job
        self._open: dict[int, str] = {}  # jobs whose results were not told yet -> their candidates
        self._told: dict[int, Trial] = {}

    def ask(self) -> Job | None:
        """The next job; None if it depends on results that were not told yet, or if `finished`."""
        while not self.finished:
            if len(self._under_way) < self.slots and (job := self._next_job()):
                self._open[job.index] = job.candidate.id
                heapq.heappush(self._under_way, (self._now + self.cost(job), job.index))
                return job
            if not self._under_way:
                self.finished = True
            elif not self._learn_next():
                return None
        return None

    def tell(self, job: Job, trial: Trial) -> None:
        """The result of a job.

        Raises:
            RuntimeError: the job was not asked for, or was told before.
        """
        if job.index not in self._open:
            raise RuntimeError(f"job {job.index} was not asked for, or was told before")
        del self._open[job.index]
        self._told[job.index] = trial

    def unfinished(self) -> set[str]:
        """Candidates under way, and those that have a fair chance to be evaluated further."""
        return {*self._open.values(), *self.rungs.promising()}

    def _learn_next(self) -> bool:
        """Learn the result that ends next in imaginary time; False if it is not there yet."""
        end, index = self._under_way[0]
        if index not in self._told:
            return False
        heapq.heappop(self._under_way)
        self._now = end
        trial = self._told.pop(index)
        self.spent += trial.score.queries if trial.score else 0
        self.rungs.learn(trial)
        self.strategy.learn(trial)
        return True

    def _next_job(self) -> Job | None:
        """A promotion if one is due, else a new candidate, else nothing for now."""
        if self.queries is not None and self.spent >= self.queries:
            return None
        found: tuple[Candidate, int] | None = self.rungs.promote()
        if found is None and self.proposed < self.candidates and not self.exhausted:
            if (candidate := self._new_candidate()) is not None:
                found = (candidate, 0)
            self.exhausted = candidate is None
        if found is None:
            return None
        self.jobs += 1
        return Job(self.jobs - 1, *found)

    def _new_candidate(self) -> Candidate | None:
        index = self.proposed
        rng = np.random.default_rng([self.seed, index])
        for attempt in range(TRIES):
            fresh = index < len(self.seeds) and attempt == 0
            found = Proposal(self.seeds[index]) if fresh else self.strategy.propose(index, rng)
            if found.genotype.hash not in self.hashes:
                self.proposed += 1
                self.hashes.add(found.genotype.hash)
                seed = candidate_seed(self.seed, found.genotype.hash)
                return Candidate(index, found.genotype, seed, found.parent)
        return None


def candidate_seed(run_seed: int, genotype_hash: str) -> int:
    """Training seed of a candidate: depends on the run and the network, not on the order."""
    digest = hashlib.sha256(f"{run_seed}:{genotype_hash}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % (2**31)
