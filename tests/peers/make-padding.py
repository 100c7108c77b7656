"""Makes tests/golden/padding/: conversations with tools as they are written by hand, as a Parquet file, whose columns
pyarrow pads with nulls, and as the JSON lines that are exported from that file, nulls and all.

    pip install pyarrow && python tests/peers/make-padding.py
"""

import json
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

OUT = pathlib.Path(__file__).resolve().parents[1] / "golden" / "padding"


def tool(name, properties):
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "function": {"name": name, "description": f"The {name}", "parameters": parameters}}


TOOLS = [
    tool("weather", {"city": {"type": "string"}}),
    tool("time", {"zone": {"type": "string", "enum": ["CET", "EET"]}}),
]


def call(name, arguments):
    called = {"id": "call00001", "type": "function", "function": {"name": name, "arguments": arguments}}
    return {"role": "assistant", "content": None, "tool_calls": [called]}


def conversation(question, name, arguments, result, answer):
    return {
        "messages": [
            {"role": "user", "content": question},
            call(name, arguments),
            {"role": "tool", "content": result, "tool_call_id": "call00001", "name": name},
            {"role": "assistant", **answer},
        ],
        "tools": TOOLS,
    }


ROWS = [
    conversation("Weather in Rome?", "weather", {"city": "Rome"}, "clear", {"content": "It is clear."}),
    conversation("What time is it?", "time", {"zone": "CET"}, "13:00", {"content": "One.", "weight": 1}),
]


def write(name, rows):
    (OUT / name).write_text("".join(json.dumps(row) + "\n" for row in rows))


OUT.mkdir(parents=True, exist_ok=True)
table = pa.Table.from_pylist(ROWS)
write("by-hand.jsonl", ROWS)
write("exported.jsonl", table.to_pylist())
pq.write_table(table, OUT / "padded.parquet")
