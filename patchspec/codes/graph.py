"""PS4xx: the graph and its shapes."""

from __future__ import annotations

from collections.abc import Mapping

from patchspec.codes.code import Code

GRAPH: Mapping[str, Code] = {
    "PS401": Code(
        "the graph would have a loop",
        "A layer cannot read what depends on it. The message lists the layers around the loop.",
    ),
    "PS402": Code(
        "layers that lead to no output",
        "Keras would drop such layers in silence, and their weights with them. Make an "
        "output of one of them, or end the patch with `op: extract`, which drops what is "
        "not needed.",
    ),
    "PS403": Code(
        "which input survives must be said",
        "A layer that reads several tensors is bypassed by one of them: `keep` says "
        "which, by position or by name.",
    ),
    "PS404": Code(
        "a further output is read",
        "The layer makes several tensors and something reads a later one, which nothing "
        "can stand in for. Rewire what reads it first.",
    ),
    "PS405": Code(
        "not possible for a model input",
        "Model inputs read nothing. `extract` with `inputs` says which inputs a model has.",
    ),
    "PS406": Code(
        "two outputs would be one tensor, or an output an input",
        "Say with `extract` which outputs the model shall have.",
    ),
    "PS407": Code(
        "the layers of `after` and `before` are not connected",
        "With both, new layers go where the one reads the other; each layer named must take part.",
    ),
    "PS408": Code(
        "which inputs are meant must be said",
        "The layer reads several tensors, or fewer than you name. The message lists what it reads.",
    ),
    "PS409": Code(
        "an output of that name is there",
        "Outputs have names of their own: give the new one another with `{name: tensor}`.",
    ),
    "PS410": Code(
        "a shape that is not known",
        "What is asked needs the shape of a tensor that the config does not record. Keras "
        "knows it: plan with shapes.",
    ),
    "PS411": Code(
        "Keras refuses the inputs of a layer",
        "Usually a shape that does not fit. The message is Keras's; the place is the step"
        " that last touched the layer or what it reads.",
    ),
    "PS412": Code(
        "Keras refuses the arguments of a layer",
        "The class takes such arguments, but not these values. The message is Keras's.",
    ),
    "PS413": Code(
        "a recorded mask no longer fits",
        "Keras records masks as tensors that a layer reads. A step changed the number of "
        "time steps between the mask and its reader.",
    ),
    "PS414": Code(
        "a mask passes a layer that carries none",
        "A finding, not an error: the reader still uses the mask that Keras recorded, "
        "though the new layer in front of it mixes or moves time steps. Accept it with "
        "`allow: [PS414]`.",
    ),
    "PS415": Code(
        "out of reach of this model",
        "A layer reads tensors of the model that it lies in, and of no other: a tensor of a "
        "nested model becomes an output of it first (`op: expose-output`). Inside a wrapper "
        "(Bidirectional, TimeDistributed) nothing can be wired: `set`, `freeze` and "
        "`unfreeze` reach inside, the rest is done by replacing the wrapper.",
    ),
    "PS416": Code(
        "nothing to train",
        "The selector matches only input layers or bare operations, which have no trainable flag.",
    ),
    "PS417": Code(
        "what becomes of BatchNormalization must be said",
        "Letting a BatchNormalization train also lets its statistics move. `batchnorm: "
        "leave` does not touch them, `batchnorm: include` lets them train.",
    ),
    "PS418": Code(
        "a freeze that would not survive saving",
        "Keras makes the parts of this layer anew when it loads the model, and they train again.",
    ),
    "PS419": Code(
        "a call argument that the new class does not take",
        "The layer replaced is called with an argument that means something. Give the new"
        " layer `inputs` of its own, or another class.",
    ),
    "PS420": Code(
        "the layer's config has no such key",
        "The class is not one of Keras's, so only keys that are in its config can be set.",
    ),
    "PS421": Code(
        "the outputs need an input that is left out",
        "`inputs` of `extract` says all inputs of the model, and these outputs depend on "
        "another one too.",
    ),
    "PS422": Code(
        "nested outputs",
        "The outputs of the model are nested in each other; a flat `form` would lose "
        "that. `extract` the outputs that you want.",
    ),
    "PS423": Code(
        "of the compile configuration something is dropped",
        "A finding, not an error. What is said of an output goes with the output; all of it "
        "goes where no output with a loss is left, where outputs are nested in each other and "
        "change, or where an object of it cannot be made: compile the variant anew.",
    ),
    "PS424": Code(
        "the optimizer's state is dropped",
        "A finding, not an error: `compile` gives another optimizer, or the file holds the "
        "state of an optimizer for other variables than train in it. Training starts with a "
        "fresh one. Else every variable that is kept goes on with its slots, and the steps "
        "are counted on.",
    ),
    "PS425": Code(
        "the base's own graph is not whole",
        "A layer reads something that is not there, two layers have one name or one has "
        "two, or the graph has a loop. Nothing can be said about a change to it.",
    ),
    "PS426": Code(
        "a Sequential that was never built",
        "Its config does not say what it takes, so nothing is known of its layers' shapes "
        "and variables. Give it an input layer, or build it, and save it again.",
    ),
    "PS427": Code(
        "an RFC 6902 operation that does not apply",
        "`json` edits the layer's config as it is. The path leads nowhere in it, or a `test` "
        "does not hold.",
    ),
    "PS428": Code(
        "two patches set the same thing",
        "A finding, not an error: a patch says something else of a key, of weights or of a "
        "layer than a patch before it, and the later one wins. A patch that `extends` the "
        "other says so on purpose.",
    ),
    "PS429": Code(
        "a `compile` that cannot be",
        "The base is not compiled and nothing says with what, an output is not there, or "
        "Keras cannot make an optimizer, loss or metric.",
    ),
    "PS430": Code(
        "`fit` wants other labels",
        "A finding, not an error, and breaking for whoever trains the model: outputs with a "
        "loss went, came in another order or under other names, or new ones stand between "
        "them. The message says what `fit(x, y)` takes for `y` from now on.",
    ),
}
