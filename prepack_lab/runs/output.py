"""Lines of JSON → the file asked for, in order: JSON lines, plain or compressed, or Parquet."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, get_args

from prepack_lab.extras import how_to_install
from prepack_lab.options import check_folders

ENDINGS = (".jsonl", ".jsonl.gz", ".parquet")
ROWS = 8192
"""Rows of a Parquet file that are in memory at once."""


def check_output(out: Path) -> None:
    """Refuse a file that could not be written in the end, before anything is run.

    Raises:
        ValueError: an unknown ending, no such folder, or Parquet without pyarrow; says what to do.
    """
    if not out.name.endswith(ENDINGS):
        raise ValueError(f"{out.name} ends in {out.suffix!r}; results are written to {', '.join(ENDINGS)}")
    check_folders(out)
    if out.suffix == ".parquet" and find_spec("pyarrow") is None:
        raise ValueError(f"Parquet needs pyarrow: {how_to_install('files')}. Or write .jsonl")


def write_output(out: Path, lines: Iterator[bytes], columns: dict[str, Any]) -> None:
    """Write the lines in one step: the file is either complete or not there.

    Args:
        out: the file; its ending says how.
        lines: of JSON, an object per line.
        columns: for Parquet the type of each column: int, float, bool, str, or a list of one of them.
    """
    partial = out.with_name(f"{out.name}.tmp")
    if out.suffix == ".parquet":
        _write_parquet(partial, lines, columns)
    else:
        with partial.open("wb") as file:
            if out.suffix == ".gz":
                with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:  # the same results, the same bytes
                    packed.writelines(lines)
            else:
                file.writelines(lines)
    with partial.open("rb+") as file:
        os.fsync(file.fileno())
    partial.replace(out)


def _write_parquet(path: Path, lines: Iterator[bytes], columns: dict[str, Any]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    types = {int: pa.int64(), float: pa.float64(), bool: pa.bool_(), str: pa.string()}
    listed = {name: get_args(kind) for name, kind in columns.items()}
    schema = pa.schema([(name, pa.list_(types[of[0]]) if of else types[columns[name]]) for name, of in listed.items()])
    with parquet.ParquetWriter(path, schema) as writer:
        while rows := [json.loads(line) for line in islice(lines, ROWS)]:
            for row in rows:
                if columns.get("id") is str and not isinstance(row.get("id", ""), str):
                    row["id"] = json.dumps(row["id"], ensure_ascii=False)
            writer.write_table(pa.Table.from_pylist(rows, schema))
