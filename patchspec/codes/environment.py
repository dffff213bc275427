"""PS9xx: files, commands and the environment."""

from __future__ import annotations

from collections.abc import Mapping

from patchspec.codes.code import Code

ENVIRONMENT: Mapping[str, Code] = {
    "PS901": Code(
        "Keras is too old, or not the one that is wanted",
        "patchspec needs Keras 3.15.1 or later; a patch may narrow that with `base: {keras: ...}`.",
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
    "PS970": Code(
        "two versions of a patch cannot both be meant",
        "`merge` puts together what two versions of a patch changed. Here both changed the same "
        "field to something else, or one acts on a layer that the other removes or replaces. The "
        "result has both between the usual marks; keep what is meant, and delete the marks.",
    ),
    "PS980": Code(
        "git cannot be set up",
        "`patchspec git enable` writes git's configuration and a file of attributes. Git has to be "
        "installed, and the command to be run inside a repository unless `--global` is given.",
    ),
    "PS985": Code(
        "no patch was found that makes all of the model",
        "`init` and `invert` look for operations, try each on the model and take the most useful, "
        "until nothing is left. Here something is left that they found no operation for; the notes "
        "say what. Write that part by hand: `--partial` prints the rest.",
    ),
}
