#!/usr/bin/env python3
"""Writes chat-tiny.json: what transformers makes of conversations with several chat templates and the tokenizer of
examples/quickstart/model. Run with: pip install transformers==5.24.0 jinja2==3.1.6, from the repository's root."""
import datetime, json, pathlib
from transformers import AutoTokenizer

here = pathlib.Path(__file__).parent
tok = AutoTokenizer.from_pretrained("examples/quickstart/model")
GEN = """{%- for m in messages %}
    {%- if m.role == 'assistant' %}
        {{- '<|im_start|>assistant\\n' }}
        {% generation %}
        {{- m.content + '<|im_end|>' }}
        {% endgeneration %}

        {{- '\\n' }}
    {%- else %}
        {{- '<|im_start|>' ~ m.role ~ '\\n' ~ m.content | trim ~ '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}
"""
TEMPLATES = {
    # Whitespace control on the tags, text around them, a comment with a tag in it.
    "generation_blocks": GEN,
    "generation_dashes": "{# {% generation %} in a comment #}Chat\n{% for m in messages %}\n  [{{ m.role }}]  {%- if m.role == 'assistant' %}  {%- generation -%}\n   {{ m.content }}<|im_end|>  \n {%- endgeneration -%}   \n{% else %} {{ m.content }}{% endif %}\n\n{% endfor %}\n",
    "generation_inline": "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' }}{% if m['role'] == 'assistant' %}{% generation %}{{ m['content'] }}{{ eos_token }}{% endgeneration %}{% else %}{{ m['content'] + eos_token }}{% endif %}{{ '\n' }}{% endfor %}",
    "generation_leading_space": "{% for m in messages %}{{ m.role }}:{% if m.role == 'assistant' %}{% generation %} {{ m.content }} {{ eos_token }}{% endgeneration %}{% else %} {{ m.content }}{% endif %}\n{% endfor %}",
    # Tools, tool calls, tojson, namespace, loop variables, slices; CRLF in the source.
    "tools": """{%- set ns = namespace(seen=0, last=-1) %}\r
{%- if tools %}\r
    {{- '<|im_start|>system\\n' }}\r
    {%- if messages[0].role == 'system' %}{{- messages[0].content + '\\n' }}{%- endif %}\r
    {{- 'Tools:' }}\r
    {%- for tool in tools %}\r
        {{- '\\n' }}{{ tool | tojson }}\r
    {%- endfor %}\r
    {{- '\\n' + (tools | tojson(indent=2)) + '<|im_end|>\\n' }}\r
{%- elif messages[0].role == 'system' %}\r
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}\r
{%- endif %}\r
{%- for message in messages %}\r
    {%- if message.role == 'system' and not loop.first %}{{ raise_exception('system must come first') }}{% endif %}\r
    {%- if message.role == 'user' %}\r
        {%- set ns.seen = ns.seen + 1 %}\r
        {{- '<|im_start|>user\\n' + message.content + '<|im_end|>\\n' }}\r
    {%- elif message.role == 'assistant' %}\r
        {{- '<|im_start|>assistant\\n' }}\r
        {%- if message.content is defined %}{{- message.content }}{%- endif %}\r
        {%- for call in message.tool_calls | default([]) %}\r
            {%- set f = call.function if call.function is defined else call %}\r
            {{- '\\n{"name": "' + f.name + '", "arguments": ' + (f.arguments | tojson) + '}' }}\r
        {%- endfor %}\r
        {{- '<|im_end|>\\n' }}\r
    {%- elif message.role == 'tool' %}\r
        {%- if loop.previtem is not defined or loop.previtem.role != 'tool' %}{{- '<|im_start|>user' }}{%- endif %}\r
        {{- '\\n<tool_response>\\n' + message.content + '\\n</tool_response>' }}\r
        {%- if loop.last or messages[loop.index0 + 1].role != 'tool' %}{{- '<|im_end|>\\n' }}{%- endif %}\r
    {%- endif %}\r
{%- endfor %}\r
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}""",
    # The kind that ignores add_generation_prompt and uses bos/eos variables, with reasoning.
    "instructions": "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}{{ '[INST] ' + m['content'].strip() + ' [/INST]' }}{% elif m['role'] == 'assistant' %}{% if m.reasoning_content %}{{ '<think>' + m.reasoning_content + '</think>' }}{% endif %}{{ ' ' + m['content'] + eos_token }}{% else %}{{ raise_exception('Only user and assistant roles are supported, not ' + m['role']) }}{% endif %}{% endfor %}",
    # Python's strip methods take characters, and know other white space than JavaScript's.
    "strips": "{% for m in messages %}{{ m.role }}[{{ m.content.lstrip('\n') }}|{{ m.content.rstrip('\n d') }}|{{ m['content'].strip(' \n🌈') }}|{{ m.content.strip() }}|{{ m.content | trim }}|{{ m.content.split('b')[-1].lstrip('\n') }}]{% endfor %}",
    # The keys that a template sees, null ones gone; line ends of the template's own text.
    "keys": "first\r\nsecond\r\n{% for m in messages %}\r\n{{ m.role }}: {% for key in m %}{{ key }} {% endfor %}\r\n{% endfor %}",
    "default": None,
}
TOOLS = [{"type": "function", "function": {"name": "set_light", "description": "Lampe ein — „an“ <b>", "parameters": {"type": "object", "properties": {"room": {"type": "string", "enum": ["küche", "bad"]}, "level": {"type": "number", "maximum": 0.5}}, "required": []}}}]
plain = [
    [{"role": "user", "content": "Lights on in the kitchen"}, {"role": "assistant", "content": "{\"tool\":\"set_light\",\"room\":\"kitchen\"}"}],
    [{"role": "user", "content": "Say 🌈 twice"}, {"role": "assistant", "content": "🌈🌈"}, {"role": "user", "content": "  naïve café\r\n\tand 日本語 👩‍👩‍👧  "}, {"role": "assistant", "content": " Voilà 🌈 — “mauve” \n"}],
    [{"role": "user", "content": "x"}, {"role": "assistant", "content": "<|im_end|>"}, {"role": "user", "content": "<|im_start|>user\nquoted<|im_end|>"}, {"role": "assistant", "content": "ends in 👋"}],
]
with_system = [{"role": "system", "content": "Be brief."}, *plain[0], {"role": "user", "content": "thanks"}]
reasoned = [{"role": "user", "content": "2+2?", "name": None}, {"role": "assistant", "content": "4", "thinking": "two and two", "tool_calls": None}]
called = [
    {"role": "system", "content": "Use the tools."}, {"role": "user", "content": "Küche an, Bad aus"},
    {"role": "assistant", "content": None, "tool_calls": [
        {"type": "function", "function": {"name": "set_light", "arguments": {"room": "küche", "on": True, "level": 0.25, "tags": ["a", None], "n": -3}}},
        {"name": "set_light", "arguments": {"room": "b\"a\\d\n", "on": False}}]},
    {"role": "tool", "content": "ok"}, {"role": "tool", "content": "{\"done\": 1}"}, {"role": "assistant", "content": "Done."},
]
CASES = [(t, c, None) for t in ("generation_blocks", "generation_dashes", "generation_inline", "generation_leading_space", "default", "instructions") for c in plain]
CASES += [("default", with_system, None), ("generation_blocks", with_system, None), ("instructions", reasoned, None)]
CASES += [("tools", called, TOOLS), ("tools", called, None), ("tools", with_system, TOOLS), ("tools", with_system, None)]

CASES += [("strips", [{"role": "user", "content": "\n\n    def f():\n        b\n\n    d\n"}, {"role": "assistant", "content": "\ufeff\x1f 🌈 x \u2003🌈\x85"}], None)]

CASES += [("keys", reasoned, None), ("keys", called, None)]

out = {"templates": TEMPLATES, "cases": []}
for name, messages, tools in CASES:
    template, case = TEMPLATES[name], {"template": name, "messages": messages, "tools": tools}
    marks = template is not None and name.startswith("generation")
    kw = dict(tools=tools, chat_template=template)
    case["text"] = tok.apply_chat_template(messages, tokenize=False, **kw)
    case["prompt"] = tok.apply_chat_template(messages[:1], tokenize=False, add_generation_prompt=True, **kw)
    enc = tok.apply_chat_template(messages, return_dict=True, return_assistant_tokens_mask=marks, **kw)
    case["input_ids"] = enc["input_ids"]
    if marks:
        case["labels"] = [i if m else -100 for i, m in zip(enc["input_ids"], enc["assistant_masks"])]
    out["cases"].append(case)

date = datetime.datetime(2024, 3, 5, 7, 8, 9)
formats = ["%d %b %Y", "%A, %B %d, %Y", "%-d/%-m/%y", "%H:%M:%S %I %p", "%a %j %w %%"]
out["strftime"] = {"date": [2024, 3, 5, 7, 8, 9], "formats": {f: date.strftime(f) for f in formats}}
texts = ["Call me Ishmael.", "", "  two  spaces\n", "日本 🌈<|im_end|>", "already ends<|im_end|>"]
out["texts"] = [{"text": t, "input_ids": tok(t if t.endswith(tok.eos_token) else t + tok.eos_token)["input_ids"]} for t in texts]
pairs = [("The sky is", " blue."), ("Question: 2+2=", "4"), ("", "all"), ("🌈 is a", " rainbow 🌈"), ("The co", "lour of it"), ("a ", " b")]
out["completions"] = [{"prompt": p, "completion": c, "prompt_ids": tok(p)["input_ids"], "whole_ids": tok(p + c + tok.eos_token)["input_ids"],
                       "completion_ids": tok(c + tok.eos_token)["input_ids"]} for p, c in pairs]
json.dump(out, open(here / "chat-tiny.json", "w"), ensure_ascii=False)
print(len(out["cases"]), "cases")
for c in out["completions"]: print(c["prompt"], c["completion"], c["whole_ids"][: len(c["prompt_ids"])] == c["prompt_ids"])
