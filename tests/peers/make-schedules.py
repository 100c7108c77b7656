#!/usr/bin/env python3
"""Writes tests/golden/optim/schedules.json: what transformers' schedulers do with the options that
tests/golden/text/schedules.json leaves out, and with warm-ups as long as the run.

    .venv/bin/python tests/peers/make-schedules.py
"""
import json
import pathlib

import torch
import transformers

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden" / "optim" / "schedules.json"

# type, options, learning rate, warm-up steps, steps
CASES = [
    ("linear", {}, 2e-4, 12, 12),
    ("linear", {}, 2e-4, 20, 12),
    ("cosine", {"num_cycles": 1.5}, 3e-4, 3, 40),
    ("cosine", {}, 3e-4, 9, 9),
    ("cosine", {}, 3e-4, 0, 1),
    ("constant_with_warmup", {}, 3e-4, 20, 12),
    ("cosine_with_restarts", {}, 3e-4, 3, 40),
    ("cosine_with_restarts", {"num_cycles": 7}, 3e-4, 1, 40),
    ("cosine_with_min_lr", {"min_lr": 1e-5, "num_cycles": 0.75}, 3e-4, 3, 40),
    ("cosine_with_min_lr", {"min_lr": 0.0}, 3e-4, 3, 40),
    ("cosine_with_min_lr", {"min_lr": 1e-3}, 3e-4, 3, 40),
    ("polynomial", {}, 5e-5, 3, 40),
    ("polynomial", {"power": 0.5, "lr_end": 0.0}, 5e-5, 3, 40),
    ("polynomial", {"power": 3, "lr_end": 1e-5}, 5e-5, 12, 12),
    ("inverse_sqrt", {}, 1e-3, 0, 40),
    ("inverse_sqrt", {"timescale": 17}, 1e-3, 5, 40),
    ("inverse_sqrt", {"timescale": 2}, 1e-3, 5, 40),
    ("warmup_stable_decay", {"num_decay_steps": 10}, 1e-3, 5, 40),
    ("warmup_stable_decay", {"num_decay_steps": 10, "num_stable_steps": 12}, 1e-3, 5, 40),
    ("warmup_stable_decay", {"num_decay_steps": 0}, 1e-3, 5, 40),
    ("warmup_stable_decay", {"num_decay_steps": 30}, 1e-3, 10, 20),
    ("warmup_stable_decay", {"num_decay_steps": 10, "decay_type": "linear", "warmup_type": "cosine"}, 1e-3, 8, 40),
    ("warmup_stable_decay", {"num_decay_steps": 15, "decay_type": "1-sqrt", "warmup_type": "1-sqrt",
                             "min_lr_ratio": 0.1}, 1e-3, 8, 40),
    ("warmup_stable_decay", {"num_decay_steps": 15, "num_cycles": 2.0, "min_lr_ratio": 0.25}, 1e-3, 0, 40),
]


def values(name, options, learning_rate, warmup_steps, max_steps):
    """The learning rate that each step is made with."""
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=learning_rate)
    scheduler = transformers.get_scheduler(
        name, optimizer, warmup_steps, max_steps, scheduler_specific_kwargs=dict(options)
    )
    used = []
    for step in range(max_steps):
        used.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        # Not after the last: a polynomial without steps to decay in would divide by zero.
        if step + 1 < max_steps:
            scheduler.step()
    return used


def main():
    cases = [
        dict(lr_scheduler_type=name, lr_scheduler_kwargs=options, learning_rate=rate, warmup_steps=warmup,
             max_steps=steps, values=values(name, options, rate, warmup, steps))
        for name, options, rate, warmup, steps in CASES
    ]
    text = json.dumps({"reference": f"transformers {transformers.__version__}", "cases": cases}, separators=(",", ":"))
    GOLDEN.write_text(text + "\n")


main()
