"""RoSearch as a scikit-learn estimator; its parts are in `rosearch.run.estimator`."""

from rosearch.run.estimator import RobustTextClassifier

__all__ = ["RobustTextClassifier"]
