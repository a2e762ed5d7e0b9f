"""The base of every enum here: a word that is its own stored form."""

from enum import StrEnum


class Word(StrEnum):
    """A StrEnum that hashes as the text it is, without a call into Python: words are keys of many dicts."""

    __hash__ = str.__hash__
