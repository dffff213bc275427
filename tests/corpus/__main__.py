"""`python -m tests.corpus`: the table of the corpus."""

from tests.corpus.files import CORPUS
from tests.corpus.table import printed, rows

found = list(rows())
print(printed(found) if found else f"there is no corpus at {CORPUS}; PATCHSPEC_SHARED says where")
