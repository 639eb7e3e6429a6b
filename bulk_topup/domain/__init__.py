"""Define the terms of the project: rows, runs, money, identities, states and the rules between them; pure."""
