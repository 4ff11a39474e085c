"""The model of what a client sends: it is checked as a whole, with one detail for each field that is wrong."""

from typing import Any, Self

from pydantic import ValidationError

from chalicelib.api.http.body import NO_BODY
from chalicelib.api.http.errors import invalid
from chalicelib.api.schema.fields import Model
from chalicelib.errors import InvalidRequest


class Checked(Model):
    @classmethod
    def parse(cls, given: Any) -> Self:
        """Return the checked model. Raises InvalidRequest, with one detail for each field that is wrong."""
        if not isinstance(given, dict):
            raise InvalidRequest(
                "The body must be a JSON object." if given is not NO_BODY else "There is no body: send a JSON object."
            )
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise _invalid_from(error) from None


def _invalid_from(error: ValidationError) -> InvalidRequest:
    """Return what pydantic found, without the values: they may be long or personal."""
    return invalid((".".join(str(part) for part in problem["loc"]), _sentence(problem)) for problem in error.errors())


def _sentence(problem: Any) -> str:
    match problem["type"]:
        case "extra_forbidden":
            return "This field does not exist: leave it out."
        case "missing":
            return "This field is missing: send it."
        case "value_error":
            return str(problem["ctx"]["error"])
        case _:
            message: str = problem["msg"]
            return message.rstrip(".") + "."
