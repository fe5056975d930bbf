"""Lines of JSON against packaging/fanout.schema.json.

The schema lets a later version add keys and words. Here nothing may be added without being written into it, so it is made
strict first: what is no part of another schema takes no key that it does not describe, and no word is a later one.
"""

import json
import os

import jsonschema

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "packaging", "fanout.schema.json")


def load():
    with open(PATH, encoding="utf-8") as file:
        return json.load(file)


def strict(schema):
    schema = json.loads(json.dumps(schema))
    parts = {part["$ref"].rpartition("/")[2] for each in schema["$defs"].values()
             for part in _parts_of(each) if "$ref" in part}
    for name, each in schema["$defs"].items():
        _close(each, is_part=name in parts)
    schema["$defs"]["later_word"] = False
    return schema


def _parts_of(schema):
    """What of another schema's keys this one is made of."""
    for part in schema.get("allOf", []):
        yield part
        yield from (each for each in part.get("anyOf", []) if "$ref" in each)


def _close(schema, is_part=False):
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "object" and not is_part:
        schema["unevaluatedProperties"] = False
    for each in schema.get("properties", {}).values():
        _close(each)
    _close(schema.get("items"))


_STRICT = strict(load())
_VALIDATORS = {}


def check(line, kind):
    """Reads a line (text or bytes), and returns it as {key: value}, in its order. `kind` is one of $defs."""
    if isinstance(line, bytes):
        line = line.decode("utf-8")
    assert "\n" not in line
    record = json.loads(line, object_pairs_hook=_without_duplicates, parse_constant=_no_number)
    assert isinstance(record, dict), line[:2000]
    if kind not in _VALIDATORS:
        _VALIDATORS[kind] = jsonschema.Draft202012Validator({**_STRICT, "anyOf": [{"$ref": f"#/$defs/{kind}"}]})
    wrong = jsonschema.exceptions.best_match(_VALIDATORS[kind].iter_errors(record))
    assert wrong is None, f"{list(wrong.absolute_path)}: {wrong.message}\nin a line of {kind}: {line[:2000]}"
    return record


def check_all(text, kind):
    """Each line of `text`, which ends with a newline."""
    text = text.decode("utf-8") if isinstance(text, bytes) else text
    assert not text or text.endswith("\n")
    # Not splitlines(): a line may hold U+2028, which is none of its ends.
    return [check(line, kind) for line in text.split("\n")[:-1]]


def _without_duplicates(pairs):
    record = dict(pairs)
    assert len(record) == len(pairs), f"a key stands there twice: {[key for key, _ in pairs]}"
    return record


def _no_number(word):
    raise AssertionError(f"{word} is no JSON")
