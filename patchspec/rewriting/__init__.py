"""From file to file: the variant written from the base's own bytes, with no model made."""
