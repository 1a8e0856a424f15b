import base64
import struct
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from prepack_lab.figures import draw_mask, prompt_colour
from prepack_lab.figures.masks import CELLS
from prepack_lab.masks import may_see

LENGTHS = [3, 2, 4]
WORDS = [["The", "capital", "is"], ["Berlin", "lies"], ["Water", "boils", "at", "100"]]


def row(lengths=LENGTHS, padding=2):
    segments = [prompt for prompt, length in enumerate(lengths) for _ in range(length)]
    return torch.tensor([[*segments, *[-1] * padding]])


def drawn(segments, **rule):
    seen = may_see(segments, **rule)[0, 0].numpy()
    return draw_mask(seen, segments[0].tolist(), WORDS), seen


def cells(trace):
    return {(query, key) for query, line in enumerate(trace.z) for key, value in enumerate(line) if value is not None}


@settings(max_examples=12)
@given(padding=st.integers(0, 3), apart=st.booleans(), window=st.none() | st.integers(1, 5))
def test_every_cell_is_drawn_once_as_what_it_is(padding, apart, window):
    segments = row(padding=padding)
    figure, seen = drawn(segments, apart=apart, window=window)
    own = segments[0][:, None] == segments[0]
    hidden, mine, leaks = (cells(trace) for trace in figure.data)
    assert hidden == {*zip(*np.nonzero(~seen), strict=True)}
    assert mine == {*zip(*np.nonzero(seen & own.numpy()), strict=True)}
    assert leaks == {*zip(*np.nonzero(seen & ~own.numpy()), strict=True)}


def test_hovering_tells_who_may_see_whom():
    figure, _ = drawn(row(), apart=False)
    assert figure.data[1].x[3] == "token 0 “Berlin” of prompt 1"
    assert figure.data[1].hovertemplate == "%{y} may see %{x}<extra></extra>"
    assert "should not" in figure.data[2].hovertemplate
    assert "×" in np.array(figure.data[2].text)[3]


def test_a_prompt_has_its_colour():
    figure, _ = drawn(row())
    trace = figure.data[1]
    for query, prompt in ((0, 0), (4, 1), (8, 2)):
        share = (trace.z[query][query] + 0.5) / trace.zmax
        assert [colour for edge, colour in trace.colorscale if edge <= share][-1].lower() == prompt_colour(
            prompt
        ).lower()


def test_the_reading_counts_leaks():
    assert drawn(row())[0].reading == "No token sees another prompt; 19 of 121 cells are used, 16%"
    assert drawn(row(), apart=False)[0].reading.startswith("26 cells (×) let a token see another prompt")


def test_a_large_mask_is_an_image_of_every_cell():
    segments = row([300, 500, 200], 24)
    seen = may_see(segments, apart=False)[0, 0].numpy()
    figure = draw_mask(seen, segments[0].tolist())
    pixels = decode_png(figure.data[0].source)
    assert pixels.shape[:2] == (1024, 1024)
    assert ((pixels[..., 3] > 0) == seen).all()
    assert tuple(pixels[10, 5, :3]) == tuple(int(prompt_colour(0)[i : i + 2], 16) for i in (1, 3, 5))
    assert tuple(pixels[400, 5, :3]) == (140, 140, 140)
    assert [trace.text for trace in figure.data[1:]][1] == "prompt 1: 500 tokens, each sees the earlier ones and itself"


def test_small_and_large_say_the_same():
    tables = []
    for most in (CELLS, 0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("prepack_lab.figures.masks.CELLS", most)
            tables.append(str(drawn(row())[0].twin))
    assert tables[0] == tables[1]


def decode_png(source):
    """[height, width, 4] from a data URI, by the rules of the format: enough for 8-bit RGBA without interlace."""
    data = base64.b64decode(source.split(",")[1])
    place, parts, body = 8, {}, b""
    while place < len(data):
        (size,), kind = struct.unpack(">I", data[place : place + 4]), data[place + 4 : place + 8]
        content = data[place + 8 : place + 8 + size]
        body += content if kind == b"IDAT" else b""
        parts[kind] = content
        place += 12 + size
    width, height, depth, colour = struct.unpack(">IIBB", parts[b"IHDR"][:10])
    assert (depth, colour) == (8, 6)
    lines = np.frombuffer(zlib.decompress(body), np.uint8).reshape(height, 1 + 4 * width)
    rows = []
    for number, line in enumerate(lines):
        above = rows[-1] if number else np.zeros(4 * width, np.uint8)
        rows.append(unfilter(line[0], line[1:], above))
    return np.stack(rows).reshape(height, width, 4)


def unfilter(kind, line, above):
    if kind == 0:
        return line
    if kind == 2:
        return line + above
    found = np.zeros_like(line)
    for i, value in enumerate(line.tolist()):
        left, up, corner = (int(found[i - 4]) if i >= 4 else 0), int(above[i]), (int(above[i - 4]) if i >= 4 else 0)
        guess = left + up - corner
        paeth = min((left, up, corner), key=lambda one: abs(guess - one))
        found[i] = (value + {1: left, 3: (left + up) // 2, 4: paeth}[int(kind)]) % 256
    return found
