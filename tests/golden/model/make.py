"""Makes the references of this folder with torch and safetensors: a file of mixed element types, and roundings of f32.

usage: python tests/golden/model/make.py     (needs torch and safetensors, see tests/peers/requirements.txt)
"""

import json
import pathlib

import torch
from safetensors.torch import save_file

here = pathlib.Path(__file__).parent

mixed = {
    "b.f32": torch.tensor([1.5, -2.0]),
    "a.f16": torch.tensor([[1.0, 65504.0]], dtype=torch.float16),
    "z.bf16": torch.tensor([3.0], dtype=torch.bfloat16),
    "a.i64": torch.tensor([7]),
    "m.u8": torch.tensor([1, 2, 3], dtype=torch.uint8),
    "\u00e9": torch.tensor(2.5),
    "flag": torch.tensor([True]),
    "i32": torch.tensor([-1], dtype=torch.int32),
    "f64": torch.tensor([0.1], dtype=torch.float64),
    "10": torch.tensor([9.0]),
    "i8": torch.tensor([-3], dtype=torch.int8),
    "i16": torch.tensor([300, 301], dtype=torch.int16),
}
save_file(mixed, here / "mixed.safetensors", {"format": "pt"})

# Bit patterns: zeros, ties and near-ties of both formats, overflow, subnormals; then random ones.
special = [
    0x0, 0x80000000, 0x3F808000, 0x3F818000, 0x3F807FFF, 0x3F808001, 0x7F7FFFFF, 0x7F7F8000, 0x7F7F7FFF, 0x7F800000,
    0xFF800000, 0x00000001, 0x00007FFF, 0x00008000, 0x00008001, 0x477FE000, 0x477FEFFF, 0x477FF000, 0x38800000,
    0x387FFFFF, 0x387FE000, 0x387FF000, 0x33800000, 0x33000000, 0x33000001, 0x32FFFFFF, 0x33C00000, 0x34200000,
    0x3F801000, 0x3F803000, 0x3F800FFF, 0x3F801001, 0xB8000001,
]
generator = torch.Generator().manual_seed(0)
patterns = torch.cat([
    torch.tensor(special, dtype=torch.int64).to(torch.int32),
    torch.randint(-(2**31), 2**31 - 1, (64,), generator=generator, dtype=torch.int64).to(torch.int32),
    torch.cat([torch.randn(40, generator=generator) * s for s in (1, 1e-3, 1e-5, 3e-8, 1e4)]).view(torch.int32),
])
patterns = patterns[~torch.isnan(patterns.view(torch.float32))]
values = patterns.view(torch.float32)
rounding = {
    "float32": [int(x) & 0xFFFFFFFF for x in patterns],
    "bfloat16": [int(x) & 0xFFFF for x in values.to(torch.bfloat16).view(torch.int16)],
    "float16": [int(x) & 0xFFFF for x in values.to(torch.float16).view(torch.int16)],
}
(here / "rounding.json").write_text(json.dumps(rounding) + "\n")
