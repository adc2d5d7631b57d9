"""The JSON Schema of the configuration, for editors: the models' own, with each connector's settings."""

import re
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter

from connectors.registry import load, names
from dealmeter.config.dump import duration
from dealmeter.config.models import Config

LENGTH = re.compile(r"P(\d+D)?(T(\d+H)?(\d+M)?(\d+S)?)?")
VARIABLE = {"type": "string", "pattern": r"\$\{", "description": "a variable: ${NAME} or ${NAME:-default}"}
ELSEWHERE = [
    {
        "type": "object",
        "properties": {source: {"type": "string"}},
        "required": [source],
        "additionalProperties": False,
    }
    for source in ("file", "env")
]


def json_schema() -> dict[str, Any]:
    """The whole schema, draft 2020-12."""
    schema = Config.model_json_schema()
    definitions = schema["$defs"]
    connection = definitions["ConnectionSettings"]
    connection["properties"]["crm"]["enum"] = names()
    connection["allOf"] = [_for(crm, definitions) for crm in names()]
    schema = _with_variables(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "dealmeter.yaml"}


def _for(crm: str, definitions: dict[str, Any]) -> dict[str, Any]:
    template = f"#/$defs/{crm}.{{model}}"
    own = load(crm).Settings.model_json_schema(ref_template=template)
    for name, definition in own.pop("$defs", {}).items():
        definitions[f"{crm}.{name}"] = definition
    definitions[crm] = own
    return {
        "if": {"properties": {"crm": {"const": crm}}},
        "then": {"properties": {"settings": {"$ref": f"#/$defs/{crm}"}}, "required": ["settings"]},
    }


def _with_variables(schema: Any) -> Any:
    """Let a variable stand for every number and switch, and secrets come from elsewhere."""
    if isinstance(schema, list):
        return [_with_variables(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: _inside(name, item) for name, item in schema.items()}
    if isinstance(inner.get("default"), str | dict):
        inner["default"] = _durations(inner["default"])
    said = {name: inner.pop(name) for name in ("title", "description", "default") if name in inner}
    if schema.get("writeOnly"):
        return {**said, "anyOf": [{"type": "string"}, *ELSEWHERE]}
    if schema.get("type") in {"integer", "number", "boolean"} or "enum" in schema or "pattern" in schema:
        return {**said, "anyOf": [inner, VARIABLE]} if inner is not VARIABLE else inner
    return {**said, **inner}


def _inside(name: str, item: Any) -> Any:
    """What stands at a keyword; below `properties` and `$defs` the names are people's, and may be `type` or `title`."""
    if name == "const":
        return item
    if name in {"properties", "$defs"}:
        return {key: _with_variables(value) for key, value in item.items()}
    return _with_variables(item)


def _durations(default: Any) -> Any:
    """Pydantic writes a length of time as PT30S; people write 30s."""
    if isinstance(default, dict):
        return {name: _durations(value) for name, value in default.items()}
    if isinstance(default, str) and LENGTH.fullmatch(default):
        return duration(TypeAdapter(timedelta).validate_python(default))
    return default
