"""The teacher: fine-tuned once per task, its outputs on the train split computed once."""
