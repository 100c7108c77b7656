#!/usr/bin/env python3
"""Makes the golden cases of golden_cases.py under tests/golden/, or checks that cases there can be reproduced.

    .venv/bin/python tests/peers/make-golden.py make [NAME…]      # replaces them
    .venv/bin/python tests/peers/make-golden.py check [NAME…]     # runs them again from their inputs and compares
"""
import argparse
import json
import pathlib
import shutil
import sys
import tempfile

import torch
import transformers
from safetensors.torch import load_file, save_file

import golden_build
import reference
from golden_cases import CHAT_CASE, COMMON, TOKEN_CASES

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"


def write_json_lines(path, values):
    path.write_text("".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values))


def run_and_write(folder, settings, model_folder, examples):
    """Trains from the folder's adapter_init and writes first gradients, the final adapter and expected.json."""
    model = reference.load_adapted(model_folder, folder / "adapter_init", quantization=settings.get("quantization"))
    batches = reference.global_batches(examples, settings["global_batch_size"], settings["max_steps"])
    steps, first = reference.train(model, settings["optim"], settings["max_steps"], batches)
    gradients = {reference.plain_name(name): value.float().contiguous() for name, value in first.items()}
    save_file(gradients, folder / "first_gradients.safetensors")
    golden_build.save_adapter(model, folder / "expected_adapter")
    expected = {**settings, "reference": reference.reference_line(), "steps": steps}
    (folder / "expected.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False) + "\n")
    print(f"{folder.name}: loss {steps[0]['loss']:.4f} -> {steps[-1]['loss']:.4f}")


def make_token_case(name, folder):
    case, seed = TOKEN_CASES[name], golden_build.seed_of(name)
    config = {**COMMON, **case["config"]}
    packing = case.get("packing", False)
    golden_build.write_model(folder / "model", config, case.get("shards", 1), seed, case.get("without_prefix", ""))
    golden_build.write_initial_adapter(folder / "adapter_init", folder / "model", case["lora"], seed)
    longest = case.get("max_length", 48)
    typical = case.get("typical_length", longest)
    examples = golden_build.token_examples(seed, config["vocab_size"], case.get("examples", 64), longest, typical)
    write_json_lines(folder / "train.jsonl", ({"input_ids": ids, "labels": labels} for ids, labels in examples))
    settings = {
        "case": name,
        "lora": case["lora"],
        "optim": case["optim"],
        "max_steps": 20,
        "global_batch_size": case.get("global_batch_size", 8),
        "shuffle": False,
        "packing": packing,
        **({"max_length": longest} if "max_length" in case else {}),
        **({"quantization": case["quantization"]} if "quantization" in case else {}),
    }
    if packing:
        check_packing(folder, examples, longest)
    run_and_write(folder, settings, folder / "model", examples)


def check_packing(folder, examples, max_length):
    """transformers' own packed forward (positions that restart) has the loss of the examples run alone."""
    model = reference.load_adapted(folder / "model", folder / "adapter_init")
    rows = [[]]
    for example in examples:
        if sum(len(ids) for ids, _ in rows[-1]) + len(example[0]) > max_length:
            rows.append([])
        rows[-1].append(example)
    alone = sum(reference.loss_sum(model, *example).item() for example in examples)
    packed = 0.0
    for row in rows:
        ids = torch.tensor([sum((ids for ids, _ in row), [])])
        positions = torch.tensor([sum((list(range(len(ids))) for ids, _ in row), [])])
        targets = torch.tensor(sum((labels[1:] + [-100] for _, labels in row), []))
        logits = model(input_ids=ids, position_ids=positions, use_cache=False).logits[0]
        packed += torch.nn.functional.cross_entropy(logits, targets, ignore_index=-100, reduction="sum").item()
    if abs(packed / alone - 1) > 1e-6:
        raise SystemExit(f"{folder.name}: packed {packed} but alone {alone}")
    print(f"{folder.name}: {len(examples)} examples in {len(rows)} rows, loss {packed / alone - 1:+.1e} from alone")


def chat_tokens(tokenizer, template, messages):
    """Ids of a conversation, and labels on what the template marks as the assistant's."""
    out = tokenizer.apply_chat_template(
        messages, chat_template=template, tokenize=True, return_dict=True, return_assistant_tokens_mask=True
    )
    ids, mask = out["input_ids"], out["assistant_masks"]
    return ids, [id if on else -100 for id, on in zip(ids, mask, strict=True)]


def make_chat_case(folder):
    case, seed, steps, batch = CHAT_CASE, golden_build.seed_of("chat"), 4, 8
    model_folder = ROOT / case["model"]
    golden_build.write_initial_adapter(folder / "adapter_init", model_folder, case["lora"], seed)
    lines = (ROOT / case["data"]).read_text().splitlines()
    conversations = case["conversations"] + [json.loads(line)["messages"] for line in lines]
    conversations = conversations[: steps * batch]
    write_json_lines(folder / "train.jsonl", ({"messages": messages} for messages in conversations))
    tokenizer = transformers.AutoTokenizer.from_pretrained(model_folder)
    examples = [chat_tokens(tokenizer, case["chat_template"], messages) for messages in conversations]
    settings = {
        "case": "chat",
        "model": case["model"],
        "chat_template": case["chat_template"],
        "lora": case["lora"],
        "optim": case["optim"],
        "max_steps": steps,
        "global_batch_size": batch,
        "shuffle": False,
        "packing": False,
        "examples": [{"input_ids": ids, "labels": labels} for ids, labels in examples[:batch]],
    }
    run_and_write(folder, settings, model_folder, examples)


def make(name):
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch) / name
        folder.mkdir()
        if name == "chat":
            make_chat_case(folder)
        else:
            make_token_case(name, folder)
        shutil.rmtree(GOLDEN / name, ignore_errors=True)
        shutil.copytree(folder, GOLDEN / name)


def check(name):
    """Prints the largest differences between a case's numbers and those computed again; True if they are small."""
    folder = GOLDEN / name
    expected = json.loads((folder / "expected.json").read_text())
    model_folder = ROOT / expected["model"] if "model" in expected else folder / "model"
    if "chat_template" in expected:
        tokenizer = transformers.AutoTokenizer.from_pretrained(model_folder)
        lines = (folder / "train.jsonl").read_text().splitlines()
        examples = [chat_tokens(tokenizer, expected["chat_template"], json.loads(line)["messages"]) for line in lines]
    else:
        examples = reference.read_tokens(folder / "train.jsonl")
    batches = reference.global_batches(examples, expected["global_batch_size"], expected["max_steps"])
    config = json.loads((model_folder / "config.json").read_text())
    stored = golden_build.DTYPES[config.get("dtype") or config["torch_dtype"]]
    # The README says why a reference may have rounded its rotary frequencies.
    for rope_dtype in dict.fromkeys([torch.float32, stored]):
        model = reference.load_adapted(
            model_folder, folder / "adapter_init", quantization=expected.get("quantization")
        )
        for buffer, frequencies in model.named_buffers():
            if buffer.endswith("inv_freq"):
                frequencies.copy_(frequencies.to(rope_dtype))
        worst = differences(folder, expected, model, batches)
        good = worst["loss"] < 1e-6 and worst["gradient_of_largest"] < 1e-5 and worst["adapter"] < 1e-5
        print(json.dumps({"case": name, "rope_dtype": str(rope_dtype), "reproduced": good, **worst}))
        if good:
            return True
    return False


def differences(folder, expected, model, batches):
    steps, first = reference.train(model, expected["optim"], expected["max_steps"], batches)
    worst = {
        key: max(abs(ours[key] - theirs[key]) for ours, theirs in zip(steps, expected["steps"], strict=True))
        for key in ("loss", "grad_norm", "learning_rate", "supervised_tokens")
    }
    gradients = load_file(folder / "first_gradients.safetensors")
    adapter = load_file(folder / "expected_adapter" / "adapter_model.safetensors")
    final = {name: value for name, value in model.named_parameters() if value.requires_grad}
    largest = max(value.abs().max().item() for value in gradients.values())
    worst["gradient_of_largest"] = worst_difference(first, gradients) / largest
    worst["adapter"] = worst_difference(final, adapter)
    return worst


def worst_difference(ours, theirs):
    if {reference.plain_name(name) for name in ours} != set(theirs):
        raise SystemExit("the tensors' names differ")
    return max((ours[name].detach().float() - theirs[reference.plain_name(name)]).abs().max().item() for name in ours)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=["make", "check"])
    parser.add_argument("names", nargs="*", help="cases; all by default")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # these models are too small for more
    transformers.utils.logging.disable_progress_bar()
    if arguments.action == "make":
        for name in arguments.names or [*TOKEN_CASES, "chat"]:
            make(name)
        return
    names = arguments.names or sorted(path.parent.name for path in GOLDEN.glob("*/expected.json"))
    sys.exit(0 if all([check(name) for name in names]) else 1)


main()
