"""Logs a run to MLflow (pip install mlflow; MLFLOW_TRACKING_URI): telemetry.exec: python to_mlflow.py"""

import json
import os
import sys

import mlflow

mlflow.set_experiment(os.environ.get("MLFLOW_EXPERIMENT_NAME", "coxswain"))
with mlflow.start_run(run_name=os.environ["COXSWAIN_RUN"]):
    mlflow.log_param("model", os.environ["COXSWAIN_MODEL"])
    mlflow.log_param("start_step", os.environ["COXSWAIN_START_STEP"])
    for text in sys.stdin:
        line = json.loads(text)
        step = line.pop("step")
        mlflow.log_metrics({name: value for name, value in line.items() if value is not None}, step=step)
