"""Types of the strings in replies. Only the API reference imports this module."""

from typing import Annotated

from pydantic import Field, WithJsonSchema

from chalicelib.api.schema.fields import ADDRESS_PATTERN, JOB_ID_PATTERN, WEI_PATTERN

JobIdText = Annotated[str, WithJsonSchema({"type": "string", "pattern": JOB_ID_PATTERN})]
AddressText = Annotated[
    str, WithJsonSchema({"type": "string", "pattern": ADDRESS_PATTERN, "description": "EIP-55 checksummed"})
]
HashText = Annotated[str, WithJsonSchema({"type": "string", "pattern": "^0x[0-9a-f]{64}$", "description": "32 bytes in hex"})]
HexText = Annotated[str, WithJsonSchema({"type": "string", "pattern": "^0x([0-9a-f]{2})*$"})]
WeiText = Annotated[str, WithJsonSchema({"type": "string", "pattern": WEI_PATTERN, "description": "wei"})]
GasText = Annotated[str, WithJsonSchema({"type": "string", "pattern": WEI_PATTERN, "description": "units of gas"})]
TimeText = Annotated[
    str,
    WithJsonSchema(
        {
            "type": "string",
            "format": "date-time",
            "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$",
            "description": "ISO-8601, UTC, with milliseconds",
            "examples": ["2022-06-21T08:01:00.524Z"],
        }
    ),
]
CursorText = Annotated[str, Field(description="send it as cursor to get the next page; absent on the last page")]
