"""Attacks: goal, transformation, constraints, search method; one lock-step engine runs them."""
