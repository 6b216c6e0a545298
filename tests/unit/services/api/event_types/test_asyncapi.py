"""The AsyncAPI document is accepted by the official parser and schema, and says what the services do.

The official parser is an npm package; its versions and hashes are pinned in `tests/tools`, and it is installed
there once. Only a machine without Node.js skips those tests.
"""

import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from services.api.event_types.asyncapi import asyncapi_document
from shared.catalogue import Catalogue, EventType
from shared.model.event import InvalidMessage, parse_event
from shared.model.topology import EVENTS, topology

TOOLS = Path(__file__).parents[5] / "tests" / "tools"
WARNING = 1
"""The parser's severities: 0 is an error, 1 a warning, 2 information."""

TREE = EventType(
    type="tree.grown",
    description="A tree grew: a type with references within its own schema.",
    schema={
        "$ref": "#/$defs/tree",
        "$defs": {"tree": {"type": "object", "additionalProperties": {"$ref": "#/$defs/tree"}}},
    },
    example={"branch": {"leaf": {}}},
)
CATALOGUE = Catalogue.of([*Catalogue.builtin().types.values(), TREE])
DOCUMENT = asyncapi_document(CATALOGUE, amqp_url="amqps://user:s3cret@rabbit.example.com:5671/prod", version="1.2.3")

each_type = pytest.mark.parametrize("entry", CATALOGUE.types.values(), ids=lambda entry: entry.type)


@pytest.fixture(scope="module")
def node() -> str:
    """Return the path of Node.js, with the packages of `tests/tools` installed."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not installed: the official AsyncAPI parser is an npm package")
    installed = TOOLS / "node_modules" / ".package-lock.json"  # npm writes it last
    if not installed.exists() or installed.stat().st_mtime < (TOOLS / "package-lock.json").stat().st_mtime:
        done = subprocess.run([npm, "ci"], cwd=TOOLS, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, f"npm ci failed in {TOOLS}:\n{done.stderr}"
    return node


def test_the_official_parser_accepts_the_document(node: str) -> None:
    verdict = _parse(node, DOCUMENT)
    assert verdict["accepted"]
    assert [found for found in verdict["diagnostics"] if found["severity"] <= WARNING] == []


def test_the_official_parser_would_have_noticed_a_fault(node: str) -> None:
    operations = {**DOCUMENT["operations"], "lost": {"action": "receive", "channel": {"$ref": "#/channels/missing"}}}
    assert not _parse(node, DOCUMENT | {"operations": operations})["accepted"]


@pytest.mark.usefixtures("node")
def test_the_document_fits_the_official_schema() -> None:
    schema = json.loads((TOOLS / "node_modules/@asyncapi/specs/schemas/3.0.0.json").read_bytes())
    official = jsonschema_rs.Draft7Validator(schema, offline=True)
    assert [error.message for error in official.iter_errors(DOCUMENT)] == []


@each_type
def test_a_type_is_a_routing_key_of_the_events_exchange(entry: EventType) -> None:
    channel = DOCUMENT["channels"][entry.type]
    declared = next(exchange for exchange in topology().exchanges if exchange.name == EVENTS)
    binding = channel["bindings"]["amqp"]
    assert channel["address"] == entry.type
    assert binding["is"] == "routingKey"
    assert (binding["exchange"]["name"], binding["exchange"]["type"]) == (declared.name, declared.type)


def test_signalpost_receives_the_products_events_and_sends_its_own() -> None:
    actions = {operation["channel"]["$ref"]: operation["action"] for operation in DOCUMENT["operations"].values()}
    assert actions == {
        f"#/channels/{entry.type}": "send" if entry.internal else "receive" for entry in CATALOGUE.types.values()
    }


@each_type
def test_the_documented_example_is_an_event_that_the_services_accept(entry: EventType) -> None:
    example = _example(entry.type)
    assert _payload_schema(entry.type).is_valid(example)
    assert parse_event(json.dumps(example).encode()).type == entry.type
    assert CATALOGUE.validate(entry.type, example["data"]) is None


def test_the_documented_envelope_requires_exactly_what_the_services_require() -> None:
    schema = _payload_schema("certificate.issued")
    example = _example("certificate.issued") | {"subject": "certificates/cert_42"}
    for attribute in example:
        partial = {name: value for name, value in example.items() if name != attribute}
        assert schema.is_valid(partial) == _is_event(partial), attribute
    assert not schema.is_valid(example | {"type": "proof.failed"})


@pytest.mark.parametrize(
    ("event_type", "data"),
    [
        ("certificate.issued", {}),
        ("user.invited", {"email": "ada@example.com\n", "accept_url": "https://app.example.com/i/1"}),
        ("tree.grown", {"branch": {"leaf": "no object"}}),
    ],
)
def test_the_documented_schema_refuses_data_that_the_services_refuse(event_type: str, data: dict[str, Any]) -> None:
    assert CATALOGUE.validate(event_type, data) is not None
    assert not _payload_schema(event_type).is_valid(_example(event_type) | {"data": data})


def test_the_document_names_the_broker_without_credentials() -> None:
    server = DOCUMENT["servers"]["rabbitmq"]
    assert (server["protocol"], server["host"], server["pathname"]) == ("amqps", "rabbit.example.com:5671", "/prod")
    assert "s3cret" not in json.dumps(DOCUMENT)


def test_the_document_names_each_node_of_a_cluster() -> None:
    cluster = "amqp://user:s3cret@a.example.com/prod,amqp://user:s3cret@b.example.com/prod"
    document = asyncapi_document(CATALOGUE, amqp_url=cluster, version="1.2.3")
    assert {name: server["host"] for name, server in document["servers"].items()} == {
        "rabbitmq": "a.example.com",
        "rabbitmq2": "b.example.com",
    }
    assert "s3cret" not in json.dumps(document)


def test_making_the_document_leaves_the_catalogue_as_it_was() -> None:
    assert CATALOGUE.types["tree.grown"].schema["$ref"] == "#/$defs/tree"


def _parse(node: str, document: dict[str, Any]) -> dict[str, Any]:
    command = [node, str(TOOLS / "validate_asyncapi.mjs")]
    text = json.dumps(document)
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    verdict: dict[str, Any] = json.loads(done.stdout)
    return verdict


def _payload_schema(event_type: str) -> jsonschema_rs.Validator:
    """Compile the payload of a message as AsyncAPI reads it: draft 07, references from the document's root."""
    reference = f"#/components/messages/{event_type}/payload"
    components = DOCUMENT["components"]
    return jsonschema_rs.Draft7Validator({"allOf": [{"$ref": reference}], "components": components}, offline=True)


def _example(event_type: str) -> dict[str, Any]:
    payload: dict[str, Any] = DOCUMENT["components"]["messages"][event_type]["examples"][0]["payload"]
    return payload


def _is_event(envelope: dict[str, Any]) -> bool:
    try:
        parse_event(json.dumps(envelope).encode(), received_at=datetime.now(UTC))
    except InvalidMessage:
        return False
    return True
