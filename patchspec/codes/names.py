"""PS3xx: names and selectors."""

from __future__ import annotations

from collections.abc import Mapping

from patchspec.codes.code import Code

NAMES: Mapping[str, Code] = {
    "PS301": Code(
        "there is no layer of that name",
        "Names are whole names, as `patchspec inspect` prints them; a `/` leads into a "
        "nested model. The hint names the nearest.",
    ),
    "PS302": Code(
        "a selector matches another number of layers than it says",
        "`count` is a promise to the reviewer. The message lists what was matched.",
    ),
    "PS303": Code(
        "a selector matches nothing",
        "A selector, and every entry of a list, must match at least one layer. The "
        "message names the nearest layers, or says which condition failed.",
    ),
    "PS304": Code(
        "several tensors where one is wanted",
        "A layer that is called several times, or makes several tensors, must be named "
        "with the call and the output: `layer@1`, `layer:1`, `layer@1:2`.",
    ),
    "PS305": Code(
        "there is no such call, input or output",
        "Calls, inputs and outputs count from 0.",
    ),
    "PS306": Code(
        "the name is taken",
        "Every layer of a model has a name of its own. With several matches a new name "
        "must hold `$(target)` or `$(index)`.",
    ),
    "PS307": Code(
        "not a name that a layer can have",
        "A new name is a letter or `_`, then up to 127 letters, digits, `_`, `.` or `-`.",
    ),
    "PS309": Code(
        "a placeholder that stands for nothing here",
        "An operation that acts on matches knows `$(target)`, `$(index)`, `$(*)` and `$(parent)`.",
    ),
    "PS310": Code(
        "a word that means nothing here",
        "`$here` is the tensor that an operation extends, `$input` and `$output` are "
        "those of the model.",
    ),
    "PS311": Code(
        "not a tensor reference",
        "The forms are `layer`, `layer:1`, `layer@1`, `layer@1:2`, `layer@*`, `$input`, "
        "`$output:name`, and `{layer, call, output}`.",
    ),
    "PS312": Code(
        "an expression that cannot be used",
        "A regular expression may have 200 characters, must be one, and may neither repeat a "
        "repetition nor refer back: such expressions can take for ever. A glob says most of "
        "what is needed.",
    ),
    "PS313": Code(
        "a run that is read from outside",
        "`run` takes adjacent layers as one target. What lies inside it must have no other "
        "readers, or they would lose what they read.",
    ),
}
