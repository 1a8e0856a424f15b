"""Lines as users write them, for the type checker: `make lint` runs mypy over this file, and nothing runs it.

An ignored error that is none is an error, so each line with a comment is one that mypy has to refuse.
"""

from typing import assert_type

import torch

import prepack_lab as lab

model, tokenizer = lab.load_model("tiny-llama")
profile = lab.load_profile("mmlu")
assert_type(profile, lab.LengthProfile)
assert_type(profile.sample(4, seed=0), list[int])

prompts = lab.tokenize(tokenizer, ["The capital of Germany is", "Once upon a time"])
assert_type(prompts, list[list[int]])

packing = lab.pack([len(prompt) for prompt in prompts], capacity=2048, strategy="best_fit")
assert_type(packing, lab.Packing)
assert_type(packing.num_bins, int)
batch = lab.PackedBatch.from_prompts(prompts, packing)
assert_type(batch.last_token, torch.Tensor)
assert_type(lab.packed_mask(batch.segment_ids, dtype=model.dtype), torch.Tensor)

result = lab.prefill(model, prompts, method="prepacked", verify=True)
assert_type(result, lab.Prefill)
assert_type(result.next_token_logits, torch.Tensor)
tokens = lab.generate(model, prompts, method="prepacked", max_new_tokens=20, do_sample=True)
first: list[int] = tokens[0]
likely: float = lab.score(model, prompts, tokens)[0].log_likelihood
greedy: bool = lab.score(model, prompts, [[[1], [2, 3]], [[4]]], share=False)[0][1].greedy
for found in lab.prefill_dataset(model, prompts, batch_size=16, method="dataset_prepacked"):
    assert_type(found.prompts, tuple[int, ...])
assert_type(lab.check_model(model), lab.ModelSupport)

lab.packk([1])  # type: ignore[attr-defined]
lab.pack("x", nonsense=3)  # type: ignore[call-arg, arg-type]
print(lab.pack([1]).bin)  # type: ignore[attr-defined]
lab.prefill(model, prompts, verify="yes")  # type: ignore[arg-type]
lab.generate(model, prompts, decoding=3)  # type: ignore[arg-type]
lab.tokenize(tokenizer, 3)  # type: ignore[arg-type]
lab.figures.draw_nothing()  # type: ignore[attr-defined]
