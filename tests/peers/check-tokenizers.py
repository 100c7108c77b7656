#!/usr/bin/env python3
"""Random model folders (tokenizer_cases.py), tokenised by transformers' AutoTokenizer and by this program (built:
dist/): ids, offsets and decoded texts have to be the same. Run from the repository's root:
check-tokenizers.py [--seed N] [--count N]; with --write, creates tests/golden/tokenizers/cases.json."""
import argparse
import collections
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import warnings

from transformers import AutoTokenizer
from transformers.utils import logging

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tokenizer_cases import TEXTS, bases, chosen, drawn  # noqa: E402

warnings.simplefilter("ignore")
logging.set_verbosity(logging.CRITICAL)
here = pathlib.Path(__file__).parent
SEED = 20261130


def write_folder(folder, case):
    folder.mkdir()
    files = {"tokenizer.json": bases()[case["base"]], **case["files"]}
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def peer(folder, texts=TEXTS):
    """What Python makes of a folder, or its error."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder))
        plain = [tokenizer(text, add_special_tokens=False, return_offsets_mapping=True) for text in texts]
        ids = [encoded["input_ids"] for encoded in plain]
        return {
            "named": tokenizer.special_tokens_map,
            "size": len(tokenizer),
            "ids": [tokenizer(text)["input_ids"] for text in texts],
            "plain": ids,
            "offsets": [[at for pair in encoded["offset_mapping"] for at in pair] for encoded in plain],
            "decoded": [tokenizer.decode(each) for each in ids],
            "spoken": [tokenizer.decode(each, skip_special_tokens=True) for each in ids],
        }
    except Exception as error:  # noqa: BLE001
        return {"error": f"{type(error).__name__}: {error}"}


def compare(cases):
    with tempfile.TemporaryDirectory() as place:
        folders = [pathlib.Path(place) / str(index) for index in range(len(cases))]
        for folder, case in zip(folders, cases, strict=True):
            write_folder(folder, case)
        lines = "".join(json.dumps({"folder": str(folder), "texts": TEXTS}) + "\n" for folder in folders)
        command = ["node", str(here / "tokenize-texts.mjs")]
        output = subprocess.run(command, input=lines, capture_output=True, text=True, check=True).stdout
        for folder, case, line in zip(folders, cases, output.rstrip("\n").split("\n"), strict=True):
            yield case, peer(folder), json.loads(line)


def differences(theirs, ours):
    return [key for key in theirs if theirs[key] != ours.get(key)]


def check(seed, count, show):
    print(f"seed {seed}")
    counts = collections.Counter()
    for case, theirs, ours in compare(list(drawn(count, seed))):
        if "error" in theirs:
            kind = "both raise" if "error" in ours else "only Python raises: " + theirs["error"][:60]
        elif "error" in ours:
            kind = "only ours raises"
        else:
            kind = "other " + ", ".join(differences(theirs, ours)) if differences(theirs, ours) else "same"
        counts[kind] += 1
        if kind in ("same", "both raise") or kind.startswith("only Python") or counts[kind] > show:
            continue
        print(f"--- {kind}\n{json.dumps(case, ensure_ascii=False)}")
        for key in differences(theirs, ours) if "error" not in ours else []:
            print(f"python {key} {theirs[key]}\nours   {key} {ours[key]}")
        if "error" in ours:
            print(ours["error"])
    print(dict(counts))
    sys.exit(1 if any(kind.startswith(("other", "only ours")) for kind in counts) else 0)


def write():
    """Chosen and drawn cases with what Python makes of them; plain ids and offsets only of those chosen."""
    cases = [{"title": title, "base": base, "files": files} for title, base, files in chosen()]
    cases += [{"title": None, **case} for case in drawn(40, SEED)]
    written = []
    for case, theirs, _ in compare(cases):
        if "error" in theirs:
            assert case["title"] is None, (case, theirs)
            continue
        drop = {"ids"} if theirs["ids"] == theirs["plain"] else set()
        drop |= {"offsets", "decoded"} if case["title"] is None else set()
        written.append({**case, **{key: value for key, value in theirs.items() if key not in drop}})
    dumped = [json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in written]
    parts = {"texts": TEXTS, "bases": bases()}
    head = ",\n".join(f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}" for key, value in parts.items())
    folder = here.parent / "golden" / "tokenizers"
    folder.mkdir(exist_ok=True)
    (folder / "cases.json").write_text("{" + head + ',\n"cases": [\n' + ",\n".join(dumped) + "\n]}\n", encoding="utf-8")
    print(f"{len(written)} cases")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--show", type=int, default=3, help="how many differences are shown of each kind")
    parser.add_argument("--write", action="store_true", help="create the fixture instead")
    options = parser.parse_args()
    if options.write:
        return write()
    check(options.seed, options.count, options.show)


if __name__ == "__main__":
    main()
