"""How numbers, changes and tables look on a terminal."""
