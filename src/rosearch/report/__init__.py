"""The HTML page and the drawings of a run: they read the store only and never import torch."""
