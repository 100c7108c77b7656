#!/usr/bin/env python3
"""Writes tests/golden/optim/{adamw,clip}.json: what torch's AdamW and clip_grad_norm_ do with awkward numbers.

Every float32 is written as the shortest decimal that reads back as exactly that value. Beside the float32 parameters
stand those of the same run in float64 (from the same float32 inputs): the truth that float32 rounds.

    .venv/bin/python tests/peers/make-optim.py
"""
import json
import pathlib

import torch

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden" / "optim"
SIZE, STEPS = 64, 10

CASES = [
    dict(name="defaults, no weight decay", learning_rate=[2e-4] * STEPS, weight_decay=0.0),
    dict(name="weight decay, a schedule that starts at zero", weight_decay=0.1,
         learning_rate=[0.0, 1e-3, 2e-3, 3e-3, 3e-3, 2.5e-3, 2e-3, 1.5e-3, 1e-3, 5e-4]),
    dict(name="other betas and epsilon", learning_rate=[5e-3] * STEPS, weight_decay=0.01,
         adam_beta1=0.8, adam_beta2=0.95, adam_epsilon=1e-6),
    dict(name="beta1 zero", learning_rate=[1e-3] * STEPS, weight_decay=0.0, adam_beta1=0.0),
]


def awkward(generator, smallest, largest):
    """Random signs, magnitudes spread evenly over the decades from `smallest` to `largest`; a few exact zeros."""
    exponents = torch.empty(SIZE, dtype=torch.float64).uniform_(smallest, largest, generator=generator)
    signs = torch.randint(0, 2, (SIZE,), generator=generator) * 2 - 1
    values = (signs * 10.0**exponents).float()
    values[torch.randint(0, SIZE, (3,), generator=generator)] = 0.0
    return values


def adamw(case, start, gradients, dtype):
    """The parameters after each step, and the last moments. [steps, 64], [64], [64]"""
    parameter = torch.nn.Parameter(start.to(dtype).clone())
    optimizer = torch.optim.AdamW(
        [parameter],
        betas=(case["adam_beta1"], case["adam_beta2"]),
        eps=case["adam_epsilon"],
        weight_decay=case["weight_decay"],
        foreach=False,
        fused=False,
    )
    history = []
    for rate, gradient in zip(case["learning_rate"], gradients, strict=True):
        optimizer.param_groups[0]["lr"] = rate
        parameter.grad = gradient.to(dtype).clone()
        optimizer.step()
        history.append(parameter.detach().tolist())
    state = optimizer.state[parameter]
    return history, state["exp_avg"].tolist(), state["exp_avg_sq"].tolist()


def adamw_case(case, seed):
    case = {"adam_beta1": 0.9, "adam_beta2": 0.999, "adam_epsilon": 1e-8, **case}
    generator = torch.Generator().manual_seed(seed)
    start = awkward(generator, -10, 3)
    scale = awkward(generator, -24, 4)
    # Each parameter has its own magnitude of gradient, so that its moments are not ruled by one step.
    gradients = [(scale * torch.randn(SIZE, generator=generator)).float() for _ in range(STEPS)]
    history, first, second = adamw(case, start, gradients, torch.float32)
    exact, _, _ = adamw(case, start, gradients, torch.float64)
    return {
        **case,
        "start": start.tolist(),
        "gradients": [gradient.tolist() for gradient in gradients],
        "parameters": history,
        "exp_avg": first,
        "exp_avg_sq": second,
        "parameters_float64": exact,
    }


def clip_case(max_norm, tensors):
    parameters = [torch.nn.Parameter(torch.zeros(len(values), dtype=torch.float64)) for values in tensors]
    for parameter, values in zip(parameters, tensors, strict=True):
        parameter.grad = torch.tensor(values, dtype=torch.float64)
    norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    return {
        "max_grad_norm": max_norm,
        "gradients": tensors,
        "grad_norm": norm.item(),
        "clipped": [parameter.grad.tolist() for parameter in parameters],
    }


def main():
    GOLDEN.mkdir(parents=True, exist_ok=True)
    reference = f"torch {torch.__version__}"
    cases = [adamw_case(case, seed) for seed, case in enumerate(CASES)]
    write("adamw.json", {"reference": f"{reference}, AdamW(foreach=False, fused=False)", "cases": cases})
    clips = [
        clip_case(1.0, [[3.0, 4.0], [12.0]]),  # norm 13: clipped
        clip_case(1.0, [[0.3, -0.4], [0.0]]),  # norm 0.5: left alone
        clip_case(0.5, [[0.3, -0.4], [0.0]]),  # norm equal to the limit: torch's 1e-6 still shrinks it
        clip_case(0.05, [[1e-3, 2e-3, -2e-3], [4e2]]),
        clip_case(1.0, [[0.0, 0.0], [0.0]]),
        clip_case(1.0, [[1e-30, 1e-25], [3e-28]]),
    ]
    write("clip.json", {"reference": f"{reference}, clip_grad_norm_, float64", "cases": clips})


def write(name, value):
    (GOLDEN / name).write_text(json.dumps(value, separators=(",", ":"), allow_nan=False) + "\n")


main()
