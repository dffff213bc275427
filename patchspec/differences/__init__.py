"""What two models differ in: which layer of the one is which of the other, and what became of it.

A plan knows that from its steps. Here nobody says it: layers belong together by their names, then
by the values of their weights, then by how they are made and where they stand.
"""
