"""Small tokenizers of every kind, and random settings around them: what a model folder's files can say of its tokens."""
import random

SPECIAL = ["<|a|>", "<b>", "</s>", "<s>", "<|im_end|>", "[T]", "héé", "<unk>"]
TEXTS = [
    "",
    "Hello world",
    " two  spaces\n\nlines ",
    "<s>say hi</s> <|a|>12345<b> x<|im_end|>\n<|im_end|>",
    "a <b> b <|a|> c [T] d[T]e",
    "héé caf\u00e9 cafe\u0301 ÉÉ 🌈 ▁x",
    "don't <b>don't  </s>",
    "<s> a</s>b <s>  c\n",
    "HÉÉ hÉé <image> <call> <img>world .",
]
WORDS = ["hello", "world", "two", "spaces", "lines", "say", "hi", "don't", "cafe"]


def added(content, id, **flags):
    token = {"id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return {**token, "special": True, **flags}


def byte_alphabet():
    from tokenizers import pre_tokenizers

    return sorted(pre_tokenizers.ByteLevel.alphabet())


def frame(model, tokens, **parts):
    empty = {"normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": None}
    head = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": tokens}
    return {**head, **empty, **parts, "model": model}


def bpe(pieces, merges, **settings):
    vocab = {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}
    return {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
            "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
            **settings, "vocab": vocab, "merges": merges}


def merges_of(words, space):
    merges = []
    for word in words:
        part = space
        for letter in word:
            if [part, letter] not in merges:
                merges.append([part, letter])
            part += letter
    return merges + [["1", "2"], ["3", "4"], ["l", "l"]]


def byte_level():
    merges = merges_of(WORDS[:4], "Ġ")
    pieces = ["</s>", "<s>", *byte_alphabet(), *(a + b for a, b in merges)]
    step = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    digits = {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, step]}
    tokens = [added("</s>", 0), added("<s>", 1), added("<|a|>", len(set(pieces)))]
    return frame(bpe(pieces, merges), tokens, pre_tokenizer=digits, decoder=step)


LETTERS = "▁abcdefghilnoprstuvwxyzHEÉ12345'\n<>|_/[]T"


def llama(prepend):
    merges = merges_of(WORDS[:4], "▁")
    bytes_ = [f"<0x{number:02X}>" for number in range(256)]
    pieces = ["<unk>", "<s>", "</s>", *bytes_, *LETTERS, *(a + b for a, b in merges), "▁▁"]
    model = bpe(pieces, merges + [["▁", "▁"]], unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    tokens = [added("<unk>", 0), added("<s>", 1), added("</s>", 2)]
    bos = {"SpecialToken": {"id": "<s>", "type_id": 0}}
    text = {"Sequence": {"id": "A", "type_id": 0}}
    post = {"type": "TemplateProcessing", "single": [bos, text], "pair": [bos, text, bos, text],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}}
    decoder = {"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}
    if prepend == "Metaspace":
        step = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": False}
        return frame(model, tokens, pre_tokenizer=step, post_processor=post, decoder=decoder)
    spaces = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    before = [{"type": "Prepend", "prepend": "▁"}] if prepend else []
    normalizer = {"type": "Sequence", "normalizers": [*before, spaces]}
    return frame(model, tokens, normalizer=normalizer, post_processor=post, decoder=decoder)


def word_level():
    pieces = ["<unk>", "<s>", "</s>", *WORDS, "a", "b", "c", "d", "<b>", ".", "x", "12345"]
    model = {"type": "WordLevel", "vocab": {piece: index for index, piece in enumerate(pieces)}, "unk_token": "<unk>"}
    return frame(model, [added("<unk>", 0), added("</s>", 2)], normalizer={"type": "Lowercase"},
                 pre_tokenizer={"type": "Whitespace"}, decoder=None)


def unigram():
    scores = [["<unk>", 0.0], ["<s>", 0.0], ["</s>", 0.0], *([f"▁{word}", -3.0 - index / 8] for index, word in enumerate(WORDS))]
    scores += [[letter, -6.0 - index / 16] for index, letter in enumerate(LETTERS)]
    step = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    return frame({"type": "Unigram", "unk_id": 0, "vocab": scores, "byte_fallback": False},
                 [added("<unk>", 0), added("<s>", 1), added("</s>", 2)], pre_tokenizer=step, decoder=step)


def bases():
    return {"byte-level": byte_level(), "llama-prepend": llama(True), "llama-plain": llama(False),
            "llama-metaspace": llama("Metaspace"), "word-level": word_level(), "unigram": unigram()}


def flagged(content, **flags):
    return {"content": content, "lstrip": False, "rstrip": False, "single_word": False, "normalized": False, "special": False, **flags}


def chosen():
    """What a user would lose, one by one: (title, base, files)."""
    fast, llama_class = {"tokenizer_class": "PreTrainedTokenizerFast"}, {"tokenizer_class": "LlamaTokenizer"}
    size = len(byte_level()["model"]["vocab"]) + 1

    def decoder(token, place=size):
        return {"tokenizer_config.json": {**fast, "added_tokens_decoder": {str(place): token}}}

    def config(**settings):
        return {"tokenizer_config.json": {**fast, **settings}}

    def of_class(settings, model_type="llama"):
        return {"config.json": {"model_type": model_type}, "tokenizer_config.json": settings}

    return [
        ("a token that only added_tokens_decoder lists is one token", "byte-level", decoder(flagged("<b>"))),
        ("lstrip of added_tokens_decoder takes the spaces before a token", "byte-level", decoder(flagged("<b>", lstrip=True))),
        ("rstrip of added_tokens_decoder takes the spaces after a token", "byte-level", decoder(flagged("<b>", rstrip=True))),
        ("single_word matches only whole words", "byte-level", decoder(flagged("[T]", single_word=True))),
        ("normalized matches the normalised text", "word-level", decoder(flagged("héé", normalized=True), 20)),
        ("without normalized, a token matches the text as it is", "word-level", decoder(flagged("héé"), 20)),
        ("added_tokens_decoder changes the flags of tokenizer.json's tokens", "byte-level", decoder(flagged("<s>", lstrip=True, rstrip=True), 1)),
        ("tokens of additional_special_tokens are single tokens", "byte-level", config(additional_special_tokens=["<|im_end|>", "<b>"])),
        ("tokens of extra_special_tokens are single tokens", "byte-level", config(extra_special_tokens=["<|im_end|>", "<b>"])),
        ("extra_special_tokens goes before additional_special_tokens", "byte-level",
         config(extra_special_tokens=["<b>"], additional_special_tokens=["<|im_end|>"])),
        ("an object of extra_special_tokens names tokens", "byte-level", config(extra_special_tokens={"image_token": "<image>"})),
        ("a model's own token, such as image_token, is a single token", "byte-level", config(image_token="<image>")),
        ("flags of a named AddedToken apply", "byte-level",
         config(eos_token={"__type": "AddedToken", **flagged("<|im_end|>", lstrip=True, special=True)})),
        ("split_special_tokens splits special tokens, and no others", "byte-level",
         {"tokenizer_config.json": {**fast, "split_special_tokens": True, "added_tokens_decoder": {
             "0": flagged("</s>", special=True), "1": flagged("<s>", special=True), str(size - 1): flagged("<|a|>", special=True),
             str(size): flagged("<b>")}}}),
        ("special_tokens_map.json goes before tokenizer_config.json", "byte-level",
         {**config(eos_token="<b>"), "special_tokens_map.json": {"eos_token": {"content": "<|im_end|>", "lstrip": True}}}),
        ("special_tokens_map.json is not read beside added_tokens_decoder", "byte-level",
         {**decoder(flagged("<b>")), "special_tokens_map.json": {"eos_token": "<|im_end|>"}}),
        ("tokens of added_tokens.json are single tokens", "byte-level", {"added_tokens.json": {"<call>": size}}),
        ("add_prefix_space has no effect on tokenizer.json's pre-tokenizer", "byte-level", config(add_prefix_space=True)),
        ("add_prefix_space puts a space before texts of a GPT2Tokenizer", "byte-level",
         of_class({"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": True})),
        ("a Qwen2Tokenizer has its own pre-tokenizer", "byte-level", of_class({"tokenizer_class": "Qwen2Tokenizer"}, "qwen3")),
        ("add_bos_token, add_eos_token and model_max_length have no effect", "llama-prepend",
         config(add_bos_token=False, add_eos_token=True, bos_token="<s>", eos_token="</s>", model_max_length=3)),
        ("a Llama tokenizer puts no space after special tokens", "llama-prepend", of_class(llama_class)),
        ("a Llama tokenizer with legacy false puts no space after special tokens", "llama-prepend", of_class({**llama_class, "legacy": False})),
        ("a Llama tokenizer with legacy true puts a space after special tokens", "llama-prepend", of_class({**llama_class, "legacy": True})),
        ("a Llama tokenizer without add_prefix_space puts no space before texts", "llama-prepend",
         of_class({**llama_class, "add_prefix_space": False})),
        ("a Mistral model keeps tokenizer.json's normaliser", "llama-prepend", of_class(llama_class, "mistral")),
        ("a Phi-3 model keeps tokenizer.json's normaliser", "llama-prepend", of_class({**llama_class, "legacy": False}, "phi3")),
        ("a Llama tokenizer of bytes (Llama 3) keeps its pre-tokenizer", "byte-level", of_class({"tokenizer_class": "LlamaTokenizerFast"})),
        ("PreTrainedTokenizerFast keeps tokenizer.json's normaliser", "llama-prepend", of_class(fast)),
        ("a Gemma tokenizer has its own normaliser", "llama-metaspace",
         of_class({"tokenizer_class": "GemmaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<unk>"}, "gemma2")),
        ("a Metaspace pre-tokenizer stays as it is", "llama-metaspace", config()),
        ("a Unigram tokenizer stays as it is", "unigram", config(bos_token="<s>", eos_token="</s>", additional_special_tokens=["<b>"])),
        ("clean_up_tokenization_spaces applies to a tokenizer of words", "word-level", config(clean_up_tokenization_spaces=True)),
        ("clean_up_tokenization_spaces does not apply to BPE", "byte-level", config(clean_up_tokenization_spaces=True)),
    ]


CLASSES = ["PreTrainedTokenizerFast", "TokenizersBackend", "LlamaTokenizer", "LlamaTokenizerFast", "GPT2Tokenizer",
           "GPT2TokenizerFast", "Qwen2Tokenizer", "Qwen2TokenizerFast", "GemmaTokenizer", "GemmaTokenizerFast",
           "GPTNeoXTokenizerFast", "CodeLlamaTokenizer", None]
TYPES = ["llama", "mistral", "qwen2", "qwen3", "phi3", "gemma2", "gemma3_text", "gpt2"]


class Settings:
    """Random files around one of the tokenizers."""

    def __init__(self, source):
        self.random = source

    def maybe(self, chance):
        return self.random.random() < chance

    def flags(self, special=True):
        names = ["lstrip", "rstrip", "single_word", "normalized"]
        flags = {name: self.maybe(0.3) for name in names if self.maybe(0.9)}
        return {**flags, **({"special": self.maybe(0.6)} if special else {})}

    def token(self, content=None):
        """A token as text or as AddedToken."""
        content = content or self.random.choice(SPECIAL)
        return content if self.maybe(0.6) else {"__type": "AddedToken", "content": content, **self.flags()}

    def decoder(self, tokenizer):
        size = len(tokenizer["model"]["vocab"])
        contents = self.random.sample([*SPECIAL, "<call>", "<image>"], self.random.randrange(1, 6))
        listed = {str(entry["id"]): entry for entry in tokenizer["added_tokens"] if self.maybe(0.8)}
        result = {key: {"content": entry["content"], **self.flags()} for key, entry in listed.items()}
        for content in contents:
            vocab = tokenizer["model"]["vocab"]
            place = vocab.get(content) if isinstance(vocab, dict) else None
            result[str(size if place is None else place)] = {"content": content, **self.flags()}
            size += 1
        return result

    def config(self, tokenizer):
        config = {}
        name = self.random.choice(CLASSES)
        if name is not None:
            config["tokenizer_class"] = name
        if self.maybe(0.5):
            config["legacy"] = self.random.choice([True, False, None])
        if self.maybe(0.3):
            config["add_prefix_space"] = self.random.choice([True, False])
        for key in ["bos_token", "eos_token", "pad_token", "unk_token"]:
            if self.maybe(0.5):
                config[key] = None if self.maybe(0.15) else self.token()
        if self.maybe(0.5):
            config["added_tokens_decoder"] = self.decoder(tokenizer)
        if self.maybe(0.3):
            config["additional_special_tokens"] = [self.token() for _ in range(self.random.randrange(4))]
        if self.maybe(0.2):
            extra = [self.token(content) for content in self.random.sample(["<image>", "<call>", "[T]"], 2)]
            config["extra_special_tokens"] = extra if self.maybe(0.6) else dict(zip(["image_token", "call_token"], extra))
        for key in ["split_special_tokens", "add_bos_token", "add_eos_token", "clean_up_tokenization_spaces"]:
            if self.maybe(0.15):
                config[key] = self.maybe(0.7)
        if self.maybe(0.1):
            config["image_token"] = self.token("<image>")
        if self.maybe(0.1):
            config["model_max_length"] = 4
        return config

    def files(self, tokenizer):
        model = {"model_type": self.random.choice(TYPES)}
        if self.maybe(0.1):
            model["tokenizer_class"] = self.random.choice([name for name in CLASSES if name])
        files = {"config.json": model}
        if self.maybe(0.95):
            files["tokenizer_config.json"] = self.config(tokenizer)
        if self.maybe(0.2):
            names = self.random.sample(["bos_token", "eos_token", "pad_token"], 2)
            flags = {"content": self.random.choice(SPECIAL), **self.flags(special=False)}
            files["special_tokens_map.json"] = {names[0]: self.random.choice(SPECIAL), names[1]: flags}
            if self.maybe(0.5):
                files["special_tokens_map.json"]["additional_special_tokens"] = ["<image>", "[T]"]
        if self.maybe(0.15):
            size = len(tokenizer["model"]["vocab"])
            files["added_tokens.json"] = {"<call>": size, "[T]": size + 1}
        return files


def drawn(count, seed):
    source = random.Random(seed)
    names = list(bases())
    for _ in range(count):
        base = source.choice(names)
        yield {"base": base, "files": Settings(source).files(bases()[base])}
