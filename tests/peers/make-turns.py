"""
Makes tests/golden/turns/: the rows that conversations become, turn by turn, by transformers; and their loss by torch and
PEFT.

    .venv/bin/python tests/peers/make-turns.py [TEMPLATES]

conversations.json is read. Each assistant turn is rendered as a model is asked for it: the messages up to the turn, of
which what comes after the generation prompt is supervised, or after the first token in which the two differ. Turns share
a row where one's text, up to its end, is the beginning of the next turn's. "rows" are token ids and labels with the
tokenizer of examples/quickstart/model, "loss" is that of the model with the adapter of tests/golden/chat, in float64.

TEMPLATES (default: ../shared/golden/templates beside the repository) are stock templates with conversations.json: of
these only hashes are written ("stock"), for the tokenizer of the model. Written with transformers 5.24.0.
"""
import hashlib
import json
import pathlib
import sys

import numpy
import torch
import transformers

from reference import load_adapted, loss_sum, supervised

ROOT = pathlib.Path(__file__).resolve().parents[2]
TURNS = ROOT / "tests/golden/turns"
MODEL = ROOT / "examples/quickstart/model"
ADAPTER = ROOT / "tests/golden/chat/expected_adapter"

# Only appends.
APPENDS = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}"
    "{% for c in m.tool_calls or [] %}{{ c.function | tojson }}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# Drops the reasoning of turns before the last question, and ends the last turn with another token.
REWRITES = (
    "{% set ns = namespace(last=0) %}{% for m in messages %}{% if m.role == 'user' %}{% set ns.last = loop.index0 %}"
    "{% endif %}{% endfor %}{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.role == 'assistant' and loop.index0 > ns.last %}({{ m.reasoning_content or '' }})\n{% endif %}{{ m.content }}"
    "{% for c in m.tool_calls or [] %}{{ c.function | tojson }}{% endfor %}"
    "{% if loop.last and m.role == 'assistant' %}<|endoftext|>{% else %}<|im_end|>{% endif %}\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def common(a, b):
    return next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))


class Rows:
    def __init__(self, tokenizer, template):
        self.tokenizer, self.template = tokenizer, template

    def render(self, messages, tools, ask=False):
        return self.tokenizer.apply_chat_template(
            messages, tools=tools, chat_template=self.template, add_generation_prompt=ask, tokenize=False
        )

    def encode(self, text):
        return self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)

    def turn(self, messages, tools, index):
        """Text up to the turn, its ids, the supervised tokens, and the end of its text without the white space after."""
        text = self.render(messages[: index + 1], tools)
        prompt = self.render(messages[:index], tools, ask=True)
        encoded = self.encode(text)
        ids, offsets = encoded["input_ids"], encoded["offset_mapping"]
        end = len(text)
        stripped = text.rstrip()
        if any(stripped.endswith(token) for token in self.tokenizer.all_special_tokens):
            end = len(stripped)
        if text.startswith(prompt):
            first = next(i for i, (_, stop) in enumerate(offsets) if stop > len(prompt))
        else:
            first = common(ids, self.encode(prompt)["input_ids"])
        learnt = {i for i, (start, _) in enumerate(offsets) if i >= first and start < end}
        return text, ids, learnt, end

    def of(self, messages, tools):
        whole = self.render(messages, tools)
        rows = [[whole, self.encode(whole)["input_ids"], set()]]
        for index in [i for i, m in enumerate(messages) if m["role"] == "assistant"][::-1]:
            text, ids, learnt, end = self.turn(messages, tools, index)
            if not rows[-1][0].startswith(text[:end]):
                rows.append([text, ids, set()])
            rows[-1][2] |= learnt
        kept = [(ids, learnt) for _, ids, learnt in rows if learnt][::-1]
        return [
            {"input_ids": ids, "labels": [t if i in learnt else -100 for i, t in enumerate(ids)]} for ids, learnt in kept
        ]


def digest(row):
    data = numpy.array([row["input_ids"], row["labels"]], dtype="<i4").tobytes()
    return hashlib.sha256(data).hexdigest()[:16]


def loss_of(rows):
    model = load_adapted(MODEL, ADAPTER, trainable=False)
    with torch.no_grad():
        total = sum(loss_sum(model, row["input_ids"], row["labels"]).item() for row in rows)
    tokens = sum(supervised(row["labels"]) for row in rows)
    return {"loss": total / tokens, "tokens": tokens}


def own(tokenizer):
    conversations = json.loads((TURNS / "conversations.json").read_text())
    for name, template in {"appends": APPENDS, "rewrites": REWRITES}.items():
        of = Rows(tokenizer, template).of
        rows = [of(one["messages"], one.get("tools")) for one in conversations]
        yield name, {"template": template, "rows": rows, **loss_of([row for one in rows for row in one])}


def stock(tokenizer, folder):
    conversations = json.loads((folder / "conversations.json").read_text())
    for path in sorted(folder.glob("*.jinja")):
        # Its own marks decide what is supervised; a date would make it another one every day.
        source = path.read_text()
        if "{%- generation -%}" in source or "strftime_now" in source:
            continue
        hashes = {}
        for name, one in conversations.items():
            try:
                rows = Rows(tokenizer, source).of(one["messages"], one.get("tools"))
            except Exception:
                continue
            hashes[name] = [digest(row) for row in rows]
        yield path.stem, hashes


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "../shared/golden/templates"
    tokenizer = transformers.AutoTokenizer.from_pretrained(MODEL)
    result = {"own": dict(own(tokenizer)), "stock": dict(stock(tokenizer, folder))}
    (TURNS / "expected.json").write_text(json.dumps(result, ensure_ascii=False) + "\n")


main()
