"""Four-eyes approval of plans: statements, keys and signatures."""
