"""Export: a student, or any Hugging Face classifier, as a folder to ship. Torch-free at import."""
