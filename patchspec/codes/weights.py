"""PS5xx: weights."""

from __future__ import annotations

from collections.abc import Mapping

from patchspec.codes.code import Code

WEIGHTS: Mapping[str, Code] = {
    "PS501": Code(
        "a variable changes its shape",
        "A layer that stays itself keeps its variables as they are, unless a rule says what "
        "becomes of them. The message lists the rules that fit; `op: set` with `weights` "
        "gives one, or undo what changes the shape.",
    ),
    "PS502": Code(
        "a variable without a home",
        "Every variable of the base is kept or dropped by an operation that names its "
        "layer. This one is neither.",
    ),
    "PS503": Code(
        "keep or initialise must be said",
        "The new layer has a variable of the same name and shape as the one it replaces. "
        "`weights: keep` takes it over, `weights: init` starts anew.",
    ),
    "PS504": Code(
        "there is no such variable",
        "A rule speaks of a variable that the layer does not have, or takes one that its "
        "source does not have. A new layer that replaces nothing has nothing to keep.",
    ),
    "PS505": Code(
        "a layer shared between levels of nesting",
        "Keras saves its weights once and cannot load such a model itself. Use the layer "
        "at one level only.",
    ),
    "PS506": Code(
        "an initial value that may differ elsewhere",
        "A finding, not an error: the initializer is code of the layer's own, so the bits"
        " are only those of this machine and backend.",
    ),
    "PS507": Code(
        "state that a file does not hold",
        "A finding, not an error: the state of random generators (of Dropout, say) is not"
        " saved by Keras and starts anew.",
    ),
    "PS508": Code(
        "the weights do not fit the config",
        "A variable is missing, has another shape, or belongs to no layer. The file's "
        "config and weights are not of one model.",
    ),
    "PS509": Code(
        "a weight rule that does not apply",
        "The rule does not apply to the shape that it is given, or cannot make the one that "
        "is wanted. Sizes come from the shapes: `pad` appends until the axis fits, `take` "
        "says which entries stay.",
    ),
    "PS510": Code(
        "values from a layer that is not there",
        "`load` looks for a layer of the same name in the other model, `names` may say "
        "another; a rule `from` names one. `missing: skip` leaves such layers of `load` as "
        "they are.",
    ),
    "PS511": Code(
        "values that nobody takes",
        "`load` takes everything from the other model unless told otherwise: a layer there "
        "has values and no layer here is called so, or a variable of it has no counterpart.",
    ),
    "PS512": Code(
        "a shared layer would change",
        "With `share=True` the layers that stay are the base's own, so a new name, another "
        "setting, a frozen flag or another value would be the base's too. Build without "
        "`share`; then the variant has layers of its own.",
    ),
    "PS513": Code(
        "nothing to share layers with",
        "`share=True` builds on top of a live model. A file has no layers: load it first "
        "(`patchspec.load`), or build without `share`.",
    ),
}
