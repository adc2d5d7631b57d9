"""What pydantic found wrong, in words: every problem at once, where it is, and what to try."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from dealmeter.config.channels import CHANNELS
from dealmeter.errors import Key, Problem


def suggestion(word: str, known: Sequence[str]) -> str:
    """`; did you mean "x"?`, or what there is, for a word that isn't known."""
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f'; did you mean "{close[0]}"?'
    return f"; there are: {', '.join(known)}" if known else ""


def from_validation(error: ValidationError, model: type[BaseModel], under: Key = ()) -> list[Problem]:
    """A model's complaints as problems. What was given is never repeated: it may be a secret."""
    return [
        Problem((*under, *_place(item["loc"])), _message(item, model))
        for item in error.errors(include_url=False, include_input=False)
    ]


def _place(where: Key) -> Key:
    """Where it is in the file: pydantic also names the kind of a channel, which is no key."""
    return tuple(part for i, part in enumerate(where) if not (part in CHANNELS and i and isinstance(where[i - 1], int)))


def _message(item: Mapping[str, Any], model: type[BaseModel]) -> str:
    if item["type"] == "missing":
        return "missing"
    if item["type"] == "extra_forbidden":
        owner = _model_at(model, item["loc"][:-1])
        return "unknown key" + suggestion(str(item["loc"][-1]), list(owner.model_fields) if owner else [])
    return str(item["msg"]).removeprefix("Value error, ").replace("Input should be", "should be")


def _model_at(model: type[BaseModel] | None, key: Key) -> type[BaseModel] | None:
    for part in key:
        if isinstance(part, str) and part in CHANNELS:
            model = CHANNELS[part]
            continue
        if model is None or isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        model = next(iter(models_in(field.annotation)), None) if field is not None else None
    return model


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models that an annotation names, at any depth."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in models_in(argument)]
