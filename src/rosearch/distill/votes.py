"""How words that vote are trained, beside what holds of all students."""

from __future__ import annotations

# Times the learning rate, and Adam's epsilon (Kingma and Ba 2015, algorithm 1). Adam divides by the
# size of past gradients, so the vote of a word that one text has goes on by whole steps when that
# text has long been right: votes of rare words overfit. An epsilon of the size of a gradient (of a
# mean over 128 texts) leaves steps that end with the error, as gradient descent has, and the rate
# makes up for their length: docs/benchmarks.md, "Votes of rare words".
RATE, EPSILON = 20.0, 3e-3
# Passes over the train split, at least: one takes a second and is not enough. Texts of a batch, at
# least: small batches move the vote of a rare word by chance (on `mr` 0.03 of accuracy at 32).
EPOCHS, BATCH = 8, 128
CLEAN_WEIGHT = 0.3  # of the loss on the clean text, unless the configuration says otherwise
MOST_SUBSTITUTES = 40  # kept per word: of several lexicons, whose lists stand one after the other
