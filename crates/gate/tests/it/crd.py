"""Holds documents against a CustomResourceDefinition as an API server does: types, required and unknown fields.

crd.py DEFINITION.yaml DOCUMENTS.yaml prints how many documents fit; says what does not, and ends with 1.
"""

import sys

import jsonschema
import yaml

definition = yaml.safe_load(open(sys.argv[1]))
versions = {version["name"]: version for version in definition["spec"]["versions"]}


def strict(schema):
    """An object with named fields takes no others, unless the schema keeps unknown ones."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {}
    for key, value in schema.items():
        if key == "properties":
            made[key] = {name: strict(part) for name, part in value.items()}
        else:
            made[key] = strict(value)
    if "properties" in schema and "additionalProperties" not in schema:
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            made["additionalProperties"] = False
    return made


count = 0
for document in yaml.safe_load_all(open(sys.argv[2])):
    group, version = document["apiVersion"].split("/")
    assert group == definition["spec"]["group"], group
    assert document["kind"] == definition["spec"]["names"]["kind"], document["kind"]
    schema = strict(versions[version]["schema"]["openAPIV3Schema"])
    # What every kind has and definitions may leave out.
    schema["properties"]["apiVersion"] = schema["properties"]["kind"] = {"type": "string"}
    schema["properties"]["metadata"] = {"type": "object", "required": ["name"]}
    jsonschema.validate(document, schema)
    count += 1
assert count, "no document"
print(count)
