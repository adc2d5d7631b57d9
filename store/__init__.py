"""The ground floor: what we know. Records, the tables that keep them, and the only code that reads or writes them."""
