"""The other side of chat-templates.mjs: jinja2 in transformers' environment. Prints JSON."""
import json
import statistics
import sys
import time

from transformers.utils.chat_template_utils import _cached_compile_jinja_template as compile_template

cases, budget = json.load(open(sys.argv[1])), float(sys.argv[2])
result = {}
for name, source in cases["templates"].items():
    template, rounds = compile_template(source), []
    end = time.perf_counter() + budget
    while not rounds or time.perf_counter() < end:
        start, characters = time.perf_counter(), 0
        for conversation in cases["conversations"]:
            text = template.render(**{"tools": None, **conversation}, documents=None, add_generation_prompt=False)
            characters += len(text.encode("utf-16-le")) // 2
        rounds.append((time.perf_counter() - start) / len(cases["conversations"]))
    result[name] = {"microseconds": statistics.median(rounds) * 1e6, "characters": characters}
print(json.dumps(result))
