"""The reference: a page for every word of the language and every code, made from the code."""
