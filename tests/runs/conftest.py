"""Files of prompts, and the smallest model to run them."""

import json
import random

import pytest

import prepack_lab as lab

LENGTHS = [3, 30, 1, 12, 12, 7, 25, 2, 19, 4, 4, 28, 9]


@pytest.fixture(scope="session")
def llama():
    """A model and its tokenizer."""
    return lab.load_model("tiny-llama", device="cpu")


@pytest.fixture
def prompts(tmp_path):
    """A file of thirteen prompts, with one to three choices each."""
    draw = random.Random(0)
    path = tmp_path / "prompts.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number, length in enumerate(LENGTHS):
            prompt = "a" + "".join(draw.choices("abc é", k=length - 1))
            choices = ["".join(draw.choices("xyz", k=1 + place + number % 3)) for place in range(1 + number % 3)]
            row = {"prompt": prompt, "continuations": choices, "custom_id": f"é{number}"}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return path
