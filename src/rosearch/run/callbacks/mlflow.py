"""MLflow: one MLflow run a search.

`MLFLOW_TRACKING_URI` says where it goes; without it, into the SQLite file `mlflow.db` next to the
run folder, so that all searches of one folder are together:
`mlflow ui --backend-store-uri sqlite:///runs/mlflow.db`.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rosearch import __version__
from rosearch.config import RunConfig
from rosearch.errors import require
from rosearch.io.files import write_text
from rosearch.results.folder import RunFolder
from rosearch.results.summary import Summary
from rosearch.run.callbacks.tracking import Tracker, flat
from rosearch.types import Json

EXPERIMENT = "rosearch"
LINK = "mlflow.json"  # in the run folder: which MLflow run is its own
LONGEST = 500  # characters of a parameter; some servers take no more
MOST = 100  # parameters of one call


class MLflow(Tracker):
    """Writes parameters, metrics, tags and, in the end, the report.

    Raises:
        MissingExtra: MLflow is not installed.
    """

    name = "mlflow"
    trace = LINK

    def __init__(self) -> None:
        super().__init__()
        # A search that asks for a local file should not tell a third party about itself.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        self.mlflow = require("mlflow", "mlflow")
        if not self.mlflow.is_tracking_uri_set():
            require("alembic", "mlflow")  # what MLflow keeps a local file with
            require("sqlalchemy", "mlflow")
        self.folder = Path()
        self.client: Any = None
        self.run = ""

    def open(self, config: RunConfig, folder: Path) -> None:
        logging.getLogger("mlflow").setLevel(logging.WARNING)  # else it tells of its tables
        logging.getLogger("alembic").setLevel(logging.WARNING)
        self.folder = folder.resolve()
        link = self._link()
        uri = link.get("tracking_uri") or self._uri()
        self.client = self.mlflow.MlflowClient(tracking_uri=uri)
        self.run = str(link.get("run_id", "")) or self._new_run(config)
        write_text(self.folder / LINK, json.dumps({"tracking_uri": uri, "run_id": self.run}) + "\n")
        self.client.update_run(self.run, status="RUNNING")

    def read(self, name: str) -> dict[int, float]:
        return {m.step: m.value for m in self.client.get_metric_history(self.run, name)}

    def write(self, values: Mapping[str, float], step: int) -> None:
        now = int(1000 * time.time())
        metric = self.mlflow.entities.Metric
        self.client.log_batch(
            self.run, metrics=[metric(name, value, now, step) for name, value in values.items()]
        )

    def close(self, summary: Summary) -> None:
        best = summary.best.id if summary.best else "none"
        self.client.set_tag(self.run, "rosearch.best", best)
        run = RunFolder(self.folder)
        for file in (run.config, run.summary, run.report):
            if file.is_file():
                self.client.log_artifact(self.run, str(file))
        self.client.set_terminated(self.run)

    def stopped(self) -> None:
        if self.run:
            self.client.set_terminated(self.run, status="KILLED")

    def _link(self) -> Json:
        try:
            found = json.loads((self.folder / LINK).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return dict(found)

    def _uri(self) -> str:
        if self.mlflow.is_tracking_uri_set():
            return str(self.mlflow.get_tracking_uri())
        return f"sqlite:///{self.folder.parent / 'mlflow.db'}"

    def _new_run(self, config: RunConfig) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
        found = self.client.get_experiment_by_name(name)
        if found is not None:
            experiment = found.experiment_id
        else:
            local = None  # a server has a place of its own
            if not self.mlflow.is_tracking_uri_set():
                local = (self.folder.parent / "mlartifacts").as_uri()
            experiment = self.client.create_experiment(name, artifact_location=local)
        tags = {
            "rosearch.version": __version__,
            "rosearch.folder": str(self.folder),
            "rosearch.teacher": config.teacher.name,
        }
        run = self.client.create_run(experiment, tags=tags, run_name=self.folder.name).info.run_id
        param = self.mlflow.entities.Param
        params = [param(name, value[:LONGEST]) for name, value in flat(config).items()]
        for start in range(0, len(params), MOST):
            self.client.log_batch(run, params=params[start : start + MOST])
        return str(run)
