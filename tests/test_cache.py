import torch
from transformers import DynamicCache, LlamaConfig, MistralConfig

import prepack_lab as lab
from prepack_lab.cache import CachePart, join_caches


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


def test_the_last_tokens_can_be_left_out():
    batch = lab.PackedBatch.from_prompts([[1], [2, 2, 2]], lab.pack([1, 3]))
    packed = filled((2, 2, 3, 3))
    whole = lab.unpack_cache(packed, batch, CONFIG)
    short = lab.unpack_cache(packed, batch, CONFIG, omit_last=True)
    assert short.get_seq_length() == 2
    assert torch.equal(short.layers[0].keys[1], whole.layers[0].keys[1, :, :2])


def test_parts_are_joined_in_the_order_of_the_prompts():
    device = torch.device("cpu")
    parts = [
        CachePart.left_padded(filled((1, 2, 4, 3)), [4], [2], device),
        CachePart.left_padded(filled((2, 2, 3, 3)), [2, 3], [1, 0], device),
    ]
    joined = join_caches(parts, CONFIG)
    keys = joined.layers[1].keys
    assert keys.shape == (3, 2, 4, 3)
    assert torch.equal(keys[0, :, 1:], filled((2, 2, 3, 3)).layers[1].keys[1])
    assert torch.equal(keys[1, :, 2:], filled((2, 2, 3, 3)).layers[1].keys[0, :, 1:])
    assert torch.equal(keys[2], filled((1, 2, 4, 3)).layers[1].keys[0])
    assert torch.equal(join_caches(parts, CONFIG, omit_last=True).layers[1].keys[2], keys[2, :, :3])


def test_a_sliding_layer_keeps_its_window_and_counts_all_tokens():
    config = MistralConfig(num_hidden_layers=2, hidden_size=8, num_attention_heads=2, sliding_window=3)
    batch = lab.PackedBatch.from_prompts([[1] * 2, [2] * 5], lab.pack([2, 5]))
    packed = filled((2, 2, 5, 3))
    cache = lab.unpack_cache(packed, batch, config)
    assert cache.get_seq_length() == 5
    assert torch.equal(cache.layers[0].keys[1], packed.layers[0].keys[0, :, 3:5])
    keys = cache.layers[0].keys
    assert keys.untyped_storage().nbytes() == keys.nbytes, "what is cut off is freed"
