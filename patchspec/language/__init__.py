"""From text to a patch: reading YAML with places, checking it against a schema, parsing it."""
