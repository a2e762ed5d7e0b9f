"""The generators of the reference pages: each module has `files()`, which returns file name -> text."""
