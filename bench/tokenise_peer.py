"""The other side of tokenise.mjs: renders and tokenises the chats of a JSONL file with transformers, on all cores.

    python bench/tokenise_peer.py MODEL FILE
"""

import json
import resource
import sys
import time

from transformers import AutoTokenizer

batch_size = 1000


def main(model: str, file: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(model)
    tokens = 0

    def count(chats: list) -> int:
        texts = [tokenizer.apply_chat_template(chat, tokenize=False) for chat in chats]
        encoded = tokenizer(texts, add_special_tokens=False, truncation=True, max_length=1024)
        return sum(len(ids) for ids in encoded["input_ids"])

    start = time.perf_counter()
    chats: list = []
    with open(file, encoding="utf8") as lines:
        for line in lines:
            chats.append(json.loads(line)["messages"])
            if len(chats) == batch_size:
                tokens += count(chats)
                chats = []
    if chats:
        tokens += count(chats)
    seconds = time.perf_counter() - start
    usage = resource.getrusage(resource.RUSAGE_SELF)
    figures = {
        "seconds": seconds,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss * 1024,
        "tokens": tokens,
    }
    print(json.dumps(figures))


main(*sys.argv[1:])
