"""Students: the torch modules that genotypes describe, their tokenizer and Hugging Face model."""
