"""PS2xx: the schema and the settings of a patch."""

from __future__ import annotations

from collections.abc import Mapping

from patchspec.codes.code import Code

SCHEMA: Mapping[str, Code] = {
    "PS201": Code(
        "a key that nobody knows",
        "Unknown keys are errors, so that a typo is never passed over. The message lists "
        "the keys that are known at this place.",
    ),
    "PS202": Code(
        "a key is missing",
        "The message names the key. A patch begins with `patchspec: 1` and has "
        "`operations`, which may be an empty list.",
    ),
    "PS203": Code(
        "a value of the wrong type",
        "The message says what stands there and what is wanted. YAML is read as YAML 1.2:"
        " `yes`, `no`, `on` and `off` are text.",
    ),
    "PS204": Code(
        "there is no such operation",
        "`op:` names one of the operations that the message lists.",
    ),
    "PS205": Code(
        "a value that is not among those allowed",
        "The message says which values, or which form, are allowed here.",
    ),
    "PS210": Code(
        "there is no such class",
        "A new layer's `class` is a class of `keras.layers`, or one of yours as it is "
        "registered with Keras: `package>Name`. The same goes for initializers, "
        "regularizers and constraints.",
    ),
    "PS211": Code(
        "the class has no such argument",
        "Arguments are checked against a table that was made by constructing every class "
        "of Keras. The hint names the nearest argument.",
    ),
    "PS212": Code(
        "an argument that Keras does not save",
        "The constructor takes this argument but `get_config` forgets it, so the variant "
        "would lose it as soon as it is saved and loaded.",
    ),
    "PS213": Code(
        "something required is missing",
        "A class has an argument without a default, a new layer has no name, or an "
        "operation does not say what to do.",
    ),
    "PS214": Code(
        "a value of the wrong kind",
        "The class does not take this value: a text where a number belongs, a rate above "
        "1, a name that Keras does not know.",
    ),
    "PS215": Code(
        "a key that has a place of its own",
        "`name` is a key of the new layer, and `trainable` is what `freeze` and "
        "`unfreeze` are for: neither belongs in a config.",
    ),
    "PS216": Code(
        "keys that do not go together",
        "The operation means something else, or nothing, with both keys. The message says which.",
    ),
    "PS217": Code(
        "two operations have one id",
        "An `id` names one operation in reports and locks.",
    ),
    "PS218": Code(
        "a setting that does not add up",
        "A setting has a type, and a value from `--set`, `settings=` or its `default` that "
        "fits it. `$(name)` stands for a declared setting, or for what a match gives: "
        "`$(target)`, `$(index)`, `$(*)`, `$(parent)`, or a name from the operation's `each`.",
    ),
    "PS219": Code(
        "patches that extend one another in a circle",
        "`extends` names files that come first. Following them must come to an end, within 16 "
        "files.",
    ),
    "PS220": Code(
        "values of `each` that do not match the matches",
        "`each` gives a value per match: a list exactly as long as the matches, or "
        "`{linear: [first, last]}`.",
    ),
    "PS221": Code(
        "a model that is not declared",
        "Values come from models under `models`, or from `base`. The name is not among them, "
        "or two patches mean two models by it.",
    ),
}
