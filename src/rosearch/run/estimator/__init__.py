"""A search as a scikit-learn estimator, which `rosearch.sklearn` offers. Needs that extra."""

from rosearch.errors import require

require("sklearn", "sklearn")

from rosearch.run.estimator.classifier import RobustTextClassifier  # noqa: E402  (needs that)

__all__ = ["RobustTextClassifier"]
