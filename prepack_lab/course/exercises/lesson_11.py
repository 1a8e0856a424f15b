"""Lesson 11, prefill-only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import exp, isclose, log
from random import Random
from typing import Any

import torch

from prepack_lab.course.exercises.exercise import Exercise, WrongAnswer
from prepack_lab.course.exercises.judges import article, number, numbers, tensor
from prepack_lab.course.exercises.quiz import Answer, Quiz
from prepack_lab.packed_batch import PackedBatch
from prepack_lab.packing import pack


def log_likelihood(logits, ids, start):
    before = logits[start - 1 : -1].log_softmax(-1)
    return sum(before[place, token].item() for place, token in enumerate(ids[start:]))


def _no_shift(logits, ids, start):
    return sum(logits[place].log_softmax(-1)[ids[place]].item() for place in range(start, len(ids)))


def _raw_logits(logits, ids, start):
    return sum(logits[place - 1, ids[place]].item() for place in range(start, len(ids)))


def _whole_text(logits, ids, start):
    return log_likelihood(logits, ids, 1)


def _first_left_out(logits, ids, start):
    return sum(logits[place - 1].log_softmax(-1)[ids[place]].item() for place in range(start + 1, len(ids)))


def _mean_of_tokens(logits, ids, start):
    return log_likelihood(logits, ids, start) / (len(ids) - start)


def _probability(logits, ids, start):
    return exp(log_likelihood(logits, ids, start))


def _loss(logits, ids, start):
    return -log_likelihood(logits, ids, start)


def _loss_per_token(logits, ids, start):
    return -_mean_of_tokens(logits, ids, start)


def _in_bits(logits, ids, start):
    return log_likelihood(logits, ids, start) / log(2)


def _of_the_likeliest(logits, ids, start):
    return logits[start - 1 : -1].log_softmax(-1).max(-1).values.sum().item()


def _over_the_places(logits, ids, start):
    return sum(logits.log_softmax(0)[place - 1, ids[place]].item() for place in range(start, len(ids)))


def _sum_of_probabilities(logits, ids, start):
    return sum(logits[place - 1].softmax(-1)[ids[place]].item() for place in range(start, len(ids)))


def _first_only(logits, ids, start):
    return logits[start - 1].log_softmax(-1)[ids[start]].item()


def _prompt_instead(logits, ids, start):
    return sum(logits[place - 1].log_softmax(-1)[ids[place]].item() for place in range(1, start))


def _texts(draw: Random) -> Iterator[tuple[torch.Tensor, list[int], int]]:
    """Logits of a text, its tokens, and where its continuation begins. Half of the continuations are greedy."""
    yield torch.tensor([[2.0, 0.0, 1.0], [0.0, 3.0, 1.0]]), [1, 0], 1
    yield torch.tensor([[0.0, 2.0, 1.0], [0.0, 3.0, 1.0]]), [0, 2], 1
    yield torch.tensor([[2.0, 0.0, 1.0], [0.0, 3.0, 1.0]]), [0, 1], 1
    yield torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]]), [1, 0, 1], 1
    yield torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]]), [1, 1, 1], 2
    yield torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]]), [1, 1, 0], 1
    for size in range(3, 9):
        for kind in range(6):
            start, vocabulary = draw.randint(1, size - 1), draw.randint(3, 6)
            logits = torch.tensor([[draw.randint(-40, 40) / 10 for _ in range(vocabulary)] for _ in range(size)])
            logits += torch.arange(vocabulary) / 100  # so that no two are equal
            ids = [draw.randrange(vocabulary) for _ in range(size)]
            if kind % 2 == 0:
                ids[start:] = logits[start - 1 : -1].argmax(-1).tolist()
            if kind >= 4 and start < size - 1:  # greedy but for one token, or all but one of the others
                changed = draw.randrange(start, size)
                ids[changed] = int(logits[changed - 1].argmin() if kind == 4 else logits[changed - 1].argmax())
            yield logits, ids, start


def _log_likelihood_judge(
    returned: Any, expected: float, logits: torch.Tensor, ids: Sequence[int], start: int
) -> str | None:
    wrong = number(returned, expected)
    if wrong is None or not isinstance(returned, int | float) or isinstance(returned, bool):
        return wrong
    if isclose(returned, expected, rel_tol=1e-4, abs_tol=1e-5):  # rounded as float32 is
        return None
    each = logits[start - 1 : -1].log_softmax(-1)
    parts = [f"{each[place, token]:.4g} for token {token}" for place, token in enumerate(ids[start:])]
    return f"The continuation is {[*ids[start:]]}. Its log-probabilities: {', '.join(parts)}."


SCORE = Exercise(
    key="11-score",
    title="A log-likelihood by hand",
    minutes=8,
    level="core",
    task="A model has read the tokens `ids`, and `logits` [L, V] holds what came out after each of them. The first "
    "`start` tokens are the prompt (there is at least one), the others the continuation. Return the log-likelihood of "
    "the continuation: the sum of the natural logarithms of its tokens' probabilities, as one number.",
    stub="""
        total = 0.0
        for place in range(start, len(ids)):
            ...  # which row of the logits predicts ids[place]?
        return total
    """,
    reference=log_likelihood,
    cases=_texts,
    judge=_log_likelihood_judge,
    hints=(
        "The logits in row 0 come after token 0: they are about token 1.",
        "So `ids[place]` is predicted by `logits[place - 1]`.",
        "`row.log_softmax(-1)` turns a row of logits into logarithms of probabilities; pick the one at `ids[place]`.",
    ),
    wrong={
        "no shift": WrongAnswer(
            _no_shift,
            "This is what the logits *after* each token say about it. A token is predicted by the row before it.",
        ),
        "raw logits": WrongAnswer(
            _raw_logits, "This is the sum of the logits. They become log-probabilities by log_softmax over a row."
        ),
        "the whole text": WrongAnswer(
            _whole_text, "This is the log-likelihood of all tokens after the first. The prompt's own don't count."
        ),
        "the first left out": WrongAnswer(
            _first_left_out,
            "The first token of the continuation is missing. The prompt's last row of logits predicts it.",
        ),
        "the mean": WrongAnswer(_mean_of_tokens, "This is the mean over the continuation's tokens. Add them up."),
        "a probability": WrongAnswer(_probability, "This is the probability itself. Its logarithm is asked for."),
        "a loss": WrongAnswer(
            _loss, "The sign is the other way round: this is a loss. A log-likelihood is never above 0."
        ),
        "a mean loss": WrongAnswer(
            _loss_per_token, "This is the mean loss, as cross_entropy returns it. Add up, and change the sign."
        ),
        "bits": WrongAnswer(_in_bits, "This is the logarithm to base 2. The natural one is asked for."),
        "the likeliest": WrongAnswer(
            _of_the_likeliest, "This scores the likeliest token at each place. Take the continuation's own tokens."
        ),
        "over the places": WrongAnswer(
            _over_the_places,
            "This is what a softmax over the places (dim 0) gives. It goes over the vocabulary (dim -1).",
        ),
        "a sum of probabilities": WrongAnswer(
            _sum_of_probabilities, "This adds up probabilities. Take the logarithm of each first."
        ),
        "the first only": WrongAnswer(
            _first_only, "This is the first token of the continuation only. Add up all of them."
        ),
        "the prompt": WrongAnswer(
            _prompt_instead, "This is the log-likelihood of the prompt. The continuation begins at `start`."
        ),
    },
)


def is_greedy(logits, ids, start):
    return logits[start - 1 : -1].argmax(-1).tolist() == [*ids[start:]]


def _greedy_without_shift(logits, ids, start):
    return logits[start:].argmax(-1).tolist() == [*ids[start:]]


def _greedy_first(logits, ids, start):
    return bool(logits[start - 1].argmax() == ids[start])


def _greedy_last(logits, ids, start):
    return bool(logits[-2].argmax() == ids[-1])


def _any_greedy(logits, ids, start):
    return any(logits[place - 1].argmax() == ids[place] for place in range(start, len(ids)))


def _greedy_throughout(logits, ids, start):
    return is_greedy(logits, ids, 1)


def _more_than_half(logits, ids, start):
    return exp(log_likelihood(logits, ids, start)) > 0.5


def _first_not_looked_at(logits, ids, start):
    return logits[start:-1].argmax(-1).tolist() == [*ids[start + 1 :]]


def _never(logits, ids, start):
    return False


def _always(logits, ids, start):
    return True


def _greedy_judge(returned: Any, expected: bool, logits: torch.Tensor, ids: Sequence[int], start: int) -> str | None:
    if not isinstance(returned, bool):
        return f"A single True or False is asked for, and {article(returned)} came back."
    if returned == expected:
        return None
    likeliest = logits[start - 1 : -1].argmax(-1).tolist()
    return f"Greedy decoding writes {likeliest} here, and the continuation is {[*ids[start:]]}."


GREEDY = Exercise(
    key="11-greedy",
    title="Would the model write it?",
    minutes=4,
    level="warm-up",
    task="The same `logits` [L, V], `ids` and `start`. Return True if greedy decoding, after the prompt, would write "
    "exactly the continuation, and False if not. No two logits of a row are equal.",
    reference=is_greedy,
    cases=_texts,
    judge=_greedy_judge,
    hints=(
        "Greedy decoding takes the token with the largest logit: `logits[place].argmax()`.",
        "Every token of the continuation has to be the one that is taken after the tokens before it.",
        "The rows that predict the continuation are `logits[start - 1 : -1]`.",
    ),
    wrong={
        "no shift": WrongAnswer(
            _greedy_without_shift,
            "This compares each token with the logits after it. A token is predicted by the row before it.",
        ),
        "the first only": WrongAnswer(
            _greedy_first, "This looks at the first token of the continuation only. All have to be right."
        ),
        "the last only": WrongAnswer(
            _greedy_last, "This looks at the last token of the continuation only. All have to be right."
        ),
        "one is enough": WrongAnswer(
            _any_greedy, "This is True as soon as one token is the likeliest. All have to be."
        ),
        "the prompt, too": WrongAnswer(
            _greedy_throughout,
            "This asks it of the prompt's tokens, too. They are given; only the continuation counts.",
        ),
        "more than half": WrongAnswer(
            _more_than_half, "This asks for a probability above one half. The likeliest token may have much less."
        ),
        "never": WrongAnswer(
            _never, "This is never True. Two lists are equal only if they have the same length and the same type."
        ),
        "always": WrongAnswer(_always, "This is always True. Some continuations are not what greedy decoding writes."),
        "the first not looked at": WrongAnswer(
            _first_not_looked_at,
            "This leaves out the first token of the continuation: the prompt's last row predicts it.",
        ),
    },
)


def accuracies(scores, lengths, right):
    plain = normalized = 0
    for own, long, answer in zip(scores, lengths, right, strict=True):
        per_character = [score / length for score, length in zip(own, long, strict=True)]
        plain += own.index(max(own)) == answer
        normalized += per_character.index(max(per_character)) == answer
    return plain / len(right), normalized / len(right)


def _counted(scores, lengths, right):
    return tuple(round(share * len(right)) for share in accuracies(scores, lengths, right))


def _in_percent(scores, lengths, right):
    return tuple(100 * share for share in accuracies(scores, lengths, right))


def _normalized_first(scores, lengths, right):
    return accuracies(scores, lengths, right)[::-1]


def _never_normalized(scores, lengths, right):
    return (accuracies(scores, lengths, right)[0],) * 2


def _multiplied(scores, lengths, right):
    turned = [[1 / length for length in long] for long in lengths]
    return accuracies(scores, turned, right)


def _lowest(scores, lengths, right):
    return accuracies([[-score for score in own] for own in scores], lengths, right)


def _lowest_normalized(scores, lengths, right):
    negative = [[-score for score in own] for own in scores]
    return accuracies(scores, lengths, right)[0], accuracies(negative, lengths, right)[1]


def _over_all_choices(scores, lengths, right):
    choices = sum(map(len, scores))
    return tuple(share * len(right) / choices for share in accuracies(scores, lengths, right))


def _both_normalized(scores, lengths, right):
    return (accuracies(scores, lengths, right)[1],) * 2


def _wrong_ones(scores, lengths, right):
    return tuple(1 - share for share in accuracies(scores, lengths, right))


def _scored_questions(draw: Random) -> Iterator[tuple[list[list[float]], list[list[int]], list[int]]]:
    yield [[-2.0, -1.0]], [[4, 4]], [1]
    yield [[-2.0, -3.0]], [[2, 12]], [1]
    yield [[-2.0, -3.0], [-4.0, -6.0, -5.0]], [[2, 12], [3, 3, 9]], [0, 2]
    for many in range(2, 7):
        for _ in range(6):
            sizes = [draw.randint(2, 4) for _ in range(many)]
            scores = [[-draw.randint(10, 300) / 16 - place / 32 for place in range(size)] for size in sizes]
            lengths = [[draw.randint(2, 30) for _ in range(size)] for size in sizes]
            yield scores, lengths, [draw.randrange(size) for size in sizes]


def _accuracies_judge(returned: Any, expected: Any, scores: Any, lengths: Any, right: Sequence[int]) -> str | None:
    wrong = numbers(returned, expected)
    if wrong is None:
        return None
    chosen, normalized = [], []
    for own, long in zip(scores, lengths, strict=True):
        per_character = [score / length for score, length in zip(own, long, strict=True)]
        chosen.append(own.index(max(own)))
        normalized.append(per_character.index(max(per_character)))
    return (
        f"{wrong} The highest scores are those of the choices {chosen}, the highest per character those of "
        f"{normalized}; right are {[*right]}."
    )


ACCURACY = Exercise(
    key="11-accuracy",
    title="From scores to accuracy",
    minutes=6,
    level="core",
    task="For each question `scores` holds the log-likelihoods of its choices, `lengths` how many characters each "
    "choice has, and `right` the index of the right choice. Return two shares of all questions, from 0 to 1: how often "
    "the choice with the highest log-likelihood is the right one, and how often the one with the highest "
    "log-likelihood *per character* is. There are no ties.",
    stub="""
        plain = ...
        normalized = ...
        return plain, normalized
    """,
    reference=accuracies,
    cases=_scored_questions,
    judge=_accuracies_judge,
    hints=(
        "The choice of a question: `own.index(max(own))`, if `own` are its scores.",
        "Per character: divide each score by its own length, then take the highest again.",
        "Count the questions whose choice is the right one, and divide by `len(right)`.",
    ),
    wrong={
        "counted": WrongAnswer(_counted, "These are numbers of questions. Divide by how many questions there are."),
        "percent": WrongAnswer(_in_percent, "These are percent. Shares from 0 to 1 are asked for."),
        "the other way round": WrongAnswer(
            _normalized_first, "Both are right, in the other order: the plain share comes first."
        ),
        "never normalized": WrongAnswer(
            _never_normalized, "The second is the plain share again. Divide each score by the length of its choice."
        ),
        "both normalized": WrongAnswer(
            _both_normalized, "Both are the share per character. The first takes the scores as they are."
        ),
        "multiplied": WrongAnswer(
            _multiplied, "The second is what score times length gives, which punishes long choices twice. Divide."
        ),
        "the lowest": WrongAnswer(
            _lowest, "This is what the lowest scores give. Log-likelihoods are negative: the highest is nearest to 0."
        ),
        "the lowest per character": WrongAnswer(
            _lowest_normalized,
            "The second is what the lowest value per character gives. The highest one is nearest to 0.",
        ),
        "over all choices": WrongAnswer(
            _over_all_choices, "These are shares of all choices. Divide by the number of questions."
        ),
        "the wrong ones": WrongAnswer(_wrong_ones, "These are the shares of questions with a wrong choice."),
    },
)


def tokens_read(shared, questions, choices):
    separately = sum(
        shared + question + choice - 1 for question, own in zip(questions, choices, strict=True) for choice in own
    )
    once = shared + sum(questions) + sum(choice - 1 for own in choices for choice in own)
    return separately, once


def _last_tokens_too(shared, questions, choices):
    many = sum(map(len, choices))
    return tuple(tokens + many for tokens in tokens_read(shared, questions, choices))


def _last_tokens_too_once(shared, questions, choices):
    separately, once = tokens_read(shared, questions, choices)
    return separately, once + sum(map(len, choices))


def _beginning_with_each_question(shared, questions, choices):
    separately, once = tokens_read(shared, questions, choices)
    return separately, once + shared * (len(questions) - 1)


def _question_with_each_choice(shared, questions, choices):
    again = sum(question * (len(own) - 1) for question, own in zip(questions, choices, strict=True))
    separately, once = tokens_read(shared, questions, choices)
    return separately, once + again


def _beginning_forgotten(shared, questions, choices):
    separately, once = tokens_read(shared, questions, choices)
    return separately, once - shared


def _question_read_once_apart(shared, questions, choices):
    separately = sum(shared + question + sum(own) - len(own) for question, own in zip(questions, choices, strict=True))
    return separately, tokens_read(shared, questions, choices)[1]


def _as_many_choices_each(shared, questions, choices):
    return tokens_read(shared, questions, [choices[0]] * len(questions))


def _shared_first(shared, questions, choices):
    return tokens_read(shared, questions, choices)[::-1]


def _padded(shared, questions, choices):
    paths = [question + choice for question, own in zip(questions, choices, strict=True) for choice in own]
    return len(paths) * (shared + max(paths) - 1), tokens_read(shared, questions, choices)[1]


def _one_last_token(shared, questions, choices):
    separately, once = tokens_read(shared, questions, choices)
    return separately, once + sum(map(len, choices)) - 1


def _questions_with_choices(draw: Random) -> Iterator[tuple[int, list[int], list[list[int]]]]:
    yield 0, [3], [[1]]
    yield 0, [3], [[2, 1]]
    yield 5, [3], [[1, 1]]
    yield 5, [3, 2], [[2], [1]]
    yield 10, [3, 2], [[2, 1], [1, 3]]
    for many in range(2, 7):
        for _ in range(5):
            shared, questions = draw.randint(0, 30), [draw.randint(2, 20) for _ in range(many)]
            yield shared, questions, [[draw.randint(1, 6) for _ in range(draw.randint(1, 4))] for _ in range(many)]


def _tokens_judge(returned: Any, expected: Any, shared: int, questions: Any, choices: Any) -> str | None:
    wrong = numbers(returned, expected)
    if wrong is None:
        return None
    if wrong.startswith("Number 2"):
        ends = sum(choice - 1 for own in choices for choice in own)
        return f"{wrong} There are {shared} in the beginning, {sum(questions)} in the questions, {ends} in the choices."
    many = sum(map(len, choices))
    first = f"{shared} + {questions[0]} + {choices[0][0]} - 1"
    return f"{wrong} Read separately there {'is 1 text' if many == 1 else f'are {many} texts'}; the first has {first}."


TOKENS = Exercise(
    key="11-tokens",
    title="Tokens that are read",
    minutes=8,
    level="core",
    task="All questions begin with the same `shared` tokens: instructions and examples. `questions` holds how many "
    "tokens each question adds, and `choices` for each question the tokens of each of its choices. To score a choice, "
    "all is read but the last token of the choice: nobody asks what comes after it. Nothing is padded. Return two "
    "numbers of tokens that are read. In the first, every choice is read separately, with its question and the "
    "beginning. In the second, the beginning is read once, each question once, and each choice goes on from there.",
    stub="""
        separately = ...
        once = ...
        return separately, once
    """,
    reference=tokens_read,
    cases=_questions_with_choices,
    judge=_tokens_judge,
    hints=(
        "A choice of 3 tokens needs 2 of them to be read: its first is predicted by the question's last token.",
        "Separately: for each choice of each question, shared + question + choice - 1.",
        "Once: the beginning, all questions, and choice - 1 for every choice.",
    ),
    wrong={
        "last tokens, too": WrongAnswer(
            _last_tokens_too, "Both count the last token of every choice. Nobody asks what comes after it."
        ),
        "last tokens, once": WrongAnswer(
            _last_tokens_too_once, "The second counts the last token of every choice. Nobody asks what comes after it."
        ),
        "one last token": WrongAnswer(
            _one_last_token, "The second leaves out one last token in all. Every choice has one that isn't read."
        ),
        "the beginning with each question": WrongAnswer(
            _beginning_with_each_question,
            "The second reads the beginning once per question. Once is enough for all of them.",
        ),
        "the question with each choice": WrongAnswer(
            _question_with_each_choice,
            "The second reads each question once per choice. All its choices go on from the same one.",
        ),
        "the beginning forgotten": WrongAnswer(
            _beginning_forgotten, "The second leaves the beginning out. It has to be read once."
        ),
        "a question once": WrongAnswer(
            _question_read_once_apart,
            "The first reads question and beginning once for all choices. Separately, each choice has its own copy.",
        ),
        "as many choices": WrongAnswer(
            _as_many_choices_each, "This is what the first question's choices give for all. Each question has its own."
        ),
        "the other way round": WrongAnswer(
            _shared_first, "Both are right, in the other order: separately comes first."
        ),
        "padded": WrongAnswer(_padded, "The first counts slots of a padded batch. Tokens are asked for."),
    },
)


def mean_pooled(hidden, segment_ids):
    prompts = int(segment_ids.max()) + 1
    return torch.stack([hidden[segment_ids == prompt].mean(0) for prompt in range(prompts)])


def _of_the_rows(hidden, segment_ids):
    return hidden.mean(1)


def _sums(hidden, segment_ids):
    counts = torch.bincount(segment_ids[segment_ids >= 0])
    return mean_pooled(hidden, segment_ids) * counts[:, None]


def _over_the_width(hidden, segment_ids):
    return _sums(hidden, segment_ids) / hidden.shape[1]


def _last_tokens(hidden, segment_ids):
    prompts = int(segment_ids.max()) + 1
    return torch.stack([hidden[segment_ids == prompt][-1] for prompt in range(prompts)])


def _first_tokens(hidden, segment_ids):
    prompts = int(segment_ids.max()) + 1
    return torch.stack([hidden[segment_ids == prompt][0] for prompt in range(prompts)])


def _padding_as_a_prompt(hidden, segment_ids):
    return torch.stack([hidden[segment_ids == segment].mean(0) for segment in segment_ids.unique()])


def _in_order_of_rows(hidden, segment_ids):
    order = [*dict.fromkeys(segment for segment in segment_ids.flatten().tolist() if segment >= 0)]
    return mean_pooled(hidden, segment_ids)[order]


def _of_the_numbers(hidden, segment_ids):
    prompts = int(segment_ids.max()) + 1
    return torch.stack([hidden[segment_ids == prompt].mean(1) for prompt in range(prompts)])


def _whole_row_of_each(hidden, segment_ids):
    prompts = int(segment_ids.max()) + 1
    return torch.stack([hidden[(segment_ids == prompt).any(1)].mean((0, 1)) for prompt in range(prompts)])


def _of_the_largest(hidden, segment_ids):
    prompts = int(segment_ids.max()) + 1
    return torch.stack([hidden[segment_ids == prompt].max(0).values for prompt in range(prompts)])


def _hidden_states(draw: Random) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    for lengths in (
        [1],
        [3],
        [2, 2],
        [1, 3],
        [3, 1, 2],
        *([draw.randint(1, 8) for _ in range(n)] for n in [3, 4, 5, 8]),
    ):
        packing = pack(lengths, max(lengths) + draw.randint(0, 4))
        batch = PackedBatch.from_prompts([[0] * length for length in lengths], packing)
        rows, width = batch.shape
        seed = draw.randrange(10**6)
        numbers = torch.randint(-9, 10, (rows, width, 2), generator=torch.Generator().manual_seed(seed))
        yield numbers.float(), batch.segment_ids


def _pooled_judge(returned: Any, expected: torch.Tensor, hidden: torch.Tensor, segment_ids: torch.Tensor) -> str | None:
    wrong = tensor(returned, expected)
    if wrong is None or getattr(returned, "shape", None) != expected.shape:
        return wrong
    different = ~torch.isclose(returned.double(), expected.double(), rtol=1e-4, atol=1e-5).all(-1)
    if not different.any():
        return wrong
    prompt = int(different.nonzero()[0, 0])
    row, slot = (segment_ids == prompt).nonzero()[0].tolist()
    last = slot + int((segment_ids == prompt).sum()) - 1
    return f"{wrong} Prompt {prompt} lies in row {row}, slots {slot} to {last}; only these count for it."


POOL = Exercise(
    key="11-pool",
    title="An embedding for each text",
    minutes=6,
    level="core",
    task="`hidden` [R, W, D] are the hidden states of packed rows, and `segment_ids` [R, W] says which prompt each "
    "slot belongs to: 0 to B - 1, and -1 on padding. Return the mean of each prompt's hidden states as a "
    "tensor [B, D], in the order of the prompts.",
    reference=mean_pooled,
    cases=_hidden_states,
    judge=_pooled_judge,
    hints=(
        "`segment_ids == 2` is True in the slots of prompt 2, and picks them: `hidden[segment_ids == 2]` is [n, D].",
        "The mean over its tokens is the mean over dimension 0.",
        "`torch.stack` puts B tensors of D numbers together: [B, D].",
    ),
    wrong={
        "of the rows": WrongAnswer(
            _of_the_rows, "These are means over rows. A row holds several prompts, and padding."
        ),
        "sums": WrongAnswer(_sums, "These are sums. Divide by the tokens of each prompt."),
        "over the width": WrongAnswer(
            _over_the_width, "The sums are divided by the width of the row. Divide by the tokens of each prompt."
        ),
        "last tokens": WrongAnswer(
            _last_tokens, "These are the states of the last tokens, which is another embedding. Take the mean of all."
        ),
        "first tokens": WrongAnswer(
            _first_tokens, "These are the states of the first tokens. Take the mean over all tokens of a prompt."
        ),
        "padding as a prompt": WrongAnswer(
            _padding_as_a_prompt, "Padding (-1) has become a prompt of its own, before the others. Leave it out."
        ),
        "in the order of the rows": WrongAnswer(
            _in_order_of_rows, "The means are right, in the order in which they lie in the rows. Return prompt 0 first."
        ),
        "of the numbers": WrongAnswer(
            _of_the_numbers, "The mean goes over the D numbers of each token. Take it over the tokens: dimension 0."
        ),
        "whole rows": WrongAnswer(
            _whole_row_of_each,
            "This is the mean over the whole row in which a prompt lies, neighbours and padding too.",
        ),
        "the largest": WrongAnswer(
            _of_the_largest, "These are the largest numbers (max pooling). The mean is asked for."
        ),
    },
)


QUIZZES = (
    Quiz(
        "11-length",
        "One choice has one token and a log-likelihood of -3, another six tokens and -6. Which does the model choose?",
        (
            Answer(
                "The short one as it stands, the long one per token",
                True,
                "-3 is higher than -6; -1 per token is higher than -3 per token. So two accuracies are reported.",
            ),
            Answer("The short one, in both ways", False, "Per token the long one has -6 / 6, which is higher than -3."),
            Answer("The long one, in both ways", False, "As it stands, -3 is the higher log-likelihood of the two."),
        ),
    ),
    Quiz(
        "11-examples",
        "Sixteen exam questions follow the same 600 tokens of examples. Which saves most of the tokens that are read?",
        (
            Answer("Packing the rows", False, "Padding is a small part here: the prompts have nearly the same length."),
            Answer("Sorting them by length", False, "It removes padding only, and there is little of it."),
            Answer(
                "Reading the examples once",
                True,
                "They are nearly everything that is read. What is left are the questions, as unequal as before.",
            ),
        ),
    ),
    Quiz(
        "11-order",
        "A yes/no question scores a hundred long passages for one search query. What should come first in the prompt, "
        "if the beginning is read once?",
        (
            Answer(
                "Instructions, query, passage", True, "Instructions and query are the same in all prompts, and shared."
            ),
            Answer(
                "Instructions, passage, query",
                False,
                "The query is the same in all prompts, but after the passage it can't be shared: it depends on it.",
            ),
            Answer("The order makes no difference", False, "Only what comes before the first difference is shared."),
        ),
    ),
)
