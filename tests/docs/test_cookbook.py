"""The cookbook holds a recipe for every patch, and each patch as it is."""

from __future__ import annotations

from tests.docs import cookbook


def test_the_cookbook_is_made_of_the_patches_as_they_are() -> None:
    assert cookbook.PAGE.read_text(encoding="utf-8") == cookbook.page(), "run `make docs`"


def test_every_patch_has_one_recipe() -> None:
    recipes = [one for recipes in cookbook.sections().values() for one in recipes]
    named = sorted(name for one in recipes for name in one["patches"])
    files = cookbook.PATCHES.glob(f"*{cookbook.SUFFIX}")
    assert named == sorted(path.name.removesuffix(cookbook.SUFFIX) for path in files)
