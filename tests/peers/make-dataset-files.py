"""Writes tests/golden/text/dataset-files.json: which files of a repository `datasets` takes for each split.

Needs only `pip install datasets`. Each case is a folder of empty files, which `datasets` resolves like a repository.
"""

import json
import sys
import tempfile
from pathlib import Path

import datasets
from datasets.load import LocalDatasetModuleFactory


def card(*configs: str) -> str:
    return "---\nlicense: mit\nconfigs:\n" + "\n".join(configs) + "\n---\n# Title\n"


def shards(split: str, count: int, suffix: str = ".parquet") -> list[str]:
    return [f"data/{split}-{i:05d}-of-{count:05d}{suffix}" for i in range(count)]


plain = ["README.md", ".gitattributes", "LICENSE"]
cases: dict[str, tuple[list[str], str | None]] = {
    "one file": (["data.jsonl"], None),
    "one file per split at the top": (["train.jsonl", "test.jsonl", "valid.jsonl"], None),
    "shards in data/": (shards("train", 3) + shards("test", 1) + shards("extra.raw", 1), None),
    "shards with a hash": (shards("train", 2, "-0123abcd.parquet"), None),
    "shards at the top": (["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"], None),
    "folders per split": (["train/a.json", "train/b.json", "dev/a.json", "evaluation/deep/a.json"], None),
    "folders with a prefix": (["my train/a.csv", "data/en_test_v2/a.csv", "other/b.csv"], None),
    "keywords inside names": (["squad_train_v1.json", "squad-dev-v1.json", "constraint.json", "latest.json"], None),
    "training and train": (["training.jsonl", "train_0.jsonl", "train_1.jsonl", "train10.jsonl"], None),
    "numbers after the word": (["train1.jsonl", "test2.jsonl"], None),
    "several formats, most files": (["train_1.csv", "train_2.csv", "train_3.jsonl"], None),
    "several formats, as many": (["train.csv", "train.json", "train.jsonl", "train.parquet"], None),
    "csv and tsv": (["a.csv", "b.csv", "c.tsv"], None),
    "compressed": (["train.jsonl.gz", "test.jsonl.gz"], None),
    "hidden and special": ([".hidden.jsonl", "__pycache__/x.jsonl", ".git/x.jsonl", "a.jsonl", "config.json"], None),
    "other files": (["a.jsonl", "notes.md", "logo.svgz", "run.sh", "dataset_infos.json"], None),
    "names out of order": (["b.jsonl", "a.jsonl", "a/z.jsonl", "a-1.jsonl", "Z.jsonl", "é.jsonl", "10.jsonl", "9.jsonl"], None),
    "upper case": (["TRAIN.JSONL", "Train.jsonl", "test.jsonl"], None),
    "folder and file": (["train/a.jsonl", "test.jsonl"], None),
    "a word as folder and file": (["train/train_1.jsonl", "train/train-2/x.jsonl"], None),
    "card, one pattern": (["a/x.jsonl", "a/y.jsonl", "b/x.jsonl"], card("- config_name: default", "  data_files: a/*")),
    "card, list of patterns": (
        ["a/x.jsonl", "b/x.jsonl", "c.jsonl"],
        card("- config_name: all", "  data_files:", "  - b/*.jsonl", "  - a/x.jsonl", "  - none/*"),
    ),
    "card, splits and configs": (
        shards("train", 2) + ["en/train.jsonl", "en/test.jsonl", "fr/train.jsonl"],
        card(
            "- config_name: en",
            "  data_files:",
            "  - split: train",
            "    path: en/train*",
            "  - split: test",
            "    path: en/test*",
            "- config_name: fr",
            "  default: true",
            "  data_files:",
            "  - split: train",
            "    path: [fr/**]",
        ),
    ),
    "card, as push_to_hub writes it": (
        ["en/train-00000-of-00001.parquet", "en/test-00000-of-00001.parquet", "default/train-00000-of-00001.parquet"],
        card(
            "- config_name: en",
            "  data_files:",
            "  - split: train",
            "    path: en/train-*",
            "  - split: test",
            "    path: en/test-*",
            "- config_name: default",
            "  data_files:",
            "  - split: train",
            "    path: default/train-*",
        ),
    ),
    "card, data_dir": (
        ["en/train.jsonl", "en/test.jsonl", "fr/all.jsonl"],
        card("- config_name: en", "  data_dir: en", "- config_name: fr", "  data_dir: fr"),
    ),
    "card, data_dir and patterns": (
        ["en/x/train.jsonl", "en/y.jsonl", "x/train.jsonl"],
        card("- config_name: en", "  data_dir: en", "  data_files: x/*.jsonl"),
    ),
    "card, character classes": (
        ["part-1.jsonl", "part-2.jsonl", "part-a.jsonl", "part--.jsonl", "part-12.jsonl", "part-].jsonl"],
        card(
            "- config_name: digits",
            "  data_files: 'part-[0-9].jsonl'",
            "- config_name: others",
            "  data_files: 'part-[!0-9].jsonl'",
            "- config_name: some",
            "  data_files: 'part-[]a-].jsonl'",
            "- config_name: question",
            "  data_files: 'part-??.jsonl'",
            "- config_name: deep",
            "  data_files: '**/part-1*'",
        ),
    ),
    "card, hidden folders": (
        [".hidden/a.jsonl", ".hidden/.b.jsonl", "__x/a.jsonl", "a.jsonl"],
        card(
            "- config_name: hidden",
            "  data_files: '.hidden/*'",
            "- config_name: both",
            "  data_files: '.*/.*'",
            "- config_name: special",
            "  data_files: '__*/*'",
            "- config_name: every",
            "  data_files: '**/*.jsonl'",
        ),
    ),
    "card, numbers as names": (
        ["2023/a.jsonl"],
        card("- config_name: '2023'", "  data_files:", "  - split: train", "    path: 2023/*.jsonl"),
    ),
    "card, a file that is ignored unless named": (
        ["config.json", "dataset_infos.json", "a.json"],
        card("- config_name: named", "  data_files: config.json", "- config_name: pattern", "  data_files: '*.json'"),
    ),
    "card without configs": (["train.csv"], "---\nlicense: mit\n---\n"),
    "card without a header": (["train.csv"], "# Title\n---\nconfigs: no\n---\n"),
}


def resolve(files: list[str], readme: str | None) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        for name in files + (plain if readme is None else plain[1:]):
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("{}" if name == "dataset_infos.json" else "")
        if readme is not None:
            Path(folder, "README.md").write_text(readme)
        try:
            module = LocalDatasetModuleFactory(folder).get_module()
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}".replace(folder, "FOLDER")}
        parameters = module.builder_configs_parameters
        configs = {}
        for config in parameters.builder_configs:
            config._resolve_data_files(base_path=folder, download_config=datasets.DownloadConfig())
            configs[config.name] = {
                str(split): [Path(file).resolve().relative_to(Path(folder).resolve()).as_posix() for file in found]
                for split, found in config.data_files.items()
            }
        return {"default": parameters.default_config_name, "configs": configs}


written = []
for title, (files, readme) in cases.items():
    every = files + (plain if readme is None else plain[1:] + ["README.md"])
    written.append({"title": title, "files": every, "readme": readme, **resolve(files, readme)})
target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "golden/text/dataset-files.json"
target.write_text(json.dumps({"datasets": datasets.__version__, "cases": written}, ensure_ascii=False, indent=1) + "\n")
print(f"{len(written)} cases by datasets {datasets.__version__}")
