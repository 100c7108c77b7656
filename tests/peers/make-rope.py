#!/usr/bin/env python3
"""Writes tests/golden/rope.json: rotary frequencies of transformers for every scaling that coxswain has.

Each entry holds what of config.json they depend on, in the spelling of transformers 4 or 5, and `inv_freq`
[head_dim / 2] and `attention_scaling` as the model's own rotary embedding computes them (in float32).

    .venv/bin/python tests/peers/make-rope.py
"""
import json
import pathlib

import transformers
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden"
BASE = {"model_type": "llama", "hidden_size": 256, "num_attention_heads": 4, "max_position_embeddings": 2048}


def v5(**rope):
    """As transformers 5 writes it."""
    return {"rope_parameters": rope}


def v4(theta, **scaling):
    """As transformers 4 wrote it."""
    return {"rope_theta": theta, "rope_scaling": scaling or None}


YARN = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 512}
CASES = {
    "default": v5(rope_type="default", rope_theta=10000.0),
    "default, version 4": v4(500000.0),
    "default, head_dim apart from hidden/heads": {**v5(rope_type="default", rope_theta=1e6), "head_dim": 128},
    "linear": v5(rope_type="linear", rope_theta=10000.0, factor=2.5),
    "linear, version 4 with `type`": v4(10000.0, type="linear", factor=8.0),
    "llama3, as Llama 3.1": v4(
        500000.0,
        rope_type="llama3",
        factor=8.0,
        low_freq_factor=1.0,
        high_freq_factor=4.0,
        original_max_position_embeddings=8192,
    )
    | {"head_dim": 128, "max_position_embeddings": 131072},
    "llama3, short original context": v5(
        rope_type="llama3",
        rope_theta=10000.0,
        factor=32.0,
        low_freq_factor=1.0,
        high_freq_factor=2.0,
        original_max_position_embeddings=64,
    ),
    "yarn": v5(**YARN),
    "yarn, as Qwen 2.5 with `type`": v4(1e6, type="yarn", factor=4.0, original_max_position_embeddings=32768)
    | {"head_dim": 128, "max_position_embeddings": 131072},
    "yarn, the original length left out": v4(10000.0, rope_type="yarn", factor=4.0),
    "yarn, attention_factor": v5(**YARN, attention_factor=0.75),
    "yarn, mscale and mscale_all_dim": v5(**YARN, mscale=1.0, mscale_all_dim=0.707),
    "yarn, mscale alone": v5(**YARN, mscale=0.5),
    "yarn, beta_fast and beta_slow": v5(**YARN, beta_fast=16.0, beta_slow=2.0),
    "yarn, truncate false": v5(**YARN, truncate=False),
    "yarn, factor 1": v5(**{**YARN, "factor": 1.0}),
    "yarn, very short original length": v5(**{**YARN, "original_max_position_embeddings": 6}),
}


def entry(name, rope):
    # A copy by way of JSON: transformers changes the dicts it is given.
    config = {**BASE, **rope}
    model_config = transformers.LlamaConfig(**json.loads(json.dumps(config)))
    embedding = LlamaRotaryEmbedding(model_config)
    return {
        "name": name,
        "config": config,
        "inv_freq": embedding.inv_freq.tolist(),
        "attention_scaling": embedding.attention_scaling,
    }


def main():
    cases = [entry(name, rope) for name, rope in CASES.items()]
    value = {"reference": f"transformers {transformers.__version__}, LlamaRotaryEmbedding", "cases": cases}
    (GOLDEN / "rope.json").write_text(json.dumps(value, indent=1) + "\n")
    for case in cases:
        print(f"{case['name']}: {case['attention_scaling']:.6f}, {case['inv_freq'][1]:.3e} … {case['inv_freq'][-1]:.3e}")


main()
