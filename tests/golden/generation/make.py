#!/usr/bin/env python3
"""Writes sampling.json, greedy.json and families.json: what transformers' logits warpers and greedy `generate` give; the
latter with the bundled model alone and with the adapter of the golden case "chat", and with the golden cases of families
that have no text to generate, as token ids.

Usage, with torch, transformers and PEFT (see tests/peers/): make.py
"""
import json
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.generation.logits_process import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

here = Path(__file__).parent
example = here / "../../../examples/quickstart"


def filtered(logits, temperature, top_k, top_p):
    """Kept ids and their probabilities, with the warpers in the order in which `generate` applies them."""
    scores = torch.tensor([logits], dtype=torch.float32)
    if temperature != 1.0:
        scores = TemperatureLogitsWarper(temperature)(None, scores)
    if top_k != 0:
        scores = TopKLogitsWarper(top_k=top_k)(None, scores)
    if top_p < 1.0:
        scores = TopPLogitsWarper(top_p=top_p)(None, scores)
    kept = torch.isfinite(scores[0]).nonzero().flatten()
    probabilities = scores[0].double().softmax(-1)[kept]
    return dict(
        logits=logits, temperature=temperature, top_k=top_k, top_p=top_p, ids=kept.tolist(), probabilities=probabilities.tolist()
    )


def sampling_cases():
    torch.manual_seed(0)
    rounded = lambda size, spread: [round(x, 4) for x in (torch.randn(size) * spread).tolist()]
    few, many, ties = rounded(12, 2), rounded(300, 3), [1.0, 2.0, 2.0, 0.5, 2.0, 1.0, -1.0, 1.0]
    settings = [
        (1.0, 0, 1.0), (0.7, 0, 1.0), (1.0, 3, 1.0), (1.0, 0, 0.9), (1.0, 0, 0.5), (1.0, 0, 0.05),
        (0.7, 40, 0.95), (1.5, 5, 0.6), (2.0, 0, 0.99), (0.25, 2, 0.3), (1.0, 1000, 0.8),
    ]
    return [filtered(logits, *setting) for logits in (few, many, ties) for setting in settings]


def greedy_cases(model, tokenizer, texts, new_tokens=60):
    cases = []
    for text in texts:
        prompt = tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids
        settings = dict(max_new_tokens=new_tokens, do_sample=False, eos_token_id=2, pad_token_id=0)
        made = model.generate(input_ids=prompt, attention_mask=torch.ones_like(prompt), **settings)
        made = made[0][prompt.shape[1]:].tolist()
        said = tokenizer.decode(made, skip_special_tokens=True)
        cases.append(dict(asked=text, prompt=prompt[0].tolist(), generated=made, text=said))
    return cases


def greedy(lines=(0, 57, 123)):
    tokenizer = AutoTokenizer.from_pretrained(example / "model")
    model = AutoModelForCausalLM.from_pretrained(example / "model", dtype=torch.float32)
    data = [json.loads(line)["messages"] for line in open(example / "data/eval.jsonl")]
    render = lambda messages: tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    # Chat answers are short: prose goes on to the end.
    texts = [render(data[line][:-1]) for line in lines] + ["Upon the whole, the commerce of the United States"]
    base = greedy_cases(model, tokenizer, texts)
    adapted = greedy_cases(PeftModel.from_pretrained(model, here / "../chat/expected_adapter"), tokenizer, texts)
    return dict(max_new_tokens=60, base=base, adapter=adapted)


def family_cases(name, prompt_lengths=(3, 11, 18), new_tokens=24):
    """Prompts within and beyond the sliding windows, in float64, with the case's last adapter."""
    case = here / "../.." / "golden" / name
    base = AutoModelForCausalLM.from_pretrained(case / "model", dtype=torch.float64)
    model = PeftModel.from_pretrained(base, case / "expected_adapter").to(torch.float64).eval()
    rows = [json.loads(line)["input_ids"] for line in open(case / "train.jsonl")]
    cases = []
    for length in prompt_lengths:
        prompt = torch.tensor([next(row for row in rows if len(row) >= length)[:length]])
        # No token ends a sequence.
        settings = dict(max_new_tokens=new_tokens, do_sample=False, eos_token_id=None, pad_token_id=0)
        made = model.generate(input_ids=prompt, attention_mask=torch.ones_like(prompt), **settings)
        cases.append(dict(prompt=prompt[0].tolist(), generated=made[0][length:].tolist()))
    return cases


def write(name, value):
    (here / name).write_text(json.dumps(value) + "\n")


write("sampling.json", sampling_cases())
write("greedy.json", greedy())
write("families.json", {name: family_cases(name) for name in ("phi3", "gemma2-packed", "gemma3", "gpt2-packed")})
