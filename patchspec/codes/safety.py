"""PS7xx: safety."""

from __future__ import annotations

from collections.abc import Mapping

from patchspec.codes.code import Code

SAFETY: Mapping[str, Code] = {
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
}
