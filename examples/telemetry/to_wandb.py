"""Logs a run to Weights & Biases (pip install wandb): telemetry.exec: python to_wandb.py"""

import json
import os
import sys

import wandb

run = wandb.init(
    project=os.environ.get("WANDB_PROJECT", "coxswain"),
    name=os.environ["COXSWAIN_RUN"],
    # The same run after --resume.
    id=os.environ["COXSWAIN_RUN"],
    resume="allow",
    config={"model": os.environ["COXSWAIN_MODEL"], "output_dir": os.environ["COXSWAIN_OUTPUT_DIR"]},
)
run.define_metric("*", step_metric="step")
for line in sys.stdin:
    run.log(json.loads(line))
run.finish()
