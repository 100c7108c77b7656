"""A LoRA fine-tuning by torch + transformers + PEFT in float64: what a run of coxswain has to equal.

Every example is run alone, without padding, so that nothing depends on how rows are batched, padded or packed. The
gradient of a step is that of the mean over the supervised tokens (counted after the shift) of its whole global batch.
It is kept deliberately plain; it knows nothing of shards, workers or coxswain's files.
"""
import json
import math
import pathlib
import warnings

import torch
import transformers
from peft import PeftModel
from torch.nn.functional import cross_entropy

# transformers warns of its own use of its own old names.
warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")

# What the run file's `optim` keys default to.
OPTIM_DEFAULTS = {
    "lr_scheduler_type": "cosine",
    "lr_scheduler_kwargs": {},
    "warmup_ratio": 0.0,
    "warmup_steps": None,
    "weight_decay": 0.0,
    "adam_beta1": 0.9,
    "adam_beta2": 0.999,
    "adam_epsilon": 1e-8,
    "max_grad_norm": 1.0,
}


def read_tokens(path):
    """Examples of a file in `tokens` format: [(input_ids, labels)], lists of int."""
    examples = []
    for number, line in enumerate(pathlib.Path(path).read_text().splitlines(), start=1):
        if not line.strip():
            continue
        example = json.loads(line)
        ids, labels = example["input_ids"], example["labels"]
        if len(ids) != len(labels):
            raise SystemExit(f"{path}:{number}: {len(ids)} input_ids but {len(labels)} labels")
        examples.append((ids, labels))
    return examples


def quantize_linear_layers(base):
    """Puts bitsandbytes' NF4 approximation (double quantisation) in the place of every linear layer's weight but the head's."""
    from bitsandbytes import functional

    for name, module in base.named_modules():
        if isinstance(module, torch.nn.Linear) and name != "lm_head":
            weight = module.weight.data
            packed, state = functional.quantize_4bit(weight.float(), quant_type="nf4", compress_statistics=True)
            module.weight.data = functional.dequantize_4bit(packed, state).reshape(weight.shape).to(weight.dtype)


def load_adapted(model_folder, adapter_folder, dtype=torch.float64, trainable=True, quantization=None):
    """The base model with an adapter on it, in evaluation mode (dropout off); quantization "nf4" rounds its weights."""
    base = transformers.AutoModelForCausalLM.from_pretrained(model_folder, dtype=dtype)
    if quantization == "nf4":
        quantize_linear_layers(base)
    model = PeftModel.from_pretrained(base, adapter_folder, is_trainable=trainable)
    # PEFT reads adapters as float32 whatever the base is.
    return model.to(dtype).eval()


def supervised(labels):
    """How many tokens an example supervises: the first has nothing that could predict it."""
    return sum(label != -100 for label in labels[1:])


def loss_sum(model, ids, labels):
    """Sum of the negative log-likelihoods (nats) over the supervised tokens of one example."""
    logits = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0]
    targets = torch.tensor(labels[1:])
    return cross_entropy(logits[:-1], targets, ignore_index=-100, reduction="sum")


def warmup_steps(optim, max_steps):
    if optim["warmup_steps"] is not None:
        return optim["warmup_steps"]
    return math.ceil(optim["warmup_ratio"] * max_steps)


def make_optimizer(parameters, optim, max_steps):
    optimizer = torch.optim.AdamW(
        parameters,
        lr=optim["learning_rate"],
        betas=(optim["adam_beta1"], optim["adam_beta2"]),
        eps=optim["adam_epsilon"],
        weight_decay=optim["weight_decay"],
    )
    scheduler = transformers.get_scheduler(
        optim["lr_scheduler_type"],
        optimizer,
        num_warmup_steps=warmup_steps(optim, max_steps),
        num_training_steps=max_steps,
        scheduler_specific_kwargs=optim["lr_scheduler_kwargs"],
    )
    return optimizer, scheduler


def global_batches(examples, size, steps):
    """File order, without shuffling; an epoch's last batch may be smaller."""
    epoch = [examples[at : at + size] for at in range(0, len(examples), size)]
    return [epoch[step % len(epoch)] for step in range(steps)]


def accumulate(model, batch):
    """Adds the gradient of the batch's mean loss to the parameters' .grad; (mean loss, supervised tokens)."""
    tokens = sum(supervised(labels) for _, labels in batch)
    total = 0.0
    for ids, labels in batch:
        part = loss_sum(model, ids, labels)
        (part / tokens).backward()
        total += part.item()
    return total / tokens, tokens


def train(model, optim, max_steps, batches):
    """
    Runs `max_steps` steps and changes the model's adapter.
    Returns (steps as in expected.json, gradients of the first step before clipping by parameter name)
    """
    optim = {**OPTIM_DEFAULTS, **optim}
    named = {name: value for name, value in model.named_parameters() if value.requires_grad}
    parameters = list(named.values())
    optimizer, scheduler = make_optimizer(parameters, optim, max_steps)
    steps, first = [], {}
    for number, batch in enumerate(batches[:max_steps], start=1):
        optimizer.zero_grad()
        loss, tokens = accumulate(model, batch)
        if number == 1:
            first = {name: value.grad.clone() for name, value in named.items()}
        limit = optim["max_grad_norm"] or math.inf
        norm = torch.nn.utils.clip_grad_norm_(parameters, limit, foreach=False)
        rate = scheduler.get_last_lr()[0]
        optimizer.step()
        scheduler.step()
        steps.append(
            {"step": number, "loss": loss, "grad_norm": norm.item(), "learning_rate": rate, "supervised_tokens": tokens}
        )
    return steps, first


def plain_name(name):
    """A parameter's name in an adapter file: without the adapter's own name in it."""
    return name.replace(".default.", ".")


def reference_line():
    import peft

    return f"torch {torch.__version__}, transformers {transformers.__version__}, peft {peft.__version__}, float64"
