"""Merging two versions of a patch that come from one: by what they say, not by lines.

A patch file is cut into parts, its keys and its operations, each with the comments above it. What
one side left alone is as the other side has it, text and all; what both changed is merged key by
key; what cannot be is a conflict, named by layer and field.
"""
