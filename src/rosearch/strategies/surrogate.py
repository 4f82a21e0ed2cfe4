"""Model-based search: a Gaussian process proposes what should widen the front most for its cost."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from threadpoolctl import ThreadpoolController

from rosearch.objectives import is_nondominated, points, reference_point
from rosearch.space.cost import Sizes, work
from rosearch.space.genotype import Genotype
from rosearch.space.variation import Space, crossover, mutate, sample
from rosearch.space.vector import vector
from rosearch.strategies.base import Proposal, StrategyConfig
from rosearch.strategies.gaussian_process import GaussianProcess, Settings
from rosearch.strategies.improvement import expected_improvement
from rosearch.strategies.local import Local
from rosearch.types import Trial

FIRST = 5  # candidates before the first that the model chooses
MOST = 200  # results that the model knows: its time grows with the cube of them
POOL = 128  # genotypes that it chooses from
RANDOM = 0.25  # share of these that are drawn from the whole space
TWO_PARENTS = 0.25  # share that have two parents
ANEW = 1.2  # growth of the results after which hyperparameters are looked for anew


class Surrogate:
    """A process for each objective that is measured; those told by the genotype are known.

    Bayesian optimisation with the expected hypervolume improvement per cost (Emmerich et al. 2006;
    Snoek et al. 2012, section 3.2), over a pool of varied members of the front and random genotypes
    instead of the whole space, as White et al. 2021 (BANANAS) do. The front is that of the
    process's means, so that a lucky measurement is no goal, and volume counts from the accuracy on
    that a user would ship, so that the goal is what finalists are chosen from. Results of lower
    rungs count by how well they go with those of the last one (`GaussianProcess`).
    """

    name = "surrogate"

    def __init__(self, space: Space, config: StrategyConfig) -> None:
        self.space = space
        self.config = config
        self.local = Local(space, config)
        self.results: dict[tuple[str, int], Trial] = {}  # in the order in which they were learned
        self.vectors: dict[str, np.ndarray] = {}
        self.learned = 0
        self._model: _Model | None = None
        self._settings: tuple[int, tuple[Settings, ...]] = (0, ())

    def learn(self, trial: Trial) -> None:
        self.local.learn(trial)
        if trial.score is None:
            return
        self.learned += 1
        key = trial.candidate.id
        self.results[key, trial.rung] = trial
        self.vectors.setdefault(key, vector(trial.candidate.genotype, self.space))
        if len(self.results) > MOST:
            del self.results[next(iter(self.results))]
            kept = {name for name, _ in self.results}
            self.vectors = {name: v for name, v in self.vectors.items() if name in kept}
        self._model = None

    def propose(self, index: int, rng: np.random.Generator) -> Proposal:
        if index < FIRST or len(self.results) < FIRST:
            return Proposal(sample(self.space, rng))
        pool = self._pool(rng)
        known = {name for name, _ in self.results}
        pool = [found for found in pool if found.genotype.hash not in known] or pool
        # Matrices are small, and the workers have the cores: threads would wait for each other.
        with _linear_algebra().limit(limits=1, user_api="blas"):
            gain = self._known_model().gain([found.genotype for found in pool], self.space)
        # Rounded: the last digits depend on the machine's linear algebra, the choice must not.
        return pool[int(np.log(gain + 1e-300).round(6).argmax())]

    def _pool(self, rng: np.random.Generator) -> list[Proposal]:
        fronts = self.local.fronts
        parents = [t.candidate.genotype for rung in sorted(fronts) for t in fronts[rung]]

        def varied() -> Proposal:
            first = parents[int(rng.integers(len(parents)))]
            if rng.random() < TWO_PARENTS:
                second = parents[int(rng.integers(len(parents)))]
                return Proposal(crossover(first, second, self.space, rng), first.hash)
            child = mutate(first, self.space, rng)
            while rng.random() < 0.5:
                child = mutate(child, self.space, rng)
            return Proposal(child, first.hash)

        drawn = round(RANDOM * POOL) if parents else POOL
        random = [Proposal(sample(self.space, rng)) for _ in range(drawn)]
        return [*random, *(varied() for _ in range(POOL - drawn))]

    def _known_model(self) -> _Model:
        if self._model is None:
            since, settings = self._settings
            again = self.learned >= ANEW * since
            known = () if again else settings
            self._model = _Model(self.results, self.vectors, self.config, known)
            if again:
                self._settings = (self.learned, self._model.settings)
        return self._model


@cache
def _linear_algebra() -> ThreadpoolController:
    """Of NumPy and SciPy, looked up once: that takes milliseconds."""
    return ThreadpoolController()


class _Model:
    """The processes, and the front that they see.

    Columns of values are the measured objectives, then the exact ones, each in their order.
    """

    def __init__(
        self,
        results: dict[tuple[str, int], Trial],
        vectors: dict[str, np.ndarray],
        config: StrategyConfig,
        settings: Sequence[Settings],
    ) -> None:
        trials = list(results.values())
        rungs = np.array([t.rung for t in trials])
        known = np.array([vectors[t.candidate.id] for t in trials])
        self.measured = [o for o in config.objectives if o.exact is None]
        self.exact = [o for o in config.objectives if o.exact is not None]
        values = points(trials, ordered := [*self.measured, *self.exact])
        chance = reference_point(values, ordered, config.chance_accuracy)
        for k, objective in enumerate(ordered):
            if objective.reference is not None:  # below chance a student knows nothing, anyhow
                values[:, k] = np.maximum(values[:, k], chance[k])
        worth = max(config.chance_accuracy, config.floor)
        self.reference = reference_point(values, ordered, worth)
        chosen = settings or (None,) * len(self.measured)
        self.processes = tuple(
            GaussianProcess(known, rungs, values[:, k], chosen[k])
            for k in range(len(self.measured))
        )
        self.settings = tuple(process.settings for process in self.processes)
        self.top = int(rungs.max())
        full = rungs == self.top
        means, _ = self.predict(known[full])
        seen = np.column_stack([means, values[full, len(self.measured) :]])
        self.front = seen[is_nondominated(seen)]

    def predict(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Means (M, measured) and standard deviations (M, measured) on the last rung."""
        found = [process.predict(vectors, self.top) for process in self.processes]
        if not found:
            return np.zeros((len(vectors), 0)), np.zeros((len(vectors), 0))
        return np.stack([f[0] for f in found], 1), np.stack([f[1] for f in found], 1)

    def gain(self, genotypes: Sequence[Genotype], space: Space) -> np.ndarray:
        """Expected growth of the volume (M,) per expected cost."""
        vectors = np.array([vector(g, space) for g in genotypes])
        exact = np.array([self._exact(g, space.sizes) for g in genotypes])
        cost = np.array([work(g, space.sizes) for g in genotypes])
        return (
            expected_improvement(self.front, self.reference, *self.predict(vectors), exact) / cost
        )

    def _exact(self, genotype: Genotype, sizes: Sizes) -> list[float]:
        return [o.sign * o.exact(genotype, sizes) for o in self.exact if o.exact]
