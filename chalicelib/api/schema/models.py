"""Models of requests: what a client sends is checked as a whole, with one detail a field that is wrong."""

from typing import Any, Self

from pydantic import ValidationError

from chalicelib.api.http.body import NO_BODY
from chalicelib.api.http.errors import invalid
from chalicelib.api.schema.fields import Model
from chalicelib.errors import InvalidRequest


class Checked(Model):
    @classmethod
    def parse(cls, given: Any) -> Self:
        """Raises InvalidRequest with one detail a field."""
        if not isinstance(given, dict):
            raise InvalidRequest("The body must be a JSON object." if given is not NO_BODY else "A JSON body is needed.")
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise _invalid_from(error) from None


def _invalid_from(error: ValidationError) -> InvalidRequest:
    """pydantic's findings in the contract's form, without the values: they may be long, and they are the caller's."""
    return invalid((".".join(str(part) for part in problem["loc"]), _sentence(problem)) for problem in error.errors())


def _sentence(problem: Any) -> str:
    match problem["type"]:
        case "extra_forbidden":
            return "There is no field of this name here."
        case "missing":
            return "This field is needed."
        case "value_error":
            return str(problem["ctx"]["error"])
        case _:
            message: str = problem["msg"]
            return message.rstrip(".") + "."
