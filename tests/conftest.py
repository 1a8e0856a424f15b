"""What several tests share: tiny models, random prompts, and small hypothesis budgets."""

from __future__ import annotations

import os
import random
import sys
from functools import cache

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # several processes of several threads each take ten times as long
sys.modules.setdefault("rfc3987_syntax", None)  # seconds to load, for addresses that no notebook has

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
    """Fast tests first: units, then the real model, the lessons, and the browser. In several processes the longest."""
    order = ("models", "lessons", "browser")
    items.sort(key=lambda item: order.index(item.path.parent.name) + 1 if item.path.parent.name in order else 0)
    if hasattr(config, "workerinput"):
        items.reverse()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """In several processes, tests that share a browser or what a module has made stay in one.

    xdist has `--dist loadgroup` for that, which pytest 9.2 silently ignores (pytest-xdist's issue 1386).
    """
    from xdist.scheduler import LoadScopeScheduling

    @cache
    def shares(file):
        return 'scope="module"' in (config.rootpath / file).read_text(encoding="utf-8")

    class Together(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file = nodeid.partition("::")[0]
            return "browser" if "/browser/" in file else file if shares(file) else nodeid

    return Together(config, log)
