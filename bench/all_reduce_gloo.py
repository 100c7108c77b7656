"""One process of torch.distributed's all-reduce over Gloo, driven by lines on standard input (see all-reduce.mjs).

Prints a line of JSON for each line that it reads: "prepare" puts its gradient in place, "go" reduces it. Sums are float32.
"""

import argparse
import json
import sys
import time

import torch
import torch.distributed as dist


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rank", type=int, required=True)
    parser.add_argument("--processes", type=int, required=True)
    parser.add_argument("--floats", type=int, required=True)
    parser.add_argument("--store", required=True, help="a file that all processes can write")
    options = parser.parse_args()
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{options.store}", rank=options.rank, world_size=options.processes
    )
    generator = torch.Generator().manual_seed(options.rank)
    gradient = torch.randn(options.floats, generator=generator)
    vector = torch.empty_like(gradient)
    answer({"event": "ready"})
    for line in sys.stdin:
        if line.strip() == "prepare":
            vector.copy_(gradient)
            answer({"event": "prepared"})
        else:
            cpu = time.process_time()
            dist.all_reduce(vector)
            answer({"event": "done", "cpu": time.process_time() - cpu})
    dist.destroy_process_group()


def answer(message: dict) -> None:
    print(json.dumps(message), flush=True)


main()
