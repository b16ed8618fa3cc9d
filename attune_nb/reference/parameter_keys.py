"""The keys of a parameter's declaration: JSON Schema, and the keys of its own.

The loader knows exactly these keys, and the schema for editors describes the usual ones.
"""

from __future__ import annotations

from attune_nb.reference.entry import Entry, Form

__all__ = ["PARAMETER_KEYS"]


def _key(
    name: str,
    explanation: str,
    declaration: str,
    values: str,
    *related: str,
    form: Form = "usual",
) -> Entry:
    """Return the entry of a key; its example is a workflow with one parameter.

    Args:
        name: The key.
        explanation: Its meaning.
        declaration: The declaration of the example's parameter.
        values: The values that it takes.
        related: Further words to look up.
        form: Whether it is a usual key.
    """
    example = (
        "parameters:\n"
        f"  value: {declaration}\n"
        "tasks:\n"
        "  - name: show\n"
        "    action: core.noop\n"
        '    input: {value: "{{ parameters.value }}"}'
    )
    return Entry(
        "parameter key",
        name,
        explanation,
        example,
        values=values,
        related=("parameters", *related),
        form=form,
    )


def _rare(name: str, explanation: str, declaration: str, values: str) -> Entry:
    return _key(name, explanation, declaration, values, form="rare")


_USUAL = (
    _key(
        "type",
        "The kind of value, or an array of kinds. `any` takes every value.",
        "{type: string, default: hello}",
        "`string`, `number`, `integer`, `boolean`, `array`, `object`, `any`, or an array of these",
        "default",
        "required",
    ),
    _key(
        "required",
        "Whether a run must pass the parameter. Within an object parameter: the keys that it "
        "must have.",
        "{type: object, required: [host], default: {host: a}}",
        "a boolean; an array of names for the keys of an object",
        "default",
    ),
    _key(
        "default",
        "Its value if a run passes none. It is a plain value: expressions in it are not evaluated.",
        "{type: integer, default: 3}",
        "any value that the declaration allows",
        "required",
        "vars",
    ),
    _key(
        "secret",
        "Whether the value is never shown: it appears as `***` in outputs, messages and records.",
        "{type: string, secret: true, default: none}",
        "a boolean; default false",
        "keystore",
        "secrets",
    ),
    _key(
        "description",
        "The purpose of the parameter, for people.",
        "{type: string, default: a, description: The region to check.}",
        "a string",
        "title",
    ),
    _key(
        "enum",
        "The only values that it may have.",
        "{enum: [low, high], default: low}",
        "an array",
        "const",
        "type",
    ),
    _key(
        "items",
        "A schema that every element of an array must fit.",
        "{type: array, items: {type: string}, default: [a, b]}",
        "a schema",
        "minItems",
        "maxItems",
        "uniqueItems",
    ),
    _key(
        "properties",
        "Schemas of the keys of an object.",
        "{type: object, properties: {port: {type: integer}}, default: {port: 80}}",
        "an object of names and schemas",
        "required",
        "additionalProperties",
    ),
    _key(
        "minimum",
        "The least number.",
        "{type: integer, minimum: 1, default: 3}",
        "a number",
        "maximum",
        "exclusiveMinimum",
    ),
    _key(
        "maximum",
        "The greatest number.",
        "{type: integer, maximum: 10, default: 3}",
        "a number",
        "minimum",
        "exclusiveMaximum",
    ),
    _key(
        "minLength",
        "The fewest characters of a string.",
        "{type: string, minLength: 1, default: a}",
        "an integer, 0 or more",
        "maxLength",
        "pattern",
    ),
    _key(
        "maxLength",
        "The most characters of a string.",
        "{type: string, maxLength: 10, default: a}",
        "an integer, 0 or more",
        "minLength",
    ),
    _key(
        "minItems",
        "The fewest elements of an array.",
        "{type: array, minItems: 1, default: [a]}",
        "an integer, 0 or more",
        "maxItems",
        "items",
    ),
    _key(
        "maxItems",
        "The most elements of an array.",
        "{type: array, maxItems: 10, default: [a]}",
        "an integer, 0 or more",
        "minItems",
        "items",
    ),
    _key(
        "pattern",
        "A regular expression that must be found in a string; `^` and `$` mark its ends.",
        "{type: string, pattern: '^[a-z]+$', default: abc}",
        "a regular expression",
        "format",
        "match",
    ),
    _key(
        "format",
        "The format of a string, such as `date` or `uri`; for readers only, it is not checked.",
        "{type: string, format: date, default: 2024-12-24}",
        "a string",
        "pattern",
    ),
)

# JSON Schema has many more keys. Completion leaves them out, because few workflows need them.
_RARE = (
    _rare("const", "The only value that it may have.", "{const: 1, default: 1}", "any value"),
    _rare(
        "exclusiveMinimum",
        "A number that the value must exceed.",
        "{type: number, exclusiveMinimum: 0, default: 0.5}",
        "a number",
    ),
    _rare(
        "exclusiveMaximum",
        "A number that the value must stay below.",
        "{type: number, exclusiveMaximum: 1, default: 0.5}",
        "a number",
    ),
    _rare(
        "multipleOf",
        "A number of which the value is a multiple.",
        "{type: integer, multipleOf: 5, default: 10}",
        "a number above 0",
    ),
    _rare(
        "uniqueItems",
        "Whether all elements of an array differ.",
        "{type: array, uniqueItems: true, default: [1, 2]}",
        "a boolean",
    ),
    _rare(
        "minContains",
        "The fewest elements that fit `contains`.",
        "{type: array, contains: {type: string}, minContains: 1, default: [a]}",
        "an integer, 0 or more",
    ),
    _rare(
        "maxContains",
        "The most elements that fit `contains`.",
        "{type: array, contains: {type: string}, maxContains: 2, default: [a]}",
        "an integer, 0 or more",
    ),
    _rare(
        "minProperties",
        "The fewest keys of an object.",
        "{type: object, minProperties: 1, default: {a: 1}}",
        "an integer, 0 or more",
    ),
    _rare(
        "maxProperties",
        "The most keys of an object.",
        "{type: object, maxProperties: 5, default: {a: 1}}",
        "an integer, 0 or more",
    ),
    _rare(
        "dependentRequired",
        "The keys that an object must have if it has another one.",
        "{type: object, dependentRequired: {user: [password]}, default: {}}",
        "an object of names and arrays of names",
    ),
    _rare(
        "$ref",
        "A schema that stands among `$defs`: `#/$defs/NAME`.",
        "{$ref: '#/$defs/port', $defs: {port: {type: integer}}, default: 80}",
        "a string",
    ),
    _rare("title", "A short name for people.", "{type: string, title: Region, default: a}",
          "a string"),
    _rare("label", "A short name for people, as the Attune platform writes it.",
          "{type: string, label: Region, default: a}", "a string"),
    _rare("examples", "Values as examples, for readers.",
          "{type: string, examples: [a, b], default: a}", "an array"),
    _rare("deprecated", "Whether it should no longer be used; for readers.",
          "{type: string, deprecated: true, default: a}", "a boolean"),
    _rare("readOnly", "A note for readers; it is not checked.",
          "{type: string, readOnly: true, default: a}", "a boolean"),
    _rare("writeOnly", "A note for readers; it is not checked.",
          "{type: string, writeOnly: true, default: a}", "a boolean"),
    _rare("position", "The place of the parameter in a form of the Attune platform.",
          "{type: string, position: 1, default: a}", "an integer"),
    _rare("$comment", "A remark for people who edit the schema.",
          "{type: string, $comment: see the wiki, default: a}", "a string"),
    _rare("$schema", "The version of JSON Schema; it is not read.",
          "{type: string, $schema: 'https://json-schema.org/draft/2020-12/schema', default: a}",
          "a string"),
    _rare("contains", "A schema that at least one element of an array fits.",
          "{type: array, contains: {const: 1}, default: [1, 2]}", "a schema"),
    _rare("not", "A schema that the value must not fit.",
          "{not: {type: string}, default: 1}", "a schema"),
    _rare("if", "A schema that chooses between `then` and `else`.",
          "{if: {type: string}, then: {minLength: 1}, default: a}", "a schema"),
    _rare("then", "The schema to fit if the value fits `if`.",
          "{if: {type: string}, then: {minLength: 1}, default: a}", "a schema"),
    _rare("else", "The schema to fit if the value does not fit `if`.",
          "{if: {type: string}, else: {minimum: 1}, default: 3}", "a schema"),
    _rare("propertyNames", "A schema that every key of an object fits.",
          "{type: object, propertyNames: {maxLength: 5}, default: {a: 1}}", "a schema"),
    _rare("additionalProperties", "A schema of the keys that `properties` does not list; false "
          "refuses them.",
          "{type: object, additionalProperties: {type: integer}, default: {a: 1}}",
          "a schema or a boolean"),
    _rare("unevaluatedItems", "A schema of the elements that no other key has judged.",
          "{type: array, prefixItems: [{type: string}], unevaluatedItems: false, default: [a]}",
          "a schema or a boolean"),
    _rare("unevaluatedProperties", "A schema of the keys that no other key has judged.",
          "{type: object, properties: {a: {}}, unevaluatedProperties: false, default: {a: 1}}",
          "a schema or a boolean"),
    _rare("allOf", "Schemas that the value must fit, all of them.",
          "{allOf: [{type: integer}, {minimum: 1}], default: 3}", "an array of schemas"),
    _rare("anyOf", "Schemas of which the value must fit at least one.",
          "{anyOf: [{type: integer}, {type: 'null'}], default: 3}", "an array of schemas"),
    _rare("oneOf", "Schemas of which the value must fit exactly one.",
          "{oneOf: [{type: integer}, {type: string}], default: 3}", "an array of schemas"),
    _rare("prefixItems", "Schemas of the first elements of an array, in their order.",
          "{type: array, prefixItems: [{type: string}, {type: integer}], default: [a, 1]}",
          "an array of schemas"),
    _rare("$defs", "Schemas that `$ref` names.",
          "{$defs: {port: {type: integer}}, $ref: '#/$defs/port', default: 80}",
          "an object of names and schemas"),
    _rare("definitions", "An older name of `$defs`.",
          "{definitions: {port: {type: integer}}, $ref: '#/definitions/port', default: 80}",
          "an object of names and schemas"),
    _rare("dependentSchemas", "Schemas that an object must fit if it has a key.",
          "{type: object, dependentSchemas: {user: {required: [password]}}, default: {}}",
          "an object of names and schemas"),
)  # fmt: skip

PARAMETER_KEYS: tuple[Entry, ...] = (*_USUAL, *_RARE)
"""The keys in the order in which messages and completion list them."""
