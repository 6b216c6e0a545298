"""What import contracts (pyproject.toml) can't say: what is loaded, what docstrings promise, how big files are."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[2]
ADAPTERS = {
    "aio_pika",
    "aiohttp",
    "aiormq",
    "aiosmtplib",
    "asyncio",
    "fastapi",
    "opentelemetry",
    "pamqp",
    "pymongo",
    "uvicorn",
}
DECISIONS = (
    "services.dispatcher.plan",
    "services.mailer.outcome",
    "services.webhook.outcome",
    "shared.delivery.outcome",
    "shared.delivery.precheck",
)
CLIENT = ROOT / "clients" / "python" / "src"
PACKAGES = (ROOT / "services", ROOT / "shared", CLIENT / "signalpost")
SOURCES = [path for package in PACKAGES for path in sorted(package.rglob("*.py"))]


def module(path: Path) -> str:
    """Return the dotted name of a source file."""
    root = CLIENT if path.is_relative_to(CLIENT) else ROOT
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def pure_modules() -> Iterator[str]:
    """Yield the modules that call themselves pure."""
    for path in SOURCES:
        if re.search(r"\b[Pp]ure\b", ast.get_docstring(ast.parse(path.read_text())) or ""):
            yield module(path)


def test_model_and_decisions_load_no_adapter() -> None:
    model = [module(path) for path in SOURCES if path.is_relative_to(ROOT / "shared" / "model")]
    script = (
        "import importlib, json, sys\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
        "print(json.dumps([name.partition('.')[0] for name in sys.modules]))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script, *model, *DECISIONS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not ADAPTERS.intersection(json.loads(answer.stdout))


def test_what_calls_itself_pure_reaches_no_adapter() -> None:
    graph = grimp.build_graph("services", "shared", "signalpost", include_external_packages=True, cache_dir=None)
    impure = {
        name: sorted(reached)
        for name in pure_modules()
        if (reached := ADAPTERS & graph.find_upstream_modules(name, as_package=False))
    }
    assert not impure


def test_the_top_of_shared_is_seen_at_a_glance() -> None:
    entries = [entry for entry in (ROOT / "shared").iterdir() if entry.name != "__pycache__"]
    assert len(entries) <= 14


def test_no_file_has_more_than_300_lines() -> None:
    lines = {module(path): len(path.read_text().splitlines()) for path in SOURCES}
    assert not {name: count for name, count in lines.items() if count > 300}


def test_folders_of_unit_tests_mirror_the_code() -> None:
    here = Path(__file__).parent
    places = {"signalpost": ROOT / "clients" / "python" / "src" / "signalpost"}
    for test in here.glob("*/**/test_*.py"):
        first, *rest = test.parent.relative_to(here).parts
        code = places.get(first, ROOT / first).joinpath(*rest)
        assert code.is_dir(), f"{test.relative_to(ROOT)} mirrors no folder of the code"
