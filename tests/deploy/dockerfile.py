"""Reads `deploy/Dockerfile`: its instructions and stages. It understands as much of the format as the file uses."""

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
DOCKERFILE = REPOSITORY / "deploy" / "Dockerfile"


@dataclass(frozen=True)
class Instruction:
    """One instruction, on one line."""

    name: str
    arguments: str


Stage = list[Instruction]


def instructions() -> list[Instruction]:
    """Everything in the file, in order."""
    text = "\n".join(line for line in DOCKERFILE.read_text().splitlines() if not line.lstrip().startswith("#"))
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [Instruction(*line.split(maxsplit=1)) for line in lines if line]


def stages() -> list[Stage]:
    """The instructions of each stage, its FROM first."""
    found: list[Stage] = []
    for instruction in instructions():
        if instruction.name == "FROM":
            found.append([])
        if found:
            found[-1].append(instruction)
    return found


def values(stage: Stage, name: str) -> list[str]:
    """The arguments of all instructions of this name."""
    return [instruction.arguments for instruction in stage if instruction.name == name]


def copied(arguments: str) -> tuple[list[str], str]:
    """Sources and target of a COPY."""
    *sources, target = shlex.split(arguments)
    return sources, target


def environment(stage: Stage) -> dict[str, str]:
    """What the stage's ENV instructions set."""
    return dict(word.split("=", 1) for line in values(stage, "ENV") for word in shlex.split(line))


def health_check() -> list[str]:
    """The command of the final stage's HEALTHCHECK, without the name of the Python that runs it."""
    [line] = values(stages()[-1], "HEALTHCHECK")
    program, *arguments = json.loads(line.partition("CMD ")[2])
    assert program == "python"
    return [str(argument) for argument in arguments]
