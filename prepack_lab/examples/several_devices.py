"""The next token of every prompt in a file, found by as many processes as `torchrun` starts.

    torchrun --nproc-per-node 2 -m prepack_lab.examples.several_devices prompts.txt --out next_tokens.jsonl

Each process takes a GPU; on a machine without GPUs they share the CPU. Without `torchrun` it is a single process.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch.distributed as dist

import prepack_lab as lab
from prepack_lab.examples.sharding import join_ranks, prefill_over_ranks, shard
from prepack_lab.prefilling import Prefill


def main() -> None:
    parser = argparse.ArgumentParser(description="The next token of every prompt in a file, on several devices.")
    parser.add_argument("prompts", type=Path, help="a .txt, .jsonl or .csv file")
    parser.add_argument("--model", default="smollm2-135m", help="as for load_model; default: %(default)s")
    parser.add_argument("--batch-size", type=int, default=16, help="rows per forward pass; default: %(default)s")
    parser.add_argument("--out", type=Path, help="file to write, a line of JSON per prompt; default: print them")
    chosen = parser.parse_args()
    with join_ranks() as device:
        model, tokenizer = lab.load_model(chosen.model, device=device)
        texts = lab.read_prompts(chosen.prompts)
        prompts = lab.tokenize(tokenizer, texts)
        tokens = prefill_over_ranks(model, prompts, next_tokens, chosen.batch_size)
        if tokens is None:  # not rank 0
            return
        lengths = [len(prompt) for prompt in prompts]
        shares = shard(lengths, dist.get_world_size())
        print("tokens of each rank:", *(sum(lengths[index] for index in share) for share in shares))
    lines = [
        json.dumps({"prompt": text, "next": tokenizer.decode([token])}, ensure_ascii=False)
        for text, token in zip(texts, tokens, strict=True)
    ]
    if chosen.out is None:
        print(*lines, sep="\n")
    else:
        chosen.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


def next_tokens(batch: Prefill) -> list[int]:
    """The most likely next token of each prompt of a batch."""
    return batch.next_token_logits.argmax(-1).tolist()


if __name__ == "__main__":
    main()
