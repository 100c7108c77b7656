#!/usr/bin/env python3
"""Makes tests/golden/nf4/reference.safetensors: what bitsandbytes' CPU kernels make of awkward weights.

    .venv/bin/python tests/peers/make-nf4.py

Of each case NAME the file has, by bitsandbytes' `quantize_4bit(quant_type="nf4", compress_statistics=True)`:
NAME.weight (as stored: f32, f16 or bf16), NAME.codes (one a byte, unpacked, in order), NAME.raw_absmax (before it is
quantised), NAME.absmax (8 bits), NAME.nested_absmax, NAME.offset and NAME.dequantized (f32).
"""
import pathlib

import numpy
import torch
from bitsandbytes import functional
from safetensors.torch import save_file

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "nf4"


def nf4_midpoints():
    values = functional.get_4bit_type("nf4", device="cpu")
    return (values[:-1] + values[1:]) / 2


def around(values):
    """Each value, the number before and the number after it."""
    array = values.numpy()
    up, down = numpy.float32(numpy.inf), numpy.float32(-numpy.inf)
    return torch.from_numpy(numpy.concatenate([array, numpy.nextafter(array, up), numpy.nextafter(array, down)]))


def blocks_with_ties():
    """Midpoints between neighbouring values and the numbers beside them, in blocks whose absmax is a power of two."""
    pieces = around(nf4_midpoints())
    blocks = []
    for scale in (1.0, 0.25, 2.0**-20):
        block = torch.zeros(64)
        block[:45], block[45] = pieces * scale, scale
        blocks.append(block)
        # An absmax that is no power of two: products round.
        block = block * 0.7
        blocks.append(block)
    return torch.cat(blocks)


def cases():
    generator = torch.Generator().manual_seed(4)
    normal = lambda *shape: torch.randn(*shape, generator=generator)
    awkward = normal(8, 64) * 0.02
    awkward[0] = 0
    awkward[1] = 1e-40
    awkward[1, ::3] = -3e-42
    awkward[2, 5] = 3e38
    awkward[3] = -awkward[3].abs()
    awkward[4] = 0.5
    awkward[5, 1:] = 0
    awkward[6] *= 1e-37
    awkward[7, ::2] = -0.0
    return {
        "ties": blocks_with_ties(),
        "awkward": awkward,
        "small-matrix": normal(5, 26) * 0.05,
        "odd-columns": normal(7, 9),
        "one-block": normal(64) * 0.1,
        "one-short-block": normal(6),
        "short-block-of-zeros": torch.cat([normal(64), torch.zeros(10)]),
        "many-groups": normal(97, 360) * 0.03 * (1 + normal(97, 1).abs()),
        "equal-absmax": torch.sign(normal(40, 64)) * 0.25,
        "bfloat16": (normal(33, 128) * 0.04).to(torch.bfloat16),
        "float16": (normal(33, 130) * 0.04).to(torch.float16),
    }


def reference(weight):
    """bitsandbytes' answers. It dequantises to the weight's type, and here it is to be f32."""
    wide = weight.float()
    packed, state = functional.quantize_4bit(wide, quant_type="nf4", compress_statistics=True)
    narrow, narrow_state = functional.quantize_4bit(weight, quant_type="nf4", compress_statistics=True)
    assert torch.equal(packed, narrow) and torch.equal(state.absmax, narrow_state.absmax)
    _, plain = functional.quantize_4bit(wide, quant_type="nf4")
    pairs = packed.flatten()
    codes = torch.stack([pairs >> 4, pairs & 15], dim=1).flatten()[: weight.numel()]
    return {
        "weight": weight,
        "codes": codes,
        "raw_absmax": plain.absmax,
        "absmax": state.absmax,
        "nested_absmax": state.state2.absmax,
        "offset": state.offset.reshape(1),
        "dequantized": functional.dequantize_4bit(packed, state).reshape(weight.shape),
    }


def main():
    torch.set_num_threads(1)
    GOLDEN.mkdir(parents=True, exist_ok=True)
    tensors = {
        "nf4_values": functional.get_4bit_type("nf4", device="cpu"),
        "dynamic_values": functional.create_dynamic_map(),
    }
    for name, weight in cases().items():
        tensors.update({f"{name}.{key}": value.contiguous() for key, value in reference(weight).items()})
    save_file(tensors, GOLDEN / "reference.safetensors")


main()
