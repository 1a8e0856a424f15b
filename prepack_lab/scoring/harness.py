"""The model `prepack` of lm-evaluation-harness: Hugging Face's model there, run by prepacking.

    prepack-lab lm-eval run --model prepack --model_args pretrained=HuggingFaceTB/SmolLM2-360M --tasks arc_easy

The harness loads the model, renders the questions and counts the answers as it does for its model `hf`. What it asks of
the model is answered by `lab.score` and `lab.generate`. Needs the extra `prepack-lab[lm-eval]`.
"""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence

from prepack_lab.extras import needs_extra
from prepack_lab.generation import generate
from prepack_lab.methods import known_options, plan_passes
from prepack_lab.models.embedded_model import unpacked
from prepack_lab.models.loading import DEFAULT_MODEL
from prepack_lab.scoring.scores import score

with needs_extra("lm-eval"):
    from lm_eval.api.registry import register_model
    from lm_eval.models.huggingface import HFLM

BATCH_SIZE = 16
"""The harness's own default is 1, which would leave nothing to pack."""


@register_model("prepack")
class PrepackLM(HFLM):
    """Answers the requests of the harness.

    Args:
        pretrained: a hub id or a folder, as for `hf`; or the name of the embedded model.
        method, token_budget, capacity, strategy, share: as for `lab.score`. Prompts per batch are the harness's own
            `--batch_size`, or `BATCH_SIZE` where that is 1 or "auto".
        options: whatever its model `hf` takes, such as `dtype` and `max_length`.
    """

    batch_size_per_gpu: Any

    def __init__(
        self,
        pretrained: Any,
        method: str = "padding_free",
        token_budget: int | None = None,
        capacity: int | None = None,
        strategy: str | None = None,
        share: bool = True,
        **options: Any,
    ) -> None:
        given = {"token_budget": token_budget, "capacity": capacity, "strategy": strategy}
        sharing: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        plan_passes(method, [], **sharing)  # what can't be is refused before a model is loaded
        super().__init__(str(unpacked()) if pretrained == DEFAULT_MODEL else pretrained, **options)
        if "batch_size" in known_options(method):
            asked = self.batch_size_per_gpu
            sharing["batch_size"] = asked if isinstance(asked, int) and asked > 1 else BATCH_SIZE
        self._method, self._share, self._sharing = method, share, sharing
        if self.backend != "causal":
            raise ValueError(f"the model {self.backend!r} has an encoder; use --model hf for it")

    def _loglikelihood_tokens(
        self,
        requests: list[tuple[tuple[str, str] | None, list[int], list[int]]],
        disable_tqdm: bool = False,
        override_bs: int | None = None,
    ) -> list[tuple[float, bool]]:
        """For each request (texts, context, continuation) the log-likelihood, and whether it is greedy."""
        whole = [(context + continuation)[-self.max_length - 1 :] for _, context, continuation in requests]
        continuations = [continuation for _, _, continuation in requests]
        contexts = [ids[: -len(own)] for ids, own in zip(whole, continuations, strict=True)]
        shown = not disable_tqdm and self.rank == 0
        scores = score(self.model, contexts, continuations, self._method, self._share, progress=shown, **self._sharing)
        answers = [(found.log_likelihood, found.greedy) for found in scores]
        for (texts, _, _), answer in zip(requests, answers, strict=True):
            if texts is not None:
                self.cache_hook.add_partial("loglikelihood", texts, answer)
        return answers

    def loglikelihood_rolling(self, requests: list[Any], disable_tqdm: bool = False) -> list[float]:
        """The log-likelihood of whole texts, of all windows at once: the harness would pass a batch at a time."""
        asked, self.batch_size_per_gpu = self.batch_size_per_gpu, sys.maxsize
        try:
            return super().loglikelihood_rolling(requests, disable_tqdm)
        finally:
            self.batch_size_per_gpu = asked

    def _model_generate(self, context: torch.Tensor, max_length: int, stop: list[str], **options: Any) -> torch.Tensor:
        """Left-padded prompts, [B, L] → the same with their new tokens, [B, L + n]."""
        seen = options.pop("attention_mask").bool()
        if options.get("temperature", 0.0) == 0.0 and not options.get("do_sample"):
            options = {**options, "do_sample": False}
            options.pop("temperature", None)
        found = generate(
            self.model,
            [ids[own].tolist() for ids, own in zip(context, seen, strict=True)],
            self._method,
            max_length - context.shape[1],
            stop_strings=stop,
            tokenizer=self.tokenizer,
            pad_token_id=self.tokenizer.pad_token_id,
            **self._sharing,
            **options,
        )
        new = pad_sequence(
            [torch.tensor(ids) for ids in found], batch_first=True, padding_value=self.tokenizer.pad_token_id
        )
        return torch.cat([context, new.to(context.device)], dim=1)


def run_command(arguments: list[str]) -> None:
    """The harness's own command line, which now knows the model `prepack`."""
    from lm_eval.__main__ import cli_evaluate

    sys.argv = ["lm_eval", *arguments]
    cli_evaluate()
