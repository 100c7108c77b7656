"""Does TensorBoard read what a run recorded? Compares `tensorboard/` of an output folder with its metrics.jsonl.

    pip install tensorboard==2.21.0
    .venv/bin/python tests/peers/check-tensorboard.py runs/my-run
"""

import json
import sys
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

folder = Path(sys.argv[1])
accumulator = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0, "tensors": 0})
accumulator.Reload()
lines = [json.loads(line) for line in (folder / "metrics.jsonl").open()]
tags = {"loss": "train/loss", "grad_norm": "train/grad_norm", "learning_rate": "train/learning_rate", "eval_loss": "eval/loss"}
wrong = 0
for name, tag in tags.items():
    expected = {line["step"]: line[name] for line in lines if name in line}
    if not expected:
        continue
    read = [(event.step, event.value) for event in accumulator.Scalars(tag)]
    same = [step for step, _ in read] == sorted(expected) and all(
        abs(value - expected[step]) <= 1e-6 * max(1, abs(expected[step])) for step, value in read
    )
    wrong += not same
    print(f"{tag}: {len(read)} values, {'as recorded' if same else 'NOT as recorded'}")
print(f"text: {accumulator.Tags()['tensors']}")
sys.exit(1 if wrong else 0)
