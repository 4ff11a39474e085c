"""The API reference, rendered when the zip is packaged: the OpenAPI document, and a page made from it."""
