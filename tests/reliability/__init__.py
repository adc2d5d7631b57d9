"""The promises, each tried on as many random cases as one has patience for."""
