"""Writes `env.example`: every variable that a deployment can set, from the settings classes and `compose.yaml`.

`python -m deploy.env_example > deploy/env.example` renews the file. A secret's default is never shown.
"""

import re
import sys
import types
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import yaml
from annotated_types import Ge, Le
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from deploy.rabbitmq.users import users
from services.cli.run import SERVICES
from shared.model.retry import RetrySchedule
from shared.process.settings import Network

COMPOSE: Final = Path(__file__).with_name("compose.yaml")
_INTRODUCTION = """\
# Every variable of a deployment. Generated: python -m deploy.env_example > deploy/env.example
#
# For compose.yaml, copy this file to .env and fill in what stands without a #, and AUTH_JWT_SECRET or AUTH_JWKS_URL.
# A line with a # shows the default.
"""


def env_example() -> str:
    """Return the file's content.

    Raises:
        ValueError: a setting has no docstring.
    """
    compose = COMPOSE.read_text()
    required = set(re.findall(r"\$\{(\w+):\?", compose))
    values = _compose_values(compose)
    parts = [_INTRODUCTION, "# ---- compose.yaml only\n"]
    parts += [_entry(name, [text], live=name in required) for name, text in _compose_only().items()]
    for readers, fields in _by_readers().items():
        parts.append(f"# ---- read by {'every service' if len(readers) == len(SERVICES) else ', '.join(readers)}\n")
        for name, field in fields.items():
            if not field.description:
                raise ValueError(f"{name} has no docstring that says what it means")
            lines = [field.description, allowed_values(field), values.get(name, "")]
            parts.append(_entry(name, lines, value=default_value(field), live=name in required))
    return "\n".join(parts)


def allowed_values(field: FieldInfo) -> str:
    """Return what a variable may hold, in words; of a plain text there is nothing to say.

    Raises:
        TypeError: a setting is of a kind that has no words here yet.
    """
    kind = _without_none(field.annotation)
    if get_origin(kind) is Literal:
        return f"One of: {', '.join(get_args(kind))}."
    if kind is int:
        return f"A number from {_bound(field.metadata, Ge):g} to {_bound(field.metadata, Le):g}."
    if kind is float:
        return f"A duration such as 10s or 2m, at most {_bound(field.metadata, Le) / 3600:g}h."
    if kind is RetrySchedule:
        return "Durations such as 10s or 2m, separated by commas."
    if kind is SecretStr:
        return "A secret."
    if kind is str:
        patterns = [found for part in field.metadata if (found := getattr(part, "pattern", None))]
        return f"A text that matches {patterns[0]}" if patterns else ""
    return f"{_plural(kind)}, separated by commas."


def default_value(field: FieldInfo) -> str:
    """Return a default as it would be written in the environment, and nothing for a secret."""
    value = field.default
    if value is None or isinstance(value, SecretStr) or value in (frozenset(), ()):
        return ""
    if isinstance(value, float):
        return f"{value:g}s"
    if isinstance(value, RetrySchedule):
        return ",".join(f"{wait:g}s" for wait in value.waits)
    return str(value)


def _by_readers() -> dict[tuple[str, ...], dict[str, FieldInfo]]:
    """Return the settings by the services that read them; those that all read come first."""
    names = {name: field for settings in SERVICES.values() for name, field in settings.model_fields.items()}
    groups: dict[tuple[str, ...], dict[str, FieldInfo]] = {}
    for name, field in names.items():
        readers = tuple(service for service, settings in SERVICES.items() if name in settings.model_fields)
        groups.setdefault(readers, {})[name.upper()] = field
    return groups


def _compose_only() -> dict[str, str]:
    """Return the variables that are no settings, with what they mean."""
    return {
        "SIGNALPOST_IMAGE": "The image of all services; without it, compose.yaml builds one.",
        "RABBITMQ_ADMIN_PASSWORD": "The password of the broker's administrator `admin`, from its first start on.",
    } | {
        f"RABBITMQ_PASSWORD_{user.name.upper().replace('-', '_')}": (
            f"The password of the broker's user `{user.name}`: letters and digits, as `openssl rand -hex 24` makes."
        )
        for user in users()
    }


def _compose_values(text: str) -> dict[str, str]:
    """Return, for each variable that compose.yaml gives our services a value of its own for, a sentence on it."""
    sentences: dict[str, str] = {}
    services = yaml.safe_load(text)["services"]
    for name, value in (pair for service in SERVICES for pair in services[service]["environment"].items()):
        if match := re.fullmatch(rf"\$\{{{name}:-(.*)\}}", str(value)):
            sentences[name] = f"In compose.yaml the default is {match[1]}."
        elif value is not None and f"${{{name}" not in str(value):
            sentences[name] = "compose.yaml sets it." if "$" in str(value) else f"compose.yaml sets it to {value}."
    return sentences


def _entry(name: str, lines: list[str], *, value: str = "", live: bool) -> str:
    quoted = value if re.fullmatch(r"[\w.,:/@%+-]*", value) else f'"{value}"'
    comment = "".join(f"# {line}\n" for line in lines if line)
    return f"{comment}{'' if live else '#'}{name}={quoted}\n"


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, types.UnionType):
        [annotation] = [kind for kind in get_args(annotation) if kind is not types.NoneType]
    return annotation


def _plural(kind: Any) -> str:
    item, *_ = get_args(kind) or (None,)
    if item is str:
        return "Texts"
    if item == Network:
        return "Networks"
    if get_origin(item) is Annotated and get_args(item)[0] is int:
        bounds = get_args(item)[1].metadata
        return f"Numbers from {_bound(bounds, Ge):g} to {_bound(bounds, Le):g}"
    raise TypeError(f"say in {__name__} what a {kind} may hold")


def _bound(metadata: list[Any], kind: type[Ge | Le]) -> float:
    [bound] = [part for part in metadata if isinstance(part, kind)]
    return float(str(bound.ge if isinstance(bound, Ge) else bound.le))


if __name__ == "__main__":
    sys.stdout.write(env_example())
