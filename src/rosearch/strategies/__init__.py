"""The search: ask / tell, pure and torch-free."""
