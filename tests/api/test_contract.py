"""The running API against its own OpenAPI document, by an independent program that makes up requests."""

import asyncio
import sys
from pathlib import Path
from typing import Any

from services.api.http.auth_gate import PUBLIC_PATHS
from tests.support.system import System, token

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,negative_data_rejection,missing_required_header,unsupported_method,"
    "allow_header_conformance,use_after_free,ensure_resource_availability,ignored_auth"
)
"""All but `positive_data_acceptance`: which URLs and event types are accepted, no schema can say."""


async def test_every_answer_is_as_documented_whatever_is_sent(api: System, tenant: str, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("schemathesis")
    process = await asyncio.create_subprocess_exec(
        program,
        *("run", f"{api.url}/openapi.json", "--header", f"Authorization: Bearer {token(tenant)}"),
        *("--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--max-examples", "3", "--seed", "1"),
        *("--request-timeout", "30", "--suppress-health-check", "all", "--warnings", "off"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()


async def test_the_document_is_good_enough_to_generate_a_client_from(api: System) -> None:
    names = []
    for path, operations in (await api.paths()).items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            names.append(operation["operationId"])
            assert operation["description"].endswith("."), where
            assert operation["tags"], where
            assert bool(operation.get("security")) != (path in PUBLIC_PATHS), where
            problems = {status for status in operation["responses"] if status >= "400"}
            if path not in PUBLIC_PATHS:
                assert {"401", "403", "503"} <= problems, where
                assert all(_is_problem(operation["responses"][status]) for status in problems), where
    assert len(names) == len(set(names))


def _is_problem(answer: dict[str, Any]) -> bool:
    content = answer["content"]["application/problem+json"]
    return bool(content["schema"]["$ref"] == "#/components/schemas/ProblemBody")
