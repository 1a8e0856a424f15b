"""A tokenizer with one token per byte, for models whose weights are random and have never seen a text."""

from __future__ import annotations

from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

PAD_ID, EOS_ID = 256, 257
BYTE_VOCABULARY = 258


def byte_tokenizer() -> PreTrainedTokenizerBase:
    """Ids 0 to 255 stand for bytes; 256 pads, 257 ends a text. Any text round-trips."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())  # 256 printable stand-ins for the bytes
    vocabulary = {letter: index for index, letter in enumerate(letters)}
    tokenizer = Tokenizer(models.BPE(vocabulary | {"<pad>": PAD_ID, "<eos>": EOS_ID}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>", name_or_path="one token per byte"
    )
