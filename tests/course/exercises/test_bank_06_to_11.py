"""A bank of answers to the exercises of lessons 06 to 11: right ones in other forms, and what is said of wrong ones."""

from fractions import Fraction
from math import prod

import pytest

from prepack_lab.course.exercises.checking import check
from prepack_lab.course.exercises.differences import by_argument, relation


def exact_line(x, y):
    x, y = [Fraction(one) for one in x], [Fraction(one) for one in y]
    middle, height = sum(x) / len(x), sum(y) / len(y)
    slope = sum((a - middle) * (b - height) for a, b in zip(x, y, strict=True)) / sum((a - middle) ** 2 for a in x)
    return height - slope * middle, slope


def stuck(fits, most):
    low, high = 0, most + 1
    while low < high:
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    return low


def halved_to_floats(fits, most):
    low, high = 0, most + 1
    while high - low > 1:
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def no_pass_to_begin_with(lengths, budget):
    passes, used = [], 0
    for prompt, length in enumerate(lengths):
        if used + length > budget:
            passes.append([])
            used = 0
        passes[-1].append(prompt)
        used += length
    return passes


def a_list_into_a_set(batches):
    done = set()
    for prompts in batches:
        done.add(prompts)
    return [len(done)]


def seconds_without_return(costs, rates):
    def seconds(method):
        sum(amount * rate for amount, rate in zip(costs[method], rates, strict=True))

    return min(costs, key=seconds)


def scores_for_tokens(step, token, end, most):
    new = []
    for _ in range(most):
        token = max(step(token))
        new.append(token)
        if token == end:
            break
    return new


def first_with_the_wrong_sign(asked, came):
    return asked - came[0], (came[-1] - came[0]) / max(len(came) - 1, 1)


def beyond_the_end(prompts):
    saved = 0
    for place, prompt in enumerate(prompts):
        known = 0
        for earlier in prompts[:place]:
            common = 0
            while prompt[common] == earlier[common]:
                common += 1
            known = max(known, common)
        saved += min(known, len(prompt) - 1)
    return saved


def nothing_before_the_first(prompts):
    def common(one, other):
        return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(map(len, prompts)))

    return sum(max(common(prompt, earlier) for earlier in prompts[:at]) for at, prompt in enumerate(prompts))


def in_steps_of_nothing(prompt, writing, budget):
    room = budget - writing
    return [min(room, prompt - read) for read in range(0, prompt, room)]


def flat(tokens, computed, scheduled):
    positions = [at for done, more in zip(computed, scheduled, strict=True) for at in range(done, done + more)]
    return tokens, positions, [sum(scheduled[:at]) for at in range(len(scheduled) + 1)]


def slices_to_the_size(texts, computed, scheduled):
    many = zip(texts, computed, scheduled, strict=True)
    return flat([token for text, done, more in many for token in text[done:more]], computed, scheduled)


def last_tokens(texts, computed, scheduled):
    many = zip(texts, scheduled, strict=True)
    return flat([token for text, more in many for token in text[-more:]], computed, scheduled)


def only_who_needs_one(tables, lengths, free, block_size):
    return [[*table, free.pop(0)] for table, length in zip(tables, lengths, strict=True) if length > len(table) * 2]


def in_any_order(logits, ids, start):
    return sorted(logits[start - 1 : -1].argmax(-1).tolist()) == sorted(ids[start:])


@pytest.mark.parametrize(
    ("key", "function", "words"),
    [
        ("06-cache", lambda *sizes: Fraction(2 * prod(sizes)), None),
        ("08-fit", exact_line, None),
        ("06-cache", lambda *sizes: print(sizes), "print() only shows a value"),
        ("06-cache", lambda *sizes: 2 * prod(sizes) // sizes[3], "divided by `head_size`,"),
        ("06-cache", lambda *sizes: 16 * prod(sizes), "too large by 64680."),
        ("06-mask", lambda rows, width, size: rows * width ^ 2 * size, "3 queries and 3 keys, which make 9 pairs."),
        ("06-largest", stuck, "the last three sizes were 1, 1, 1"),
        ("06-largest", halved_to_floats, "Halve with //"),
        ("07-budget", no_pass_to_begin_with, "Before the first prompt there is no pass yet"),
        ("07-deliver", a_list_into_a_set, "a set's update() takes its items."),
        ("07-windows", lambda lengths, batch_size, window: sum(lengths), "Batches: [2, 3], [9]. Slots: 6 + 9."),
        ("08-best", seconds_without_return, "a function without return give back."),
        ("09-greedy", scores_for_tokens, "This takes the highest score for the token."),
        ("09-position", lambda lengths, generated: lengths[:-1], "Prompts: 1; positions that came back: 0."),
        ("09-times", lambda asked, came: came[0] - asked, "and an int came back."),
        ("09-times", lambda asked, came: (came[0] - asked, float("nan")), "Number 2 of 2: NaN came back"),
        ("09-times", first_with_the_wrong_sign, "Number 1: the sign is turned round."),
        ("09-slots", lambda lengths, bins, steps: len(bins) * steps, "so each row grows by 1 in each step."),
        ("10-chunks", in_steps_of_nothing, "a chunk would hold 0: return [] there."),
        ("10-prefix", beyond_the_end, "compare as far as the shorter one goes"),
        ("10-prefix", nothing_before_the_first, "Nothing comes before the first prompt"),
        ("10-step-tokens", slices_to_the_size, "They should end that far behind `computed`."),
        ("10-step-tokens", last_tokens, "Of request 1 the step computes places 1 to 2."),
        ("10-step-blocks", only_who_needs_one, "Those that need no block have a table, too."),
        ("11-greedy", in_any_order, "Greedy decoding writes [0, 1] here, and the continuation is [1, 0]."),
        ("11-accuracy", lambda scores, lengths, right: scores / lengths, "take its items one by one"),
    ],
)
def test_an_answer_from_the_bank(key, function, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    verdict = check(key, function)
    assert verdict.solved == (words is None), verdict.words
    assert words is None or words in verdict.words, verdict.words


@pytest.mark.parametrize(
    ("key", "function"),
    [
        ("07-back", lambda order, results: [None for _ in order]),
        ("07-budget", lambda lengths, budget: [[0]]),
        ("08-fit", lambda x, y: (0.0, 1.0)),
        ("09-times", lambda asked, came: (came[0], 0)),
        ("10-blocks", lambda lengths, block_size: (len(lengths), 1)),
        ("10-step-tokens", lambda texts, computed, scheduled: ([], [], [])),
        ("11-tokens", lambda shared, questions, choices: (shared, shared)),
    ],
)
def test_a_place_is_named_once(key, function, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = check(key, function).words
    assert "The first that differs" not in words and "Your list has" not in words, words


def test_another_error_in_every_case_is_no_known_mistake(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = check("10-prefix", lambda prompts: len(prompts).bit).words
    assert "AttributeError" in words and "before the first" not in words, words


def test_an_error_and_a_gap_are_not_compared(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    crash = check("08-fit", lambda x, y: (1.0, 1.0) if len(x) > 2 else (1 / 0, 1.0))
    assert crash.words.endswith("of your cell") and "division by zero" in crash.words, crash.words
    gap = check("10-step-tokens", lambda texts, computed, scheduled: ([7], ..., ...))
    assert gap.open and gap.words.endswith("fill it in."), gap.words


@pytest.mark.parametrize(
    ("pairs", "given", "words"),
    [
        ([(2, 6), (2, 10)], [{"a": 3}, {"a": 5}], "divided by `a`"),
        ([(18, 6), (50, 10)], [{"a": 3}, {"a": 5}], "times `a`"),
        ([(2, 18), (2, 50)], [{"a": 3}, {"a": 5}], "divided by `a` twice"),
        ([(2, 6), (2, 6)], [{"a": 3}, {"a": 3}], None),
        ([(0, 6), (0, 10)], [{"a": 3}, {"a": 5}], None),
        ([(2, 6), (2, 10)], [{"a": [3]}, {"a": [5]}], None),
        ([(2, 6)], [{"a": 3}], None),
    ],
)
def test_a_factor_that_is_an_argument(pairs, given, words):
    whole = words and f"Your number is the right one {words}, in every case that fails."
    assert by_argument(pairs, given) == whole


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([((1, -2), (1, 2)), ((3, -4), (3, 4))], "Number 2: the sign is turned round."),
        ([((2, 2), (2, 0))], None),
        ([((5, -2), (1, 2)), ((3, 4), (4, 4))], None),
    ],
)
def test_the_only_wrong_number_of_a_tuple(pairs, words):
    assert relation(pairs, located=True) == words
