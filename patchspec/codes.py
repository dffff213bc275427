"""The table of codes: what each kind of problem means, at length.

A code is never used for two things and never used again once it is gone. PS1xx text, PS2xx schema
and settings, PS3xx names and selectors, PS4xx graph and shapes, PS5xx weights, PS6xx expectations,
PS7xx safety, PS8xx lint, PS9xx environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of problem: one line that names it, and what `patchspec explain` says of it."""

    title: str
    text: str


CODES: Mapping[str, Code] = MappingProxyType(
    {
        "PS101": Code(
            "the file is too large",
            "A patch is at most 1 MiB. A file of that size is not something people review: "
            "split it into several patches, they are applied in order.",
        ),
        "PS102": Code(
            "the file is not UTF-8 text",
            "Patches are read as UTF-8. Save the file as UTF-8 in your editor.",
        ),
        "PS103": Code(
            "a key stands twice in one mapping",
            "YAML readers disagree about which one counts, so a reviewer could see one value and "
            "the tool another. Delete one of them.",
        ),
        "PS104": Code(
            "an anchor, an alias or a merge key",
            "`&name`, `*name` and `<<` make a file mean more than it says. Write the value out. "
            'An unquoted leading `*` is an alias in YAML: quote globs, `layers: "block7*"`.',
        ),
        "PS105": Code(
            "a mapping key is not a string",
            "Keys are names. Quote a key that YAML reads as a number, a boolean or null.",
        ),
        "PS106": Code(
            "a YAML tag",
            "Tags (`!name`, `!!python/object`) ask the reader to build objects. "
            "A patch is plain data: remove the tag.",
        ),
        "PS107": Code(
            "a scalar is too long",
            "A scalar is at most 64 KiB and an integer at most 20 digits.",
        ),
        "PS108": Code(
            "the file is nested too deeply or has too many nodes",
            "At most 32 levels and 100,000 nodes.",
        ),
        "PS109": Code(
            "more than one YAML document, or none",
            "A patch file is one YAML document that is a mapping. "
            "The smallest patch is `{patchspec: 1, operations: []}`.",
        ),
        "PS110": Code(
            "the text is not YAML",
            "The YAML reader could not make sense of the text at this place.",
        ),
        "PS111": Code(
            "a control or bidirectional character",
            "Characters that change how a line is shown without changing what it says are refused "
            "anywhere in a patch: a reviewer would read something else than the tool.",
        ),
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
            "The operation means something else, or nothing, with both keys. The message says"
            " which.",
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
            "An operation that acts on matches knows `$(target)`, `$(index)`, `$(*)` and "
            "`$(parent)`.",
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
            "With both, new layers go where the one reads the other; each layer named must "
            "take part.",
        ),
        "PS408": Code(
            "which inputs are meant must be said",
            "The layer reads several tensors, or fewer than you name. The message lists what "
            "it reads.",
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
            "The selector matches only input layers or bare operations, which have no "
            "trainable flag.",
        ),
        "PS417": Code(
            "what becomes of BatchNormalization must be said",
            "Letting a BatchNormalization train also lets its statistics move. `batchnorm: "
            "leave` does not touch them, `batchnorm: include` lets them train.",
        ),
        "PS418": Code(
            "a freeze that would not survive saving",
            "Keras makes the parts of this layer anew when it loads the model, and they train"
            " again.",
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
        "PS601": Code(
            "an expectation does not hold",
            "`expect` says what must be true of the variant, and the plan says otherwise. Mend "
            "the operations, or the expectation.",
        ),
        "PS602": Code(
            "a comparison does not come out as expected",
            "`same` and `different` run the base and the variant on the same input, and compare "
            "a tensor of both within `atol` and `rtol`.",
        ),
        "PS603": Code(
            "a comparison that cannot be made",
            "Both models must take the same input. Where nothing random fits it, or one of them "
            "wants another shape, give `data`: a `.npz` with an array for each input.",
        ),
        "PS701": Code(
            "code in a patch",
            "A patch edits a graph and brings no code: no Lambda, no foreign module, no file "
            "of a vocabulary.",
        ),
        "PS702": Code(
            "an archive that is not safe to read",
            "A member stands in it twice, lies outside it, is a link, or unpacks to far more "
            "than it holds.",
        ),
        "PS703": Code(
            "a weights file that is not safe to read",
            "HDF5 can point into other files and claim what it does not store. Such a file is"
            " not read.",
        ),
        "PS704": Code(
            "code in the base",
            "A Lambda, or a function that is stored as code, is always refused. Write it as a"
            " registered layer class.",
        ),
        "PS710": Code(
            "new variables beyond all measure",
            "The plan would initialise more values than patchspec allows in one variant. Such a "
            "number is a slip, or an attack on the machine that builds it.",
        ),
        "PS901": Code(
            "Keras is too old, or not the one that is wanted",
            "patchspec needs Keras 3.15.1 or later; a patch may narrow that with `base: "
            "{keras: ...}`.",
        ),
        "PS902": Code(
            "a file cannot be read",
            "It is not there, is not a file, or may not be read. Relative paths of a patch's "
            "`base` are relative to the patch.",
        ),
        "PS903": Code(
            "not a Keras model, or damaged",
            "The file is truncated, or of another format. A model is a `.keras` file, or the "
            "JSON of `model.to_json()`.",
        ),
        "PS904": Code(
            "the output exists",
            "`--force` overwrites it.",
        ),
        "PS905": Code(
            "the output cannot be written",
            "The folder is not there, may not be written, or the disk is full. Nothing is "
            "left half written.",
        ),
        "PS906": Code(
            "custom classes that nobody gave",
            "The base has layers or functions of your own. Name the module that defines them:"
            " `--custom-objects package.module`; in Python, `custom_objects={...}`.",
        ),
        "PS907": Code(
            "a stale plan",
            "The base or the patches are not what they were when the plan was made. Plan "
            "again and review the difference.",
        ),
        "PS908": Code(
            "another base than the patch was written for",
            "The digest under `base` is that of another model.",
        ),
        "PS909": Code(
            "a model of a form that is not patched",
            "This version patches functional models in the form in which Keras 3 writes them.",
        ),
        "PS910": Code(
            "there is nothing to do this with",
            "A model without weights cannot be built, a plan file is not one, or the patch "
            "names no base and none was given.",
        ),
        "PS911": Code(
            "a layer that Keras 3 does not have",
            "An old class is replaced by what computes exactly the same in Keras 3, by several "
            "layers if need be. For this one there is nothing: the message names the class and "
            "the layer. All such layers are named at once.",
        ),
        "PS912": Code(
            "an argument that Keras 3 cannot express",
            "Arguments that Keras 3 no longer has are left out only where that changes nothing. "
            "The value of this one changes what the model computes or how it trains.",
        ),
        "PS913": Code(
            "the weights of an old file do not fit its config",
            "Weights are found by the names of layers and variables. The config has a variable "
            "that the file does not hold, or the file holds one that the config does not know.",
        ),
        "PS914": Code(
            "a weight that could be of several parts",
            "The name of a stored weight does not say which of the layers or cells under one "
            "name it belongs to, and its position decides nothing.",
        ),
        "PS915": Code(
            "weights without an architecture",
            "The file holds weights alone. Give the JSON or YAML of the architecture as the "
            "model, and this file with `--weights`.",
        ),
        "PS916": Code(
            "weights for a model that has its own",
            "`--weights` goes with a model that brings none: JSON or YAML of an architecture, a "
            "SavedModel, a `.keras` file or a model of TensorFlow.js without its weights.",
        ),
        "PS917": Code(
            "a model whose layers only its class knows",
            "Its config holds the arguments of a constructor. Where the class makes a functional "
            "model, patchspec opens it through its graph: give the package with "
            "`--custom-objects`, or `custom_objects=` in Python. The variant is a plain functional "
            "model.",
        ),
        "PS918": Code(
            "a class that makes no functional model",
            "A purely subclassed model computes by code, which no config holds. Rebuild it from "
            "the functional API, or patch a functional model that it holds.",
        ),
        "PS920": Code(
            "a package for the format is missing",
            "safetensors are read and written with the package of that name, which comes with "
            "`pip install 'patchspec[safetensors]'`. `.npz` needs nothing more.",
        ),
        "PS921": Code(
            "a dtype that would lose something, or that the format does not have",
            "Weights beside an architecture have the dtypes of its layers. Only a wider float "
            "takes the values of a narrower one as they are (float16 and bfloat16 in float32, "
            "float32 in float64); nothing else is converted.",
        ),
        "PS922": Code(
            "no format for weights alone",
            "Weights are written to `.npz` or `.safetensors` by the path of the layer and the "
            "number of the variable, or to `.weights.h5` or `.weights.json` as Keras 3 stores "
            "them. A `.keras` file holds the whole model.",
        ),
        "PS923": Code(
            "a shard outside the folder",
            "A `.weights.json` or a model of TensorFlow.js names the files of its weights. They "
            "lie in its folder, or below it, and are files: no `..`, no absolute path, no link "
            "that leads out.",
        ),
        "PS924": Code(
            "a manifest of TensorFlow.js that does not hold",
            "What `weightsManifest` lists and what the shards hold differ in size, a weight is "
            "listed twice, or it is of a dtype or a quantization that layers do not have. uint8, "
            "uint16 and float16 are read as TensorFlow.js reads them.",
        ),
        "PS925": Code(
            "a graph model of TensorFlow.js",
            "It is a graph of TensorFlow's operations, without layers and without names for what "
            "they are. Only layers models hold a Keras config.",
        ),
        "PS926": Code(
            "a SavedModel without a Keras config",
            "Keras 2 writes the config of a functional or Sequential model into "
            "`keras_metadata.pb`. What Keras 3 exports, and what TensorFlow saves itself, holds "
            "functions alone: patch the model that it was made from.",
        ),
        "PS928": Code(
            "a variant that only a live model can make",
            "From file to file a variant is written without Keras. A live base, values that code "
            "of a layer makes, an optimizer of which only Keras knows what it starts with, and "
            "expectations that compare values need the model itself.",
        ),
        "PS930": Code(
            "no format of a picture",
            "A graph is drawn as `.svg`, as `.html`, which is one file that needs no network, or "
            "as `.mmd`, the flowchart of Mermaid that Markdown shows. Histograms are drawn as "
            "`.png`.",
        ),
        "PS931": Code(
            "the package that draws is missing",
            "Histograms and plots are drawn with matplotlib, which comes with "
            '`pip install "patchspec[plot]"`. Graphs need nothing more.',
        ),
        "PS940": Code(
            "data that cannot be read",
            "Data for a model is a `.npy` file, a `.npz`, or a folder of `.npy` files. It holds "
            "numbers or text: Python objects are never read.",
        ),
        "PS941": Code(
            "data that does not fit the inputs of the model",
            "Each input of the model needs an array of its shape, whose first axis counts the "
            "samples, and of a dtype that loses nothing as the input takes it. All are equally "
            "long. A lone array for a lone input may have any name.",
        ),
        "PS942": Code(
            "a batch that the model does not take",
            "A model that was made for a batch of a fixed size is run in batches of that size. A "
            "last batch that is not full is filled up with its last sample, and what was added is "
            "cut off again; only a loss would hold it.",
        ),
        "PS943": Code(
            "a tensor that is not there to be taken",
            "`layer:pre` is what a layer hands to its own activation. A layer without one has "
            "none, a recurrent layer uses its own inside of a loop, and what a wrapper holds is "
            "run by the wrapper. `layer:in` is what a layer reads.",
        ),
        "PS944": Code(
            "a tensor that no array holds",
            "An array has one row for each sample. A tensor whose first axis is not that of the "
            "samples has no such rows, and one whose length differs from batch to batch has rows "
            "of several shapes.",
        ),
        "PS945": Code(
            "the model fails as it runs",
            "What a layer says is shown. The shapes and dtypes of the data were checked; what is "
            "in it (an index beyond an embedding, say) the model alone knows.",
        ),
        "PS946": Code(
            "a model without a graph",
            "Tensors are found in the graph of a functional or Sequential model. A purely "
            "subclassed model has none, nor has a Sequential that was never given a shape.",
        ),
        "PS947": Code(
            "no format for arrays",
            "Arrays are written to `.h5`, `.npz` or `.zarr`, by the reference of each. Text is "
            "written to `.h5` alone.",
        ),
        "PS948": Code(
            "a package for the output is missing",
            "`.zarr` is written with the package zarr, which comes with `pip install "
            "'patchspec[zarr]'`. `.h5` and `.npz` need nothing more.",
        ),
        "PS949": Code(
            "two models that have no tensor in common",
            "Models are compared by the references of their tensors. Where layers were renamed, "
            "nothing says which belong together.",
        ),
        "PS950": Code(
            "a gradient that there is none of",
            "Keras's NumPy backend computes no gradients, and integers have none. With "
            "TensorFlow, JAX or torch every float has one, which is zero where nothing depends "
            "on it.",
        ),
        "PS951": Code(
            "a loss or labels that are missing or do not fit",
            "The gradient of `loss` is that of a compiled model, with labels for each output and "
            "each sample. The gradient of an output needs neither.",
        ),
        "PS952": Code(
            "more calls than anything real has",
            "Every layer of a nested model is looked at for each call of it. Models that call one "
            "another twice, level upon level, have more calls than there is memory for.",
        ),
        "PS960": Code(
            "TensorBoard's package is missing",
            "`Watch` writes with the package tensorboard, which comes with "
            '`pip install "patchspec[tensorboard]"`.',
        ),
        "PS961": Code(
            "tensors to watch, and nothing to run them on",
            "What a tensor holds depends on data. Give `Watch` a few samples as `data`.",
        ),
        "PS962": Code(
            "data of which nobody can say what the labels are",
            "The labels of a base go where the outputs of its variant are. They are told apart in "
            "`(x, y)`, `(x, y, sample_weight)`, in batches of those, and in the datasets of Keras "
            "and TensorFlow. For an output that is new and has a loss they hold none.",
        ),
        "PS963": Code(
            "a callback that cannot be copied",
            "What a callback counts must not be counted for two models. Make another one for the "
            "variant.",
        ),
        "PS964": Code(
            "no training to move",
            "The base is not compiled, the variant has none of the outputs that it was compiled "
            "for, or Keras cannot make again what it was compiled with. Compile the variant for "
            "what it is to learn.",
        ),
    }
)
