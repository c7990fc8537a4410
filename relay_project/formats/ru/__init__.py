"""How times are written in Russian."""
