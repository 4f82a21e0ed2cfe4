"""How words that vote are trained, beside what holds of all students."""

from __future__ import annotations

RATE = 5.0  # times the learning rate: a word is met seldom, and its vote is one number a class
# Passes over the train split, at least: one takes a second and is not enough. Texts of a batch, at
# least: small batches move the vote of a rare word by chance (on `mr` 0.03 of accuracy at 32).
EPOCHS, BATCH = 8, 128
CLEAN_WEIGHT = 0.3  # of the loss on the clean text, unless the configuration says otherwise
MOST_SUBSTITUTES = 40  # kept per word: of several lexicons, whose lists stand one after the other
