import torch
from transformers import DynamicCache


def pack_prompts(lengths, capacity):
    """Bins of prompt indices: at most `capacity` tokens in each, and no two that would fit into one."""
    bins, free = [], []
    for prompt in sorted(range(len(lengths)), key=lambda prompt: -lengths[prompt]):
        fits = [place for place, room in enumerate(free) if room >= lengths[prompt]]
        if not fits:
            bins.append([])
            free.append(capacity)
        place = fits[0] if fits else -1
        bins[place].append(prompt)
        free[place] -= lengths[prompt]
    return bins


def lay_out(prompts, bins):
    """A row per bin, W slots as the fullest: ids [R, W], each slot's prompt [R, W], where each prompt begins [B, 2]."""
    W = max(sum(len(prompts[prompt]) for prompt in members) for members in bins)
    input_ids = torch.zeros(len(bins), W, dtype=torch.long)
    segment_ids = torch.full((len(bins), W), -1)  # -1 on padding, which follows the prompts
    first_token = torch.zeros(len(prompts), 2, dtype=torch.long)
    for row, members in enumerate(bins):
        slot = 0
        for prompt in members:
            end = slot + len(prompts[prompt])
            input_ids[row, slot:end] = torch.tensor(prompts[prompt])
            segment_ids[row, slot:end] = prompt
            first_token[prompt] = torch.tensor([row, slot])
            slot = end
    return input_ids, segment_ids, first_token


def restart_positions(segment_ids, first_token):
    """The place of each token in its own prompt, from 0 [R, W]; on padding any number from 0."""
    slots = torch.arange(segment_ids.shape[1])
    return (slots - first_token[segment_ids, 1]).clamp(min=0)


def packed_mask(segment_ids, dtype):
    """0 where a token may look, `torch.finfo(dtype).min` where not [R, 1, W, W]; padding must see some slot."""
    same_prompt = segment_ids[:, None, :, None] == segment_ids[:, None, None, :]
    earlier = torch.ones(same_prompt.shape[-2:], dtype=torch.bool).tril()
    hidden = torch.full(same_prompt.shape, torch.finfo(dtype).min, dtype=dtype)
    return hidden.masked_fill(same_prompt & earlier, 0)


def forward(model, input_ids, mask, position_ids):
    """One forward pass: the logits of all slots [R, W, V], and the cache of the rows, [R, H, W, D] in each layer."""
    cache = DynamicCache()
    return model(input_ids, mask, position_ids, cache, use_cache=True).logits, cache


def last_logits(logits, first_token, lengths):
    """The logits after the last token of each prompt [B, V]."""
    row, slot = first_token.unbind(1)
    return logits[row, slot + lengths - 1]


def unpack(cache, first_token, lengths):
    """A cache with a row per prompt, aligned at the right: [B, H, L, D] in each layer; on padding any number."""
    L = int(lengths.max())
    place = torch.arange(L) - (L - lengths)[:, None]  # [B, L], below 0 on padding
    row, slot = first_token[:, :1].expand_as(place), (first_token[:, 1:] + place).clamp(min=0)
    own = DynamicCache()
    for number, layer in enumerate(cache.layers):
        keys, values = (held[row, :, slot].transpose(1, 2) for held in (layer.keys, layer.values))
        own.update(keys, values, number)
    return own


def decode_step(model, cache, tokens, lengths):
    """The logits [B, V] after one more token [B] for each prompt, of which the cache holds `lengths` tokens so far."""
    place = torch.arange(cache.get_seq_length() + 1) - (cache.get_seq_length() - lengths)[:, None]
    return model(tokens[:, None], (place >= 0).long(), lengths[:, None], cache, use_cache=True).logits[:, -1]


def decode(model, cache, logits, lengths, max_new_tokens, end):
    """A list of new tokens for each prompt, always the likeliest; it stops after `max_new_tokens`, or after `end`."""
    chosen = [logits.argmax(-1)]
    for step in range(max_new_tokens - 1):
        chosen.append(decode_step(model, cache, chosen[-1], lengths + step).argmax(-1))
    texts = torch.stack(chosen, dim=1).tolist()
    return [tokens[: tokens.index(end) + 1] if end in tokens else tokens for tokens in texts]


@torch.no_grad()
def prepack(model, prompts, max_new_tokens):
    """The new tokens of each prompt, up to `model.config.eos_token_id`, and the logits after each prompt [B, V]."""
    lengths = [len(prompt) for prompt in prompts]
    input_ids, segment_ids, first_token = lay_out(prompts, pack_prompts(lengths, max(lengths)))
    mask, position_ids = packed_mask(segment_ids, model.dtype), restart_positions(segment_ids, first_token)
    logits, cache = forward(model, input_ids, mask, position_ids)
    lengths = torch.tensor(lengths)
    logits, cache = last_logits(logits, first_token, lengths), unpack(cache, first_token, lengths)
    return decode(model, cache, logits, lengths, max_new_tokens, model.config.eos_token_id), logits
