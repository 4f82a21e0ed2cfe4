"""Knowledge distillation: losses, training data, the training loop."""
