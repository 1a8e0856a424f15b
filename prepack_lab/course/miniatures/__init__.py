"""What servers do beyond packing: one idea a file, small enough to read, simulated or run for real.

block_masks          FlexAttention: the rule instead of the mask, and whole blocks left out
attention_ways       one attention under a mask, block by block and prompt by prompt
requests             what arrives at a server
iterations           a server that computes step by step, simulated: the ground of the next three
continuous_batching  requests enter and leave at every step, instead of waiting for the slowest of their batch
chunked_prefill      a long prompt read piece by piece, so that others go on writing
splitting            one machine reads, another writes
step_seconds         what a step takes, by the cost model
paged_cache          a cache cut into blocks, which may lie anywhere in memory
serving_step         one step of a modern server: flat tokens, block tables and slots, run for real
prefix_sharing       prompts that begin alike share the cache of their beginning
"""
