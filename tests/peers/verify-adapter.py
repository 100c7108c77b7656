#!/usr/bin/env python3
"""Does PEFT see what coxswain saw? Loads an adapter folder with PEFT and prints its loss as one line of JSON.

    .venv/bin/python tests/peers/verify-adapter.py --model M --adapter DIR --data tokens.jsonl \
        [--expect LOSS] [--merged DIR] [--dtype float64] [--quantization nf4]

`--data` is in `tokens` format ({"input_ids", "labels"} a line, as `coxswain preview --json` prints it). The loss is the
mean over all supervised tokens of the file, each example run alone; with `--quantization nf4` on a base model whose
linear layers bitsandbytes rounded, as in a run with that setting. `--merged` compares every tensor of a merged
folder with PEFT's merge_and_unload. Exit status 1 where something that was asked about does not agree.
"""
import argparse
import json
import math
import pathlib
import sys

import peft
import torch
import transformers
from safetensors.torch import load_file

import reference


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="base model folder")
    parser.add_argument("--adapter", required=True, help="adapter folder")
    parser.add_argument("--data", help="examples in tokens format")
    parser.add_argument("--expect", type=float, help="the loss that it must have")
    parser.add_argument("--tolerance", type=float, default=1e-4, help="relative, for --expect (default: 1e-4)")
    parser.add_argument("--merged", help="merged model folder to compare with")
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float64")
    parser.add_argument("--quantization", choices=["nf4"], help="of the base model, for the loss")
    parser.add_argument("--limit", type=int, help="examples to use, from the start")
    arguments = parser.parse_args()
    if arguments.expect is not None and not arguments.data:
        parser.error("--expect needs --data")
    return arguments


def adapter_keys(model, folder):
    """Tensors that PEFT expects and does not find, and those it finds and ignores. (PEFT itself only warns.)"""
    wanted = set(peft.get_peft_model_state_dict(model))
    found = set(load_file(pathlib.Path(folder) / "adapter_model.safetensors"))
    return sorted(wanted - found), sorted(found - wanted)


def mean_loss(model, examples):
    tokens = sum(reference.supervised(labels) for _, labels in examples)
    with torch.no_grad():
        total = sum(reference.loss_sum(model, ids, labels).item() for ids, labels in examples)
    return total / tokens, tokens


def folder_tensors(folder):
    """Every tensor of a model folder, sharded or not."""
    folder = pathlib.Path(folder)
    index = folder / "model.safetensors.index.json"
    files = {"model.safetensors"}
    if index.exists():
        files = set(json.loads(index.read_text())["weight_map"].values())
    return {name: value for file in sorted(files) for name, value in load_file(folder / file).items()}


def compare_merged(model, base_folder, merged_folder):
    """
    Differences between PEFT's merged weights and a merged folder's. `beyond_rounding` counts values further apart than
    one unit in the last place of the type that the folder stores.
    """
    ours = folder_tensors(merged_folder)
    names = set(folder_tensors(base_folder))
    merged = model.merge_and_unload()
    peers = merged.state_dict()
    # Early GPT-2 files leave out what all of their names begin with.
    prefix = merged.base_model_prefix + "."
    largest, beyond, changed = 0.0, 0, 0
    for name in sorted(names & set(ours)):
        stored, exact = ours[name].double(), (peers[name] if name in peers else peers[prefix + name]).double()
        if stored.shape != exact.shape:
            return {"agrees": False, "shape_of": name}
        difference = (stored - exact).abs()
        unit = torch.finfo(ours[name].dtype).eps * torch.maximum(stored.abs(), exact.abs())
        largest = max(largest, difference.max().item())
        beyond += (difference > unit + 1e-7).sum().item()
        changed += 1
    missing, extra = sorted(names - set(ours)), sorted(set(ours) - names)
    return {
        "agrees": beyond == 0 and not missing and not extra,
        "tensors": changed,
        "max_abs_difference": largest,
        "beyond_rounding": beyond,
        "missing": missing,
        "extra": extra,
    }


def check_loss(report, model, arguments, examples):
    loss, tokens = mean_loss(model, examples)
    with model.disable_adapter():
        base_loss, _ = mean_loss(model, examples)
    report.update(loss=loss, base_loss=base_loss, supervised_tokens=tokens, examples=len(examples))
    if arguments.expect is None:
        return True
    report["expected"] = arguments.expect
    report["relative_difference"] = abs(loss - arguments.expect) / abs(loss)
    # Not "greater than": NaN must fail.
    return math.isfinite(loss) and report["relative_difference"] <= arguments.tolerance


def main():
    arguments = read_arguments()
    transformers.utils.logging.disable_progress_bar()
    dtype = getattr(torch, arguments.dtype)
    folders, quantization = (arguments.model, arguments.adapter), arguments.quantization
    model = reference.load_adapted(*folders, dtype, trainable=False, quantization=quantization)
    missing, ignored = adapter_keys(model, arguments.adapter)
    report = {"adapter": arguments.adapter, "peft": peft.__version__, "missing_keys": missing, "ignored_keys": ignored}
    good = not missing and not ignored
    if arguments.data:
        examples = reference.read_tokens(arguments.data)[: arguments.limit]
        good &= check_loss(report, model, arguments, examples)
    if arguments.merged:
        if quantization is not None:  # merges are into the weights as they are
            model = reference.load_adapted(*folders, dtype, trainable=False)
        report["merged"] = compare_merged(model, arguments.model, arguments.merged)
        good &= report["merged"]["agrees"]
    report["agrees"] = good
    print(json.dumps(report))
    sys.exit(0 if good else 1)


main()
