"""PS6xx: expectations."""

from __future__ import annotations

from collections.abc import Mapping

from patchspec.codes.code import Code

EXPECTATIONS: Mapping[str, Code] = {
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
}
