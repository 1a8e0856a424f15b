"""One step of a server: the arrays by hand, and logits that are those of each text alone."""

import pytest
import torch

from prepack_lab.course.miniatures.serving_step import StepServer
from prepack_lab.forward import forward_alone
from tests.conftest import random_prompts


def test_the_arrays_of_the_docstring(tiny_model):
    texts = [[10, 11, 12, 13, 14, 15, 16], [20, 21, 22, 23, 24, 25, 26, 27], [30, 31]]
    server = StepServer(tiny_model, texts, blocks=6, block_size=4)
    server.blocks._free = [3, 1, 0, 5, 2, 4]  # as the blocks of the docstring are given out
    server.step({0: 4, 1: 4})
    server.step({0: 2})
    step, logits = server.step({0: 1, 1: 3, 2: 2})
    assert step.requests == [0, 1, 2] and logits.shape[0] == 3
    assert step.input_ids == [16, 24, 25, 26, 30, 31]
    assert step.positions == [6, 4, 5, 6, 0, 1]
    assert step.query_starts == [0, 1, 4, 6] and step.seq_lens == [7, 7, 2]
    assert step.block_tables == [[3, 0], [1, 5], [2]]
    assert step.slots == [2, 20, 21, 22, 8, 9]


@pytest.mark.parametrize("block_size", [1, 4, 16])
def test_a_step_gives_each_request_the_logits_that_it_has_alone(tiny_model, block_size):
    texts = random_prompts([13, 9, 30, 5])
    server = StepServer(tiny_model, texts, blocks=80, block_size=block_size)
    done = dict.fromkeys(range(4), 0)
    for scheduled in ({2: 11}, {0: 12, 2: 3}, {1: 9, 0: 1, 2: 10, 3: 5}, {2: 6}):
        _, logits = server.step(scheduled)
        for place, (request, many) in enumerate(scheduled.items()):
            done[request] += many
            alone = forward_alone(tiny_model, texts[request][: done[request]]).next_token_logits[0]
            torch.testing.assert_close(logits[place], alone, atol=1e-5, rtol=1e-4)


def test_a_step_without_room_says_so(tiny_model):
    server = StepServer(tiny_model, random_prompts([9]), blocks=2, block_size=4)
    with pytest.raises(RuntimeError, match="needs 3 more blocks, and 2 are free"):
        server.step({0: 9})
