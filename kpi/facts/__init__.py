"""One SQL file per fact: one row is one event placed in time, with its dimensions and measures."""
