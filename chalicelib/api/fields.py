"""The types of fields: what `chalicelib.api.values` makes of them, each with the JSON schema that says what it takes."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, WithJsonSchema
from pydantic.alias_generators import to_camel

from chalicelib.api import values
from chalicelib.api.values import MAX_GAS, MAX_ID_BYTES, MAX_PAGE, MAX_TEXT_LENGTH, MIN_GAS
from chalicelib.jobs.ids import JOB_ID
from chalicelib.patterns import ADDRESS


class Model(BaseModel):
    """camelCase on the wire, nothing unknown, nothing converted that was not meant to be. Validators are built at first use."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", strict=True, frozen=True, defer_build=True)


# --- the types, each with the JSON schema that says what it takes ------------------------------------------------------
# No `format: date-time` where times are taken: RFC 3339 and this service take different strings.

WEI_PATTERN = "^(0|[1-9][0-9]{0,77})$"
ADDRESS_PATTERN = f"^{ADDRESS.pattern}$"
JOB_ID_PATTERN = f"^{JOB_ID.pattern}$"

Amount = Annotated[
    int,
    BeforeValidator(values.amount),
    WithJsonSchema(
        {"type": "string", "pattern": WEI_PATTERN, "description": "wei, at most 2^256 - 1", "examples": ["1000000000"]}
    ),
]
PositiveAmount = Annotated[
    int,
    BeforeValidator(values.positive_amount),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": "^[1-9][0-9]{0,77}$",
            "description": "wei, at most 2^256 - 1",
            "examples": ["20000000000"],
        }
    ),
]
Gas = Annotated[
    int,
    BeforeValidator(values.gas),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": MIN_GAS, "maximum": MAX_GAS},
                {"type": "string", "pattern": "^[1-9][0-9]{4,7}$"},
            ],
            "description": f"units of gas, from {MIN_GAS:,} to {MAX_GAS:,}",
            "examples": [100_000],
        }
    ),
]
Address = Annotated[
    str,
    AfterValidator(values.address),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": ADDRESS_PATTERN,
            "description": "in any case; a mixed-case one must pass its EIP-55 checksum",
            "examples": ["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"],
        }
    ),
]
CallData = Annotated[
    bytes,
    BeforeValidator(values.hex_bytes),
    WithJsonSchema({"type": "string", "pattern": "^0x([0-9a-fA-F]{2})*$", "description": "call data or code, in hex"}),
]
Time = Annotated[
    datetime,
    BeforeValidator(values.time),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})$",
            "description": "ISO-8601 with a zone",
            "examples": ["2030-01-31T12:00:00Z"],
        }
    ),
]
Text = Annotated[
    str,
    AfterValidator(values.text),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_TEXT_LENGTH,
            "pattern": r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]+$",
            "description": "without control characters",
        }
    ),
]
FORMAT_CHARACTERS = (
    "\\u00ad\\u0600-\\u0605\\u061c\\u06dd\\u070f\\u0890\\u0891\\u08e2\\u180e\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u2064\\u2066-\\u206f"
    "\\ufeff\\ufff9-\\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f"
)
"""Unicode's category Cf, as a regular expression's character class writes it. A test works it out."""
Id = Annotated[
    str,
    AfterValidator(values.identifier),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_TEXT_LENGTH,
            "pattern": rf"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029{FORMAT_CHARACTERS}]+$",
            "description": f"without control characters and characters that cannot be seen; at most {MAX_ID_BYTES:,} bytes",
        }
    ),
]
JobIds = Annotated[
    tuple[str, ...],
    BeforeValidator(values.job_ids),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "array", "items": {"type": "string"}, "minItems": 1},
                {"type": "string", "minLength": 1, "description": "with commas between the ids"},
            ],
            "description": "what is no id is refused in its place",
        }
    ),
]
Limit = Annotated[
    int,
    BeforeValidator(values.page_limit),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": MAX_PAGE},
                {"type": "string", "pattern": "^([1-9][0-9]?|100)$"},
            ],
        }
    ),
]
Flag = Annotated[
    bool,
    BeforeValidator(values.flag),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, {"type": "string", "enum": ["true", "false"]}]}),
]
JobId = Annotated[str, WithJsonSchema({"type": "string", "pattern": JOB_ID_PATTERN, "examples": ["62b17abc8c26160014940e87"]})]
