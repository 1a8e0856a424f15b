import torch
from transformers import DynamicCache, LlamaConfig, MistralConfig

import prepack_lab as lab
from prepack_lab.cache import _zeros, join_caches
from prepack_lab.forward import ForwardPass
from prepack_lab.methods import Pass


def filled(shape):
    cache = DynamicCache()
    for layer in range(2):
        keys = torch.arange(torch.Size(shape).numel(), dtype=torch.float32).reshape(shape) + 1000 * layer
        cache.update(keys, -keys, layer)
    return cache


CONFIG = LlamaConfig(num_hidden_layers=2, hidden_size=8, num_attention_heads=2)


def test_each_prompt_gets_its_own_slots_aligned_at_the_right():
    packing = lab.Packing(((1,), (2, 0)), (2, 4, 3), 5, "by hand")
    batch = lab.PackedBatch.from_prompts([[1] * 2, [2] * 4, [3] * 3], packing)
    packed = filled((2, 2, 5, 3))  # [R, H, W, D]
    own = lab.unpack_cache(packed, batch, CONFIG)
    for index, (layer, packed_layer) in enumerate(zip(own.layers, packed.layers, strict=True)):
        assert layer.keys.shape == layer.values.shape == (3, 2, 4, 3)  # [B, H, L, D]
        assert torch.equal(layer.values, -layer.keys), index
        assert torch.equal(layer.keys[0, :, 2:], packed_layer.keys[1, :, 3:5])
        assert torch.equal(layer.keys[1], packed_layer.keys[0, :, 0:4])
        assert torch.equal(layer.keys[2, :, 1:], packed_layer.keys[1, :, 0:3])


def padded(prompts, lengths):
    """A left-padded pass over these prompts, whose cache is filled with numbers."""
    packing = lab.Packing.padded(lengths)
    batch = lab.PackedBatch.lay_out([[1] * length for length in lengths], packing, right_aligned=True)
    cache = filled((len(lengths), 2, max(lengths), 3))
    return ForwardPass(Pass(prompts, packing, "padded"), batch, torch.zeros(len(lengths), 1), cache)


def test_passes_are_joined_in_the_order_of_the_prompts():
    passes = [padded([2], [4]), padded([1, 0], [2, 3])]
    keys = join_caches(passes, CONFIG).layers[1].keys
    assert keys.shape == (3, 2, 4, 3)
    assert torch.equal(keys[0, :, 1:], passes[1].cache.layers[1].keys[1])
    assert torch.equal(keys[1, :, 2:], passes[1].cache.layers[1].keys[0, :, 1:])
    assert torch.equal(keys[2], passes[0].cache.layers[1].keys[0])


def test_some_prompts_of_a_pass_can_be_taken_out():
    done = padded([5, 3, 8], [4, 2, 3])
    some = join_caches([done.only([2, 1])], CONFIG).layers[0].keys  # prompts 8 and 3, in rising order
    assert some.shape == (2, 2, 3, 3)
    assert torch.equal(some[1], done.cache.layers[0].keys[2, :, 1:])
    assert torch.equal(some[0, :, 1:], done.cache.layers[0].keys[1, :, 2:])


def test_a_sliding_layer_keeps_its_window_and_counts_all_tokens():
    config = MistralConfig(num_hidden_layers=2, hidden_size=8, num_attention_heads=2, sliding_window=3)
    batch = lab.PackedBatch.from_prompts([[1] * 2, [2] * 5], lab.pack([2, 5]))
    packed = filled((2, 2, 5, 3))
    cache = lab.unpack_cache(packed, batch, config)
    assert cache.get_seq_length() == 5
    assert torch.equal(cache.layers[0].keys[1], packed.layers[0].keys[0, :, 3:5])
    keys = cache.layers[0].keys
    assert keys.untyped_storage().nbytes() == keys.nbytes, "what is cut off is freed"


def test_large_zeros_are_zeros_that_can_be_written():
    found = _zeros((300, 2, 1000), torch.bfloat16, torch.device("cpu"))
    assert found.shape == (300, 2, 1000) and found.dtype == torch.bfloat16 and not found.any()
    found[1, 1] = 2
    assert found.sum() == 2000
    assert _zeros((0, 3), torch.float32, torch.device("cpu")).shape == (0, 3)
