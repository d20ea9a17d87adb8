"""Which variables the models of settings stand for, and what pydantic says of their values."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from busylight.parts import INHERITED
from busylight.settings.outputs import Look, kind_of, prefix_of
from busylight.settings.variables import PREFIX


def fields_of(
    models: Mapping[str, type[BaseModel]], outputs: Iterable[str]
) -> dict[str, FieldInfo]:
    """Every variable of these parts by name, and of these `outputs` what each output knows."""
    fields = {
        f"{PREFIX}{prefix_of(name)}{field.upper()}": info
        for name, model in models.items()
        for field, info in variables_of(model)
    }
    for name in outputs:
        for model in (models[kind_of(name)], Look):
            for field, info in variables_of(model):
                fields[f"{PREFIX}{prefix_of(name)}{field.upper()}"] = info
    return fields


def variables_of(model: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    """The fields of a part's settings that are variables of its own."""
    return [
        (name, field)
        for name, field in model.model_fields.items()
        if INHERITED not in field.metadata
    ]


def inherited_values(model: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """What a part's settings take of the program's own."""
    return {
        name: values[name]
        for name, field in model.model_fields.items()
        if INHERITED in field.metadata and name in values
    }


def is_secret(field: FieldInfo) -> bool:
    """Whether the value may never be shown, and may stand in a file of its own."""
    return "SecretStr" in str(field.annotation) or field.annotation is SecretStr


def example_of(model: type[BaseModel], field: str) -> str | None:
    """A good value of a field."""
    examples = model.model_fields[field].examples
    return str(examples[0]) if examples else None


def attempt(
    model: type[BaseModel], values: Mapping[str, Any]
) -> tuple[BaseModel | None, list[ErrorDetails]]:
    """Build the model, or list what pydantic has against it."""
    try:
        return model(**values), []
    except ValidationError as error:
        return None, error.errors(include_url=False)


def field_of(detail: ErrorDetails) -> str:
    """The field that a fault is about."""
    if detail["loc"]:
        return str(detail["loc"][0])
    return str(detail.get("ctx", {}).get("field", ""))
