#!/usr/bin/env python3
"""Writes tests/golden/optim/best.json: what transformers' Trainer and EarlyStoppingCallback make of sequences of
evaluations: the best metric and step, the patience counter, and whether training stops, after each of them.

    .venv/bin/python tests/peers/make-best.py
"""
import json
import math
import pathlib
import random
from types import SimpleNamespace

import transformers
from transformers import EarlyStoppingCallback, Trainer, TrainerControl, TrainerState
from transformers.trainer_utils import IntervalStrategy, SaveStrategy

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden" / "optim" / "best.json"


def follow(metric: str, patience: int, threshold: float, values: list[float]) -> list[dict]:
    args = SimpleNamespace(
        metric_for_best_model=metric,
        greater_is_better=not metric.endswith("loss"),
        save_strategy=SaveStrategy.STEPS,
        eval_strategy=IntervalStrategy.STEPS,
    )
    state, control = TrainerState(), TrainerControl()
    callback = EarlyStoppingCallback(patience, threshold)
    trainer = SimpleNamespace(args=args, state=state)
    name = metric if metric.startswith("eval_") else f"eval_{metric}"
    rows = []
    for index, value in enumerate(values):
        state.global_step = 10 * (index + 1)
        control.should_training_stop = False
        # As in Trainer._maybe_log_save_evaluate: the callback comes first.
        callback.on_evaluate(args, state, control, {name: value})
        Trainer._determine_best_metric(trainer, {name: value}, None)
        best = state.best_metric
        rows.append({
            "best_metric": None if math.isinf(best) else best,
            "best_global_step": state.best_global_step,
            "counter": callback.early_stopping_patience_counter,
            "stop": control.should_training_stop,
        })
    return rows


def main() -> None:
    generator = random.Random(7)
    cases = []
    for metric in ("eval_loss", "exact_match"):
        for patience, threshold in ((1, 0.0), (2, 0.0), (3, 0.05), (2, 0.25)):
            # Few different values, so that some are equal.
            values = [generator.randrange(12) / 8 for _ in range(14)]
            cases.append((metric, patience, threshold, values))
        cases.append((metric, 2, 0.0, [math.nan, math.nan, 0.5, math.nan, 0.5, 0.25, 0.75]))
    golden = [
        {
            "metric": metric,
            "patience": patience,
            "threshold": threshold,
            # JSON has no NaN.
            "values": [None if math.isnan(value) else value for value in values],
            "after": follow(metric, patience, threshold, values),
        }
        for metric, patience, threshold, values in cases
    ]
    lines = ",\n".join(json.dumps(case) for case in golden)
    GOLDEN.write_text(f'{{"transformers": "{transformers.__version__}", "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
