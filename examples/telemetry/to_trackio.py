"""Logs a run to Trackio (pip install trackio; `trackio show`): telemetry.exec: python to_trackio.py"""

import json
import os
import sys

import trackio

trackio.init(
    project=os.environ.get("TRACKIO_PROJECT", "coxswain"),
    name=os.environ["COXSWAIN_RUN"],
    config={"model": os.environ["COXSWAIN_MODEL"]},
    resume="allow",
)
for text in sys.stdin:
    line = json.loads(text)
    trackio.log(line, step=line.pop("step"))
trackio.finish()
