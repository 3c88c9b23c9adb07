"""Mappings: the keys and expressions under a format, and the code generated from them."""
