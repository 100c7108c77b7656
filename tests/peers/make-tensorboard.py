"""Writes tests/golden/text/tensorboard.json: records as TensorBoard's own messages and record writer give them.

    pip install tensorboard==2.21.0
    .venv/bin/python tests/peers/make-tensorboard.py
"""

import io
import json
from pathlib import Path

from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, tensor_shape_pb2, types_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

WALL_TIME = 1796082527.125


def record(**fields):
    stream = io.BytesIO()
    event = event_pb2.Event(wall_time=WALL_TIME, **fields)
    RecordWriter(stream).write(event.SerializeToString(deterministic=True))
    return stream.getvalue().hex()


def scalars(values):
    value = summary_pb2.Summary.Value
    return summary_pb2.Summary(value=[value(tag=tag, simple_value=number) for tag, number in values.items()])


def text(tag, content):
    shape = tensor_shape_pb2.TensorShapeProto(dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=1)])
    tensor = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, tensor_shape=shape, string_val=[content.encode()])
    plugin = summary_pb2.SummaryMetadata.PluginData(plugin_name="text")
    metadata = summary_pb2.SummaryMetadata(plugin_data=plugin)
    return summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag=tag, tensor=tensor, metadata=metadata)])


values = {"train/loss": 1.25, "train/learning_rate": 3e-4, "eval/loss": 0.0}
long = "lora_r: 16\n" * 40 + "ü\n"
start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
out = Path(__file__).parent.parent / "golden" / "text" / "tensorboard.json"
out.write_text(
    json.dumps(
        {
            "wall_time": WALL_TIME,
            # Step 0 is left out by Python, and may be written: both mean 0.
            "version": {"step": 1, "hex": record(step=1, file_version="brain.Event:2")},
            "restart": {"step": 301, "hex": record(step=301, session_log=start)},
            "scalars": {"step": 300, "values": values, "hex": record(step=300, summary=scalars(values))},
            "text": {"step": 2, "tag": "args/text_summary", "text": long, "hex": record(step=2, summary=text("args/text_summary", long))},
        },
        indent=2,
    )
    + "\n"
)
