"""Builds the inputs of a golden case: a small random model folder, an adapter to start from, examples. Seeded."""
import json
import random
import re
import zlib

import torch
import transformers
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


NORM = re.compile(r"(norm|ln_1|ln_2|ln_f)\.weight$")


def seed_of(name):
    return zlib.crc32(name.encode())


def random_weights(model, generator):
    """Norms around 1 (gemma's are stored less 1), biases that matter, all else large enough that the layers differ."""
    centre = 0 if model.config.model_type.startswith("gemma") else 1
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if NORM.search(name):
            parameter.data = centre + 0.2 * noise
        else:
            parameter.data = (0.1 if name.endswith(".bias") else 0.08) * noise


def write_model(folder, config, shards, seed, without_prefix=""):
    """
    A Hugging Face folder with this config.json, word for word. Tensors go to the files in turn, their names without a
    prefix.
    """
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    model = transformers.AutoModelForCausalLM.from_config(transformers.AutoConfig.from_pretrained(folder))
    random_weights(model, torch.Generator().manual_seed(seed))
    dtype = DTYPES[config.get("dtype") or config["torch_dtype"]]
    tensors = {name.removeprefix(without_prefix): value.data.to(dtype).contiguous() for name, value in model.named_parameters()}
    if shards == 1:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return
    parts = [dict(list(tensors.items())[number::shards]) for number in range(shards)]
    weight_map = {}
    for number, part in enumerate(parts, start=1):
        file = f"model-{number:05d}-of-{shards:05d}.safetensors"
        save_file(part, folder / file, metadata={"format": "pt"})
        weight_map.update(dict.fromkeys(part, file))
    total = sum(value.nbytes for value in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2, sort_keys=True) + "\n")


def write_initial_adapter(folder, model_folder, lora, seed):
    """PEFT's own initialisation of A; B is random too, or A would have no gradient in the first step."""
    torch.manual_seed(seed)
    base = transformers.AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32)
    model = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", lora_dropout=0.0, **lora))
    generator = torch.Generator().manual_seed(seed + 1)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            parameter.data = 0.02 * torch.randn(parameter.shape, generator=generator)
    save_adapter(model, folder)


def save_adapter(model, folder):
    """PEFT's save_pretrained in float32, without what differs from run to run."""
    model.float().save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    file = folder / "adapter_config.json"
    config = json.loads(file.read_text())
    config["base_model_name_or_path"] = None
    config["target_modules"] = sorted(config["target_modules"])
    file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def supervision(chance, length):
    """Which places of an example are supervised: all, after a prompt, or some turns of several."""
    kind = chance.choice(["all", "completion", "turns"])
    if kind == "all":
        return [True] * length
    if kind == "completion":
        start = chance.randrange(1, length - 1)
        return [place >= start for place in range(length)]
    start, period = chance.randrange(3), chance.randrange(2, 6)
    return [(place + start) // period % 2 == 1 for place in range(length)]


def token_examples(seed, vocabulary, count, longest, typical):
    """Noisy arithmetic progressions, so that there is something to learn: one of `longest`, others below `typical`."""
    chance = random.Random(seed)
    examples = []
    while len(examples) < count:
        length = longest if not examples else chance.randrange(4, typical)
        token, stride = chance.randrange(3, vocabulary), chance.choice([3, 7, 11])
        ids = []
        for _ in range(length):
            ids.append(token if chance.random() > 0.15 else chance.randrange(3, vocabulary))
            token = 3 + (token - 3 + stride) % (vocabulary - 3)
        labels = [id if on else -100 for id, on in zip(ids, supervision(chance, length), strict=True)]
        if any(label != -100 for label in labels[1:]):
            examples.append((ids, labels))
    return examples
