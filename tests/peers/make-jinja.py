#!/usr/bin/env python3
"""Writes tests/golden/jinja/: what transformers' Jinja environment makes of templates. `constructs.json` is what public
chat templates are made of, from jinja_constructs.py; `snippets.json` is from jinja_snippets.py; `random.json` is drawn by jinja_cases.py. Run from the
repository's root: .venv/bin/python tests/peers/make-jinja.py"""
import importlib.util
import json
import pathlib
import random
import sys

here = pathlib.Path(__file__).parent
sys.path.insert(0, str(here))
from jinja_cases import Cases  # noqa: E402
from jinja_constructs import constructs, conversations, expressions  # noqa: E402
import jinja_snippets  # noqa: E402

spec = importlib.util.spec_from_file_location("check_jinja", here / "check-jinja.py")
check = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check)

SEED = 20261130
folder = here.parent / "golden" / "jinja"


def write(name, content):
    folder.mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in content["cases"])
    head = {key: value for key, value in content.items() if key != "cases"}
    text = json.dumps(head, ensure_ascii=False)[:-1] + (", " if head else "") + f'"cases": [\n{lines}\n]}}\n'
    (folder / name).write_text(text, encoding="utf-8")


def fixed():
    variables = conversations()
    for template in constructs() + [f"{{{{ {expression} }}}}" for expression in expressions()]:
        yield {"template": template, **result({"template": template, "variables": variables})}


def snippets():
    variables = jinja_snippets.variables()
    for template in jinja_snippets.SNIPPETS:
        yield {"template": template, **result({"template": template, "variables": variables})}


def result(case):
    outcome = check.peer(case)
    assert " at 0x" not in outcome.get("text", ""), case["template"]
    return outcome


def drawn(count):
    generator = Cases(random.Random(SEED))
    while count > 0:
        case = {"template": generator.template(), "variables": generator.variables()}
        outcome = check.peer(case)
        # Mostly such as render; a few that raise.
        text = outcome.get("text", "")
        if " at 0x" in text or len(text) > 2000 or "** 0.5" in case["template"] or ("error" in outcome and count % 8):
            continue
        used = {name: text for name, text in case["variables"].items() if name in case["template"]}
        yield {"template": case["template"], "variables": used, **outcome}
        count -= 1


write("constructs.json", {"variables": conversations(), "cases": list(fixed())})
write("snippets.json", {"variables": jinja_snippets.variables(), "cases": list(snippets())})
write("random.json", {"seed": SEED, "cases": list(drawn(400))})
