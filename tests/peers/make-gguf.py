#!/usr/bin/env python3
"""Writes tests/golden/gguf.json: what llama.cpp's converter makes of the golden adapters, as gguf-py reads it.

    .venv/bin/pip install gguf==0.19.0
    .venv/bin/python tests/peers/make-gguf.py LLAMA_CPP_FOLDER [check]

LLAMA_CPP_FOLDER has convert_lora_to_gguf.py (it is also in the source package of llama-cpp-python, under vendor/). Two
known faults of the converter are corrected here, since the files would compute something else than PEFT:
alpha of rsLoRA adapters (llama.cpp scales by alpha / r), and A and B of GPT-2 (which it transposes as if they were weights).
"""
import hashlib
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile

import gguf
import numpy

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden"
CASES = ["llama", "qwen2", "qwen3", "mistral-sliding", "phi3", "gemma2-packed", "gemma3", "gpt2-packed"]
TYPES = {"float32": "f32", "float16": "f16", "bfloat16": "bf16"}


def convert(llama_cpp, case, outtype, out):
    script = pathlib.Path(llama_cpp) / "convert_lora_to_gguf.py"
    command = [sys.executable, str(script), "--base", str(GOLDEN / case / "model"), "--outtype", outtype]
    command += ["--outfile", str(out), str(GOLDEN / case / "expected_adapter")]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ})


def swapped_gpt2(tensors):
    """lora_a becomes the transposed lora_b, and the other way round."""
    other = {"a": "b", "b": "a"}
    return {name[:-1] + other[name[-1]]: (kind, numpy.ascontiguousarray(data.T)) for name, (kind, data) in tensors.items()}


def described(case, path):
    config = json.loads((GOLDEN / case / "expected_adapter" / "adapter_config.json").read_text())
    reader = gguf.GGUFReader(path)
    metadata = {key: field.contents() for key, field in reader.fields.items() if not key.startswith("GGUF.")}
    del metadata["general.name"]
    if config["use_rslora"]:
        metadata["adapter.lora.alpha"] = config["lora_alpha"] * math.sqrt(config["r"])
    tensors = {}
    for tensor in reader.tensors:
        shape = [int(size) for size in reversed(tensor.shape)]
        kind = tensor.tensor_type.name
        data = tensor.data.view(numpy.uint16).reshape(shape) if kind == "BF16" else tensor.data.reshape(shape)
        tensors[tensor.name] = (kind, data)
    if case.startswith("gpt2"):
        tensors = swapped_gpt2(tensors)
    return {
        "metadata": metadata,
        "tensors": {
            name: {
                "type": kind,
                "shape": [int(size) for size in reversed(data.shape)],
                "sha256": hashlib.sha256(data.tobytes()).hexdigest(),
            }
            for name, (kind, data) in sorted(tensors.items())
        },
    }


def main():
    llama_cpp, *check = sys.argv[1:]
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            for dtype, outtype in TYPES.items():
                path = pathlib.Path(folder) / f"{case}-{outtype}.gguf"
                convert(llama_cpp, case, outtype, path)
                results[f"{case} {dtype}"] = described(case, path)
    text = json.dumps(results, indent=1, sort_keys=True) + "\n"
    target = GOLDEN / "gguf.json"
    if check:
        sys.exit(0 if target.read_text() == text else f"{target} differs")
    target.write_text(text)


main()
