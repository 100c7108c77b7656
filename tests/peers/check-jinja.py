#!/usr/bin/env python3
"""Random templates, rendered by transformers' Jinja environment and by this program's (built: dist/): every text has to
be the same, every error an error on both sides. Run from the repository's root: check-jinja.py [--seed N] [--count N]"""
import argparse
import collections
import json
import pathlib
import random
import subprocess
import sys
import warnings

from transformers.utils.chat_template_utils import _cached_compile_jinja_template as compile_template

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from jinja_cases import Cases  # noqa: E402

warnings.simplefilter("ignore")
here = pathlib.Path(__file__).parent


def peer(case):
    """What Python makes of a case: its text, or its error."""
    try:
        variables = {name: json.loads(text) for name, text in case["variables"].items()}
        return {"text": compile_template(case["template"]).render(**variables)}
    except Exception as error:  # noqa: BLE001
        return {"error": f"{type(error).__name__}: {error}"}


def verdict(theirs, ours):
    if "bug" in ours:
        return "bug"
    if "text" in theirs and " at 0x" in theirs["text"]:
        return "address" if "error" in ours else "other text"
    if "text" in theirs and "text" in ours:
        return "same text" if theirs["text"] == ours["text"] else "other text"
    if "error" in theirs:
        return "both raise" if "error" in ours else "only Python raises"
    return "refused" if ours["refused"] else "only ours raises"


def compare(cases):
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    command = ["node", str(here / "render-templates.mjs")]
    output = subprocess.run(command, input=lines, capture_output=True, text=True, check=True).stdout
    for case, line in zip(cases, output.rstrip("\n").split("\n"), strict=True):
        theirs, ours = peer(case), json.loads(line)
        yield verdict(theirs, ours), case, theirs, ours


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--show", type=int, default=10, help="how many differences are shown of each kind")
    options = parser.parse_args()
    print(f"seed {options.seed}")
    generator = Cases(random.Random(options.seed))
    cases = [{"template": generator.template(), "variables": generator.variables()} for _ in range(options.count)]
    counts, refusals = collections.Counter(), collections.Counter()
    for kind, case, theirs, ours in compare(cases):
        counts[kind] += 1
        if kind == "refused":
            refusals[ours["error"]] += 1
        if kind in ("same text", "both raise", "address", "refused") or counts[kind] > options.show:
            continue
        used = {name: text for name, text in case["variables"].items() if name in case["template"]}
        print(f"--- {kind}\n{case['template']}\n{json.dumps(used, ensure_ascii=False)}\npython {theirs}\nours   {ours}")
    print(dict(counts))
    print(refusals.most_common(12))
    wrong = {"other text", "only Python raises", "only ours raises", "bug"}
    sys.exit(1 if wrong & counts.keys() else 0)


if __name__ == "__main__":
    main()
