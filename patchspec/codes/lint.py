"""PS8xx: lint."""

from __future__ import annotations

from collections.abc import Mapping

from patchspec.codes.code import Code

LINT: Mapping[str, Code] = {
    "PS801": Code(
        "a name that Keras made up",
        "Keras numbers layers without a name as a process makes them: `dense_3` of one run is "
        "`dense_1` of another, and a patch that names it hits another layer, or none. Where the "
        "base is pinned by its `architecture` the names are pinned as well.",
    ),
    "PS802": Code(
        "a base that nothing pins",
        "A path says where a model lies, not which it is. With `architecture` (and `state`, where "
        "values matter) the patch is refused for any other model.",
    ),
    "PS803": Code(
        "a layer is frozen and then replaced",
        "What `replace` puts in the place of a frozen layer is frozen too, and has initial values "
        "that nothing will ever change. Replace first, freeze afterwards.",
    ),
    "PS804": Code(
        "BatchNormalization trains in a frozen backbone",
        "Frozen layers compute as they were trained, but a BatchNormalization behind them that "
        "still trains follows the statistics of the new data, and what comes out is no longer what "
        "later layers learned on. `batchnorm: leave` does that on purpose; then accept it.",
    ),
    "PS805": Code(
        "operations do not say why",
        "What an operation does can be read in it, why it is there cannot. One line in `why` is "
        "what a reviewer looks for.",
    ),
    "PS806": Code(
        "a patch expects nothing",
        "`expect` says what must hold of the variant: its outputs, its parameters, which layers "
        "are new. A plan in which it does not hold is refused, today and after the base changed.",
    ),
    "PS807": Code(
        "operations cancel out or repeat",
        "One operation takes back what another does, or does it again. Often one of them was meant "
        "for other layers.",
    ),
    "PS808": Code(
        "an activation behind an activation",
        "A layer that has an activation of its own is followed by one more. Two of them are seldom "
        "meant: a new Activation after a Dense that has one already, or a normalization removed "
        "from between them.",
    ),
    "PS809": Code(
        "a softmax of a softmax",
        "The second softmax makes nearly equal numbers of probabilities, and the loss hardly "
        "moves. It happens where a head with its softmax is followed by another.",
    ),
    "PS810": Code(
        "dropout behind an output",
        "A new layer drops values of what the model gives out, so that the loss compares labels "
        "with zeros. It belongs in front of the last layer.",
    ),
    "PS811": Code(
        "an operation changes nothing",
        "The model is already as the operation says. Either it is not needed, or its selector "
        "means other layers than its author had in mind.",
    ),
    "PS812": Code(
        "nothing reads a setting",
        "A setting is declared and its placeholder stands nowhere: whoever gives it a value "
        "changes nothing.",
    ),
    "PS813": Code(
        "a glob without a count",
        "A glob means whatever is called so. In a base that is not pinned, that may be more or "
        "less next time; `count` says how many layers are meant.",
    ),
    "PS820": Code(
        "a comment accepts findings that are not there",
        "`# patchspec: ignore` names a code of which there is no finding at its place. Left "
        "standing, it would hide one that comes later.",
    ),
    "PS821": Code(
        "a comment for lint that says nothing",
        "It is `# patchspec: ignore PS801` on the line of a finding or above its operation, or "
        "`# patchspec: ignore-file PS801`; codes are always named.",
    ),
}
