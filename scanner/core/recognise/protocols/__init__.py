"""The protocols that we recognise, by family: one row each, with its recognisers beside it.

Every pattern and payload here was written from the protocol's own specification (named in its row) and from the answers
of real servers. None is taken from another scanner's data files.
"""
