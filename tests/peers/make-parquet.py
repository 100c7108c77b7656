"""Makes tests/golden/parquet/: files that pyarrow writes, and the rows that it reads from them.

    pip install pyarrow && python tests/peers/make-parquet.py

types.parquet has every type that examples can have, codecs/ the same conversations by every codec and page version, and
each .jsonl what Python has: numbers as JSON, all else as `str()` gives it.
"""

import datetime as dt
import decimal
import json
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

OUT = pathlib.Path(__file__).resolve().parents[1] / "golden" / "parquet"


def plain(value, kind):
    """As a template would print it."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if pa.types.is_map(kind):
        return {key: plain(item, kind.item_type) for key, item in value}
    if pa.types.is_list(kind):
        return [plain(item, kind.value_type) for item in value]
    if pa.types.is_struct(kind):
        return {field.name: plain(value[field.name], field.type) for field in kind}
    return str(value)


def write(name, table, **options):
    path = OUT / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, **options)
    back = pq.read_table(path)
    rows = [{field.name: plain(row[field.name], field.type) for field in back.schema} for row in back.to_pylist()]
    lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows]
    (OUT / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def types():
    utc = dt.timezone.utc
    columns = {
        "text": pa.array(["a", "", None, "é日本🙂\n"]),
        "category": pa.array(["x", "y", "x", None]).dictionary_encode(),
        "int64": pa.array([2**63 - 1, -(2**63), 0, 9007199254740993], pa.int64()),
        "uint64": pa.array([2**64 - 1, 0, None, 5], pa.uint64()),
        "uint32": pa.array([2**32 - 1, 0, None, 5], pa.uint32()),
        "int8": pa.array([-128, 127, None, 0], pa.int8()),
        "float64": pa.array([0.1, 1e300, None, 2.0]),
        "float32": pa.array([0.1, 0.5, None, 3.0], pa.float32()),
        "bool": pa.array([True, False, None, True]),
        "date": pa.array([dt.date(2024, 1, 31), dt.date(1, 1, 1), None, dt.date(9999, 12, 31)]),
        "local_us": pa.array([dt.datetime(2024, 1, 31, 3, 4, 5, 6), dt.datetime(1900, 1, 1), None, dt.datetime(2024, 1, 1, 0, 0, 1)]),
        "utc_ms": pa.array([dt.datetime(2024, 1, 31, 3, 4, 5, 6000, utc), None, None, dt.datetime(1969, 12, 31, 23, 59, 59, tzinfo=utc)], pa.timestamp("ms", "UTC")),
        "time": pa.array([dt.time(3, 4, 5, 6), dt.time(23, 59, 59), None, dt.time(0)]),
        "decimal": pa.array([decimal.Decimal("1.50"), decimal.Decimal("-0.01"), None, decimal.Decimal("0.00")], pa.decimal128(9, 2)),
        "small": pa.array([decimal.Decimal("1e-12"), decimal.Decimal("-1234.5"), None, decimal.Decimal(0)], pa.decimal256(50, 12)),
        "map": pa.array([[("10", 1), ("2", None)], [], None, [("é", 3)]], pa.map_(pa.string(), pa.int32())),
        "lists": pa.array([[[1], [], None], [], None, [[2, None]]], pa.list_(pa.list_(pa.int32()))),
        "struct": pa.array([{"10": "a", "2": {"x": 1}}, None, {"10": None, "2": None}, {"10": "b", "2": {"x": None}}]),
        "null": pa.array([None] * 4, pa.null()),
    }
    return pa.table(columns)


def conversations():
    rows = []
    for number in range(30):
        messages = [
            {"role": "user", "content": f"What is {number} + {number}?\nSay it, \"please\"."},
            {"role": "assistant", "content": f"{2 * number} é"},
        ]
        if number % 3 == 0:
            messages.insert(0, {"role": "system", "content": "Add."})
        rows.append({"messages": messages})
    return pa.Table.from_pylist(rows)


def image():
    """A column that examples cannot have, beside two that they can."""
    return pa.table({"prompt": ["a"], "image": [{"bytes": b"\x89PNG", "path": "a.png"}], "completion": ["b"]})


if __name__ == "__main__":
    write("types", types(), row_group_size=3, version="2.6", write_page_checksum=True)
    for codec in ("none", "snappy", "gzip", "zstd", "brotli", "lz4"):
        for pages in ("1.0", "2.0"):
            # Small pages and groups, so that rows cross both.
            write(f"codecs/{codec}-{pages[0]}", conversations(), compression=codec, data_page_version=pages,
                  row_group_size=13, data_page_size=128, write_batch_size=2, use_dictionary=pages == "1.0",
                  write_page_checksum=True)
    for extra in OUT.glob("codecs/*.jsonl"):
        extra.replace(OUT / "conversations.jsonl")
    pq.write_table(image(), OUT / "image.parquet")
