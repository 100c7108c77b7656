#!/usr/bin/env python3
"""Writes tests/golden/text/strftime.json: dates as Python formats them on Linux, with every directive and glibc's flags,
on random days and around New Year. Run from the repository's root."""
import json
import pathlib
import random
from datetime import datetime, timedelta

SEED, COUNT = 20261130, 80
DIRECTIVES = "aAbBCdefgGhHIjklmMnpPSstuUVwWyYzZ%cDFrRTxX"
FLAGS = [flag + letter for flag in "-_0" for letter in "deHIjklmMSuUVwyG"] + ["^a", "^B", "^A"]

draw = random.Random(SEED)
formats = ["%" + each for each in [*DIRECTIVES, *FLAGS] if each != "s"]
cases = []
for index in range(COUNT):
    date = datetime(2019, 1, 1) + timedelta(seconds=draw.randrange(12 * 365 * 86400), milliseconds=draw.randrange(1000))
    if index < COUNT // 2:
        date = date.replace(month=draw.choice([1, 12]), day=draw.choice([1, 2, 3, 4, 28, 29, 30, 31]))
    text = "|".join(draw.sample(formats, 8))
    parts = [date.year, date.month - 1, date.day, date.hour, date.minute, date.second, date.microsecond // 1000]
    cases.append({"date": parts, "format": text, "text": date.strftime(text)})
lines = ",\n".join(json.dumps(case) for case in cases)
folder = pathlib.Path(__file__).parent.parent / "golden" / "text"
(folder / "strftime.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
