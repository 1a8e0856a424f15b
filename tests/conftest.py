"""What several tests share: tiny models, random prompts, and small hypothesis budgets."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "lab", max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("lab")


@pytest.fixture(scope="session", params=["tiny-llama", "tiny-gpt2"])
def tiny_model(request):
    """A model with rotary positions, and one with learned positions."""
    import prepack_lab as lab

    return lab.load_model(request.param, device="cpu")[0]


@pytest.fixture(scope="session")
def smollm2():
    """The real model in float32, and its tokenizer."""
    import prepack_lab as lab

    return lab.load_model("smollm2-135m", dtype="float32", device="cpu")


def random_prompts(lengths, vocab_size=256, seed=0):
    """Prompts of these lengths, of ids below `vocab_size`."""
    draw = random.Random(seed)
    return [[draw.randrange(vocab_size) for _ in range(length)] for length in lengths]


def pytest_collection_modifyitems(config, items):
    """Fast tests first: units, then the real model, the lessons, and the browser.

    In several processes, tests that share a browser or what a module has made stay in one, and the longest begin.
    """
    order = ("models", "lessons", "browser")
    items.sort(key=lambda item: order.index(item.path.parent.name) + 1 if item.path.parent.name in order else 0)
    if not hasattr(config, "workerinput"):
        return
    for item in items:
        if item.path.parent.name == "browser":
            item.add_marker(pytest.mark.xdist_group("browser"))
        elif "module" in {one.scope for found in item._fixtureinfo.name2fixturedefs.values() for one in found}:
            item.add_marker(pytest.mark.xdist_group(item.module.__name__))
    items.reverse()
