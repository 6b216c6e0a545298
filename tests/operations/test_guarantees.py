"""Every test that the page of guarantees names exists, and every promise names one."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "guarantees.md").read_text()
PROMISES = [row for row in re.findall(r"(?m)^\| (.+) \|$", PAGE) if not row.startswith(("promise", "---"))]
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_a_named_test_exists_and_is_not_skipped(path: str, name: str) -> None:
    module = ast.parse((ROOT / path).read_text())
    functions = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert name in functions
    assert not re.search(r"\b(skip|skipif|xfail)\b", " ".join(map(ast.unparse, functions[name].decorator_list)))


@pytest.mark.parametrize("promise", PROMISES)
def test_a_promise_names_its_proof(promise: str) -> None:
    sentence, _, proof = promise.partition(" | ")
    assert sentence.endswith(".")
    assert re.fullmatch(r"`tests/\S+::\w+`(, `tests/\S+::\w+`)*", proof)
