"""
Makes tests/golden/model/heads.json: the loss that transformers has of each family's golden model, with and without
tie_word_embeddings, and with and without a head in the file. A head that is there is the embedding itself ("equal"), or
the embedding with its rows in the opposite order ("other"); "alone" is a head without an embedding. null: transformers
makes up the weights that are missing. "adapted" is the loss with the case's adapter_init on "tied true, head other".

    .venv/bin/python tests/peers/make-heads.py
"""
import json
import tempfile
from pathlib import Path

import torch
import transformers
from peft import PeftModel
from safetensors import safe_open
from safetensors.torch import save_file

GOLDEN = Path(__file__).parent.parent / "golden"
CASES = ["llama", "mistral-sliding", "qwen2", "qwen3", "phi3", "gemma2-packed", "gemma3", "gpt2-packed"]
EMBEDDINGS = ["model.embed_tokens.weight", "transformer.wte.weight", "wte.weight"]
HEAD = "lm_head.weight"
ROWS = 3


def variant(source, folder, tied, head):
    config = json.loads((source / "config.json").read_text())
    if tied is None:
        config.pop("tie_word_embeddings", None)
    else:
        config["tie_word_embeddings"] = tied
    (folder / "config.json").write_text(json.dumps(config))
    with safe_open(source / "model.safetensors", "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    embedding = next(name for name in EMBEDDINGS if name in tensors)
    tensors.pop(HEAD, None)
    if head in ("equal", "alone"):
        tensors[HEAD] = tensors[embedding].clone()
    if head == "other":
        tensors[HEAD] = tensors[embedding].flip(0).contiguous()
    if head == "alone":
        del tensors[embedding]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def loss_of(folder, rows, adapter=None):
    """Nats per supervised token; None where transformers makes up a weight that is not there."""
    model, info = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    if info["missing_keys"]:
        return None
    if adapter is not None:
        model = PeftModel.from_pretrained(model, adapter)
    model = model.double().eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for row in rows:
            logits = model(torch.tensor([row["input_ids"]])).logits[0, :-1]
            labels = torch.tensor(row["labels"][1:])
            total += torch.nn.functional.cross_entropy(logits, labels, reduction="sum", ignore_index=-100).item()
            count += (labels != -100).sum().item()
    return total / count


def main():
    result = {}
    for case in CASES:
        source = GOLDEN / case / "model"
        lines = (GOLDEN / case / "train.jsonl").read_text().splitlines()[:ROWS]
        rows = [json.loads(line) for line in lines]
        result[case] = {}
        for tied in (True, False, None):
            for head in ("none", "equal", "other", "alone"):
                with tempfile.TemporaryDirectory() as folder:
                    variant(source, Path(folder), tied, head)
                    key = f"tied {'absent' if tied is None else str(tied).lower()}, head {head}"
                    result[case][key] = loss_of(folder, rows)
        with tempfile.TemporaryDirectory() as folder:
            variant(source, Path(folder), True, "other")
            result[case]["adapted"] = loss_of(folder, rows, GOLDEN / case / "adapter_init")
        print(case, json.dumps(result[case], indent=1))
    text = json.dumps({"rows": ROWS, "loss": result}, indent=2) + "\n"
    (GOLDEN / "model" / "heads.json").write_text(text)


if __name__ == "__main__":
    main()
