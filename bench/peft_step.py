#!/usr/bin/env python3
"""A LoRA training step by torch + PEFT on a CPU: tokens a second and peak memory, as one line of JSON.

    tests/peers/setup.sh
    .venv/bin/python bench/peft_step.py --model ~/.cache/coxswain/models/smollm2-135m-instruct \
        [--rows 4 --length 256] [--dtype float32|bfloat16] [--threads 2] [--supervised 0.33] [--data tokens.jsonl]

A step is forward, backward, clipping and AdamW on all linear layers (r 16), as transformers' Trainer does it, without
its data loading and logging. `gemm_gflops` is the rate of a float32 matrix product of this model's MLP shape by the
same library with the same threads, measured right before and after the steps (the better of the two).
"""
import argparse
import json
import os
import random
import statistics
import time


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="Hugging Face model folder")
    parser.add_argument("--rows", type=int, default=4)
    parser.add_argument("--length", type=int, default=256, help="tokens a row")
    parser.add_argument("--data", help="tokens-format file for the rows; random tokens without it")
    parser.add_argument("--supervised", type=float, default=1.0, help="share of each row that is supervised, at its end")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--steps", type=int, default=5, help="timed steps")
    parser.add_argument("--warmup", type=int, default=2, help="steps before them")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--gradient-checkpointing", action="store_true")
    return parser.parse_args()


arguments = read_arguments()
# Before torch is imported: its OpenMP reads it once.
os.environ["OMP_NUM_THREADS"] = str(arguments.threads)

import torch  # noqa: E402
import transformers  # noqa: E402
from peft import LoraConfig, get_peft_model  # noqa: E402


def peak_rss_bytes():
    """The most memory this process has ever had resident."""
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    raise SystemExit("/proc/self/status has no VmHWM: this benchmark needs Linux")


def gemm_gflops(config, rows):
    """[rows, hidden] x [hidden, intermediate] in float32: the best of several, 1e9 floating-point operations a second."""
    left = torch.randn(rows, config.hidden_size)
    right = torch.randn(config.hidden_size, config.intermediate_size)
    best = float("inf")
    with torch.no_grad():
        for _ in range(30):
            start = time.perf_counter()
            torch.mm(left, right)
            best = min(best, time.perf_counter() - start)
    return 2 * rows * config.hidden_size * config.intermediate_size / best / 1e9


def make_rows(vocabulary):
    """(input_ids, labels), both [rows, length]"""
    if arguments.data:
        with open(arguments.data) as file:
            stream = [id for line in file for id in json.loads(line)["input_ids"]]
    else:
        chance = random.Random(0)
        stream = [chance.randrange(vocabulary) for _ in range(arguments.rows * arguments.length)]
    wanted = arguments.rows * arguments.length
    if len(stream) < wanted:
        raise SystemExit(f"{arguments.data} has {len(stream)} tokens, {wanted} are needed")
    ids = torch.tensor(stream[:wanted]).view(arguments.rows, arguments.length)
    labels = ids.clone()
    labels[:, : round(arguments.length * (1 - arguments.supervised))] = -100
    return ids, labels


def load():
    dtype = getattr(torch, arguments.dtype)
    base = transformers.AutoModelForCausalLM.from_pretrained(arguments.model, dtype=dtype)
    settings = LoraConfig(
        r=arguments.rank, lora_alpha=2 * arguments.rank, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    model = get_peft_model(base, settings)
    if arguments.gradient_checkpointing:
        model.enable_input_require_grads()
        model.gradient_checkpointing_enable()
    return model.train()


def step(model, parameters, optimizer, ids, labels):
    """One optimiser step; its loss, seconds and processor seconds (of all threads)."""
    start, start_cpu = time.perf_counter(), time.process_time()
    loss = model(input_ids=ids, labels=labels, use_cache=False).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    optimizer.step()
    optimizer.zero_grad()
    return loss.item(), time.perf_counter() - start, time.process_time() - start_cpu


def main():
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    transformers.utils.logging.disable_progress_bar()
    model = load()
    ids, labels = make_rows(model.config.vocab_size)
    parameters = [value for value in model.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=2e-4, weight_decay=0.0)
    before = gemm_gflops(model.config, ids.numel())
    results = [step(model, parameters, optimizer, ids, labels) for _ in range(arguments.warmup + arguments.steps)]
    peak = peak_rss_bytes()
    timed = results[arguments.warmup :]
    seconds = [wall for _, wall, _ in timed]
    print(
        json.dumps(
            {
                "engine": "peft",
                "dtype": arguments.dtype,
                "rows": arguments.rows,
                "length": arguments.length,
                "supervised_tokens": int((labels[:, 1:] != -100).sum()),
                "threads": arguments.threads,
                "tokens_per_second": ids.numel() / statistics.median(seconds),
                "peak_rss_bytes": peak,
                "step_seconds": seconds,
                "step_cpu_seconds": [cpu for _, _, cpu in timed],
                "gemm_gflops": max(before, gemm_gflops(model.config, ids.numel())),
                "losses": [loss for loss, _, _ in results],
                "trainable_parameters": sum(value.numel() for value in parameters),
                "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
            }
        )
    )


main()
