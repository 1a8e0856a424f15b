import torch
from transformers import DynamicCache, LlamaConfig

import prepack_lab as lab
from prepack_lab.kv_cache import stack_caches


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


def test_single_caches_are_stacked_with_padding_at_the_left():
    stacked = stack_caches([filled((1, 2, 2, 3)), filled((1, 2, 4, 3))], CONFIG)
    keys = stacked.layers[1].keys
    assert keys.shape == (2, 2, 4, 3)
    assert torch.equal(keys[0, :, :2], torch.zeros(2, 2, 3))
    assert torch.equal(keys[0, :, 2:], filled((1, 2, 2, 3)).layers[1].keys[0])
