"""The search space: torch-free descriptions of students, their variation and their cost."""
