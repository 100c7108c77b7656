"""The golden cases that make-golden.py makes: what each is there to catch, as data. Builds and runs nothing."""

# Keys of config.json that every case has.
COMMON = {
    "attention_dropout": 0.0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "hidden_act": "silu",
    "initializer_range": 0.08,
    "num_hidden_layers": 2,
    "pad_token_id": 0,
    "use_cache": True,
}

TOKEN_CASES = {
    # A window shorter than the rows, weights in half precision, an output layer of its own, head_dim apart from
    # hidden/heads as in Mistral-Nemo.
    "mistral-sliding": {
        "config": {
            "architectures": ["MistralForCausalLM"],
            "model_type": "mistral",
            "dtype": "float16",
            "head_dim": 16,
            "hidden_size": 48,
            "intermediate_size": 96,
            "max_position_embeddings": 256,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "rms_norm_eps": 1e-5,
            "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"},
            "sliding_window": 8,
            "tie_word_embeddings": False,
            "transformers_version": "5.24.0",
            "vocab_size": 256,
        },
        "lora": {"r": 4, "lora_alpha": 16, "target_modules": "all-linear"},
        "optim": {
            "learning_rate": 0.005,
            "lr_scheduler_type": "polynomial",
            "lr_scheduler_kwargs": {"power": 2.0, "lr_end": 1e-5},
            "warmup_steps": 3,
            "weight_decay": 0.0,
            "max_grad_norm": 1.0,
        },
    },
    # A config as transformers 4 wrote it; biases on every linear layer; wavelengths in all three regimes of the
    # scaling (shorter than 8, between, longer than 32); rsLoRA.
    "llama-rope-llama3": {
        "config": {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "attention_bias": True,
            "hidden_size": 48,
            "intermediate_size": 80,
            "max_position_embeddings": 128,
            "mlp_bias": True,
            "num_attention_heads": 4,
            "num_key_value_heads": 1,
            "pretraining_tp": 1,
            "rms_norm_eps": 1e-5,
            "rope_scaling": {
                "factor": 4.0,
                "high_freq_factor": 4.0,
                "low_freq_factor": 1.0,
                "original_max_position_embeddings": 32,
                "rope_type": "llama3",
            },
            "rope_theta": 5000.0,
            "tie_word_embeddings": True,
            "torch_dtype": "float32",
            "transformers_version": "4.45.2",
            "vocab_size": 192,
        },
        "lora": {"r": 4, "lora_alpha": 8, "target_modules": "all-linear", "use_rslora": True},
        "optim": {
            "learning_rate": 0.004,
            "lr_scheduler_type": "cosine_with_min_lr",
            "lr_scheduler_kwargs": {"min_lr": 2e-4},
            "warmup_ratio": 0.13,
            "weight_decay": 0.0,
            "max_grad_norm": 1.0,
        },
    },
    # Three weight files with an index, tensors of one layer spread over them; yarn with its attention factor.
    "qwen3-yarn-sharded": {
        "shards": 3,
        "config": {
            "architectures": ["Qwen3ForCausalLM"],
            "model_type": "qwen3",
            "attention_bias": False,
            "dtype": "bfloat16",
            "head_dim": 24,
            "hidden_size": 40,
            "intermediate_size": 88,
            "layer_types": ["full_attention", "full_attention"],
            "max_position_embeddings": 128,
            "max_window_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "rms_norm_eps": 1e-6,
            "rope_parameters": {
                "factor": 4.0,
                "original_max_position_embeddings": 32,
                "rope_theta": 10000.0,
                "rope_type": "yarn",
            },
            "sliding_window": None,
            "tie_word_embeddings": False,
            "transformers_version": "5.24.0",
            "use_sliding_window": False,
            "vocab_size": 256,
        },
        "lora": {"r": 4, "lora_alpha": 4, "target_modules": "all-linear"},
        "optim": {
            "learning_rate": 0.006,
            "lr_scheduler_type": "warmup_stable_decay",
            "lr_scheduler_kwargs": {"num_decay_steps": 8, "min_lr_ratio": 0.1},
            "warmup_steps": 4,
            "weight_decay": 0.1,
            "max_grad_norm": 1.0,
        },
    },
    # The first layer sees everything, the second a window of 8; the oldest spelling of rope scaling; a vocabulary
    # that no power of two divides; a limit that clips every step.
    "qwen2-linear-window": {
        "config": {
            "architectures": ["Qwen2ForCausalLM"],
            "model_type": "qwen2",
            "hidden_size": 48,
            "intermediate_size": 80,
            "max_position_embeddings": 256,
            "max_window_layers": 1,
            "num_attention_heads": 6,
            "num_key_value_heads": 3,
            "rms_norm_eps": 1e-6,
            "rope_scaling": {"factor": 2.0, "type": "linear"},
            "rope_theta": 10000.0,
            "sliding_window": 8,
            "tie_word_embeddings": False,
            "torch_dtype": "float32",
            "transformers_version": "4.43.1",
            "use_sliding_window": True,
            "vocab_size": 203,
        },
        "lora": {"r": 3, "lora_alpha": 12, "target_modules": ["q_proj", "k_proj", "o_proj", "down_proj"]},
        "optim": {
            "learning_rate": 0.01,
            "lr_scheduler_type": "inverse_sqrt",
            "warmup_steps": 4,
            "weight_decay": 0.01,
            "max_grad_norm": 0.05,
        },
    },
    # QLoRA: linear layers in NF4, of sizes that leave a part of a block at the end; all else as stored, in half precision.
    "qwen3-nf4": {
        "quantization": "nf4",
        "config": {
            "architectures": ["Qwen3ForCausalLM"],
            "model_type": "qwen3",
            "attention_bias": False,
            "dtype": "bfloat16",
            "head_dim": 10,
            "hidden_size": 36,
            "intermediate_size": 70,
            "max_position_embeddings": 128,
            "num_attention_heads": 3,
            "num_key_value_heads": 1,
            "rms_norm_eps": 1e-6,
            "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"},
            "tie_word_embeddings": False,
            "transformers_version": "5.24.0",
            "vocab_size": 211,
        },
        "lora": {"r": 4, "lora_alpha": 8, "target_modules": "all-linear"},
        "optim": {
            "learning_rate": 0.005,
            "lr_scheduler_type": "cosine",
            "warmup_steps": 2,
            "weight_decay": 0.0,
            "max_grad_norm": 1.0,
        },
    },
    # Every step uses the whole file, so the numbers don't depend on which examples share a row: only on attention
    # that stays within an example, positions that restart, and no target across the seam.
    "llama-packed": {
        "packing": True,
        "max_length": 64,
        "global_batch_size": 64,
        "examples": 40,
        "typical_length": 24,
        "config": {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "attention_bias": False,
            "dtype": "float32",
            "head_dim": 8,
            "hidden_size": 32,
            "intermediate_size": 64,
            "max_position_embeddings": 256,
            "mlp_bias": False,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "rms_norm_eps": 1e-6,
            "rope_parameters": {"rope_theta": 100.0, "rope_type": "default"},
            "tie_word_embeddings": True,
            "transformers_version": "5.24.0",
            "vocab_size": 256,
        },
        "lora": {"r": 8, "lora_alpha": 16, "target_modules": "all-linear"},
        "optim": {
            "learning_rate": 0.005,
            "lr_scheduler_type": "cosine",
            "warmup_ratio": 0.1,
            "weight_decay": 0.0,
            "max_grad_norm": 1.0,
        },
    },
}

# Conversations on the bundled model. `{% generation %}` marks what the assistant says.
CHAT_CASE = {
    "model": "examples/quickstart/model",
    "data": "examples/quickstart/data/train.jsonl",
    "chat_template": (
        "{% for message in messages %}{% if message['role'] == 'assistant' %}{{ '<|im_start|>assistant\\n' }}"
        "{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}{{ '\\n' }}"
        "{% else %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
        "{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
    ),
    "lora": {"r": 2, "lora_alpha": 4, "target_modules": ["q_proj", "v_proj", "down_proj"]},
    "optim": {
        "learning_rate": 0.003,
        "lr_scheduler_type": "linear",
        "warmup_steps": 1,
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
    },
    # Put before the quickstart's own: several turns, a system message, an assistant that speaks first, and text whose
    # characters, code points, bytes and tokens all differ in number.
    "conversations": [
        [
            {"role": "system", "content": "Answer in one line."},
            {"role": "user", "content": "Name three colours."},
            {"role": "assistant", "content": "Red, green, blue."},
            {"role": "user", "content": "One more?"},
            {"role": "assistant", "content": "Violet — or “mauve” 🌈."},
        ],
        [
            {"role": "user", "content": "Écris naïve, café et ñandú 👩‍👩‍👧"},
            {"role": "assistant", "content": "naïve, café, ñandú 👩‍👩‍👧 voilà"},
        ],
        [
            {"role": "assistant", "content": "Hello. What can I do?"},
            {"role": "user", "content": "  Say nothing  \n\nthen stop."},
            {"role": "assistant", "content": ""},
        ],
        [
            {"role": "user", "content": "say it twice"},
            {"role": "assistant", "content": "first\n"},
            {"role": "assistant", "content": "\n  second 你好，世界"},
        ],
    ],
}
