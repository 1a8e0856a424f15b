# %% [markdown]
# # Glossary
#
# The words of this lab, the same on every page. A lesson links here where a word may be new.
# In symbols: **B** prompts, **R** rows, **W** slots in a row, **L** tokens of the longest prompt, **V** words in the
# vocabulary, **H** [heads](#Head), **D** numbers in a head.

# %% [markdown]
# ## Prompts and batches
#
# ### Token
# A word or a piece of one. A model reads and writes tokens, as numbers called ids.
#
# ### Prompt
# A list of token ids: the text that a model is to read before it writes.
#
# ### Batch
# Several prompts that go through the model together, as a rectangle of rows and slots.
#
# ### Row
# One line of a batch. It holds one prompt, or several where they are packed.
#
# ### Slot
# One place in a row. It holds a token, or padding.
#
# ### Padding
# Slots that hold no token. They are computed like the others, and thrown away.
#
# ### Segment
# One prompt inside a row. `segment_ids` says for each slot which prompt it belongs to, and is -1 on padding.
#
# ### Position
# The place of a token in its own text, counted from 0. The model uses it to know the order of the tokens.
#
# ### Restart positions
# Positions that begin again at 0 for every prompt of a row.
#
# ### cu_seqlens
# Cumulative sequence lengths: where each segment of a row ends. Prompts of 2, 4 and 3 tokens give 0, 2, 6, 9.
# The kernels that take them want int32.

# %% [markdown]
# ## Packing
#
# ### Bin
# The prompts that share a row.
#
# ### Capacity
# The most tokens that a bin may hold. In the paper it is the longest prompt of the batch.
#
# ### Bin packing
# The problem of putting items of different size into as few bins as possible. No fast way to the best answer is
# known, but simple rules come close.
#
# ### First-fit decreasing
# A rule: take the longest prompt first, and put each into the first bin that has room.
#
# ### Lower bound
# A number of bins below which no packing can go. All tokens must fit, so tokens over capacity, rounded up, is one.
#
# ### k over r
# k prompts in r rows: how many times fewer rows packing makes. It predicts the speed-up of a batch quite well. Of
# several batches it is k over the mean r.

# %% [markdown]
# ## Methods
#
# ### One by one
# Each prompt alone. Nothing is padded, and nothing shares a forward pass.
#
# ### Full batching
# One batch, padded to the longest prompt: what most scripts do.
#
# ### Length-ordered batching
# All prompts sorted by length first, then cut into batches. It pads little, but it needs all prompts beforehand.
#
# ### Prepacking
# Several prompts to a row, kept apart by a mask, with restart positions, in one forward pass. The paper's method.
#
# ### Dataset prepacking
# The prompts of a whole dataset packed first, then the rows taken in batches.
#
# ### Padding-free
# All prompts in one row, and one attention for each: nothing is padded, and nothing is masked.

# %% [markdown]
# ## Inside the model
#
# ### Forward pass
# One run of tokens through all layers of a model: ids go in, logits come out.
#
# ### Hidden state
# The numbers that stand for a token between two layers.
#
# ### Linear layer
# A matrix that every hidden state is multiplied by. Here lies most of a model's arithmetic, the same for every slot,
# whether it holds a token or padding.
#
# ### Attention
# The part of a layer in which a token looks at others: its query is compared with their keys, and their values are
# added up in proportion.
#
# ### Query
# What a token looks for: numbers that a linear layer makes of its hidden state.
#
# ### Key
# What a token is found by. Attention multiplies queries by keys, and the products are its scores.
#
# ### Value
# What a token passes on to those that look at it.
#
# ### Head
# One of several attentions side by side in a layer, with queries of its own. Heads often share keys and values, which
# makes the cache smaller: SmolLM2-135M has nine heads of queries, and three of keys and values.
#
# ### Attention sink
# A token that draws attention whatever it says, mostly the first. Heads that need nothing look there.
#
# ### Causal mask
# The rule that a token sees earlier tokens and itself, and none that come later.
#
# ### Packed mask
# The rule that a token sees earlier tokens *of its own prompt*, and itself. Drawn, it is a chain of triangles: the
# block-diagonal causal mask, called "independent mask" in the paper.
#
# ### Attention mask
# In transformers, `attention_mask` says which slots are tokens (1) and which are padding (0).
#
# ### Additive mask
# A mask that is added to the scores of attention: 0 where a token may look, and a very large negative number where
# not.
#
# ### Sliding window
# A rule of some models: a token sees only the last so many tokens.
#
# ### Rotary positions
# Positions that turn queries and keys by an angle. Only the distance between two tokens counts, up to rounding. Llama
# has them.
#
# ### Learned positions
# Positions that are looked up in a table, and added to the tokens. Each place counts by itself. GPT-2 has them.
#
# ### Logits
# A score for every token that could come next.
#
# ### Log-likelihood
# The natural logarithm of a text's probability: the sum of those of its tokens, each after the tokens before it.
#
# ### Embedding
# A vector for a whole text. Those of texts about the same thing point in similar directions.
#
# ### bfloat16
# A number format with 8 bits of precision, half as wide as float32. Results differ in the third digit.

# %% [markdown]
# ## Generation
#
# ### Prefill
# Reading the prompt: all its tokens at once, in one forward pass. It leaves a cache and the first new token's logits.
#
# ### Decode
# Writing: one new token at a time, each a forward pass over a single token that looks at the cache.
#
# ### KV cache
# The keys and values of all tokens so far, in every layer. With them, a token that was read need not be read again.
#
# ### Time to first token
# From the question to the first token of the answer: waiting and prefill. Short: TTFT.
#
# ### Time per output token
# The time of one step of decoding. Short: TPOT.
#
# ### Greedy decoding
# Always taking the token with the highest score. The same prompt gives the same text, up to rounding: where two tokens
# are nearly as likely, another batch may settle it the other way.

# %% [markdown]
# ## Measuring
#
# ### FLOP
# A floating-point operation: one multiplication or one addition.
#
# ### Median and quartiles
# The middle of several runs; and the two values between which half of them lie.
#
# ### Calibration
# A few short runs that show how fast this machine is, so that the seconds of others can be predicted.
#
# ### Kernel
# A program that computes one operation, mostly on a GPU. (What runs the code of a notebook is called a kernel, too.)
#
# ### Launch overhead
# The time that the calls of a forward pass take, from Python down to the cores or the GPU. It is the same for a small
# batch and a large one.
#
# ### Roofline
# A picture of what limits a computation: arithmetic, or the traffic to memory. Launch overhead is the third limit.

# %% [markdown]
# ## On servers
#
# ### Continuous batching
# A batch that prompts enter and leave at every step, instead of waiting for the slowest.
#
# ### Paged cache
# A cache cut into blocks of equal size, which may lie anywhere in memory.
#
# ### Block table
# For each prompt its blocks of a paged cache, in the order of its tokens.
#
# ### Slot mapping
# Where in a paged cache a token's keys and values are written: block · block size + place in the block.
#
# ### Chunked prefill
# A long prompt read piece by piece, so that others can decode in between.
#
# ### Prefix sharing
# Prompts that begin alike share the cache of what they have in common.
#
# ### Varlen attention
# One kernel for prompts of different lengths in a single row: it takes `cu_seqlens` instead of a mask.
