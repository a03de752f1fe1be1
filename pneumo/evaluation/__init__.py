"""How good, how sure, how robust: everything that is measured."""
