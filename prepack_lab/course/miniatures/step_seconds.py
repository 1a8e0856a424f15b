"""What a step of a simulated server takes, predicted by the cost model and the speed of a machine.

    ragged   nothing is padded, as servers do it: one row of all tokens, one attention for each request
    plain    as a script with transformers does it: prompts read by one of the lab's methods, then decoded from
             left-padded caches, all as long as the longest

Where no machine and no model is named, they are the recorded one, a small machine without a GPU, and SmolLM2.
"""

from __future__ import annotations

from collections.abc import Sequence

from prepack_lab.course.miniatures.iterations import Seconds, Work
from prepack_lab.measuring.calibration import Calibration, recorded_calibration
from prepack_lab.measuring.cost import cost_of_passes, cost_of_step
from prepack_lab.measuring.model_sizes import ModelSizes
from prepack_lab.methods import plan_passes
from prepack_lab.models.loading import load_sizes


def ragged_steps(speed: Calibration | None = None, sizes: ModelSizes | None = None) -> Seconds:
    """The seconds of a step without padding, whatever it does: reading, writing, or both."""
    speed, sizes = speed or recorded_calibration(), sizes or load_sizes()

    def seconds(work: Sequence[Work]) -> float:
        tokens = sum(one.tokens for one in work)
        pairs = sum(one.tokens * one.before + one.tokens * (one.tokens + 1) // 2 for one in work)
        linear = sizes.flops_per_token * tokens + sizes.flops_per_prompt * len(work)
        attention = sizes.flops_per_pair * pairs
        return (
            speed.seconds_per_pass
            + linear * speed.seconds_per_linear_flop
            + attention * speed.seconds_per_attention_flop
        )

    return seconds


def plain_steps(method: str, speed: Calibration | None = None, sizes: ModelSizes | None = None) -> Seconds:
    """The seconds of a step that reads whole prompts by `method`, or writes a token for each of a batch."""
    speed, sizes = speed or recorded_calibration(), sizes or load_sizes()

    def seconds(work: Sequence[Work]) -> float:
        if all(one.before == 0 for one in work):
            passes = [*plan_passes(method, [one.tokens for one in work])]
            return speed.seconds(cost_of_passes(sizes, passes, method))
        slots = len(work) * max(one.before + one.tokens for one in work)
        return speed.seconds(cost_of_step(sizes, len(work), slots))

    return seconds
