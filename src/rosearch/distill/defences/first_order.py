"""Adversarial synonym substitution, chosen by the gradient.

Shapes: B batch, T tokens, E embedding dimension, V tokens of the vocabulary, K substitutes,
N words that may be replaced.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rosearch.distill.defences.substitution import Replacement, Substitution

if TYPE_CHECKING:
    from torch import Tensor

    from rosearch.distill.batch import Batch
    from rosearch.distill.objective import Objective
    from rosearch.student.model import StudentForSequenceClassification


def gains(gradient: Tensor, own: Tensor, others: Tensor) -> Tensor:
    """First-order rise of the loss by each substitution: (N, K).

    Args:
        gradient: (N, E) of the loss by the embedding of each word.
        own: (N, E) embeddings of the words.
        others: (N, K, E) embeddings of their substitutes.
    """
    import torch

    return torch.einsum("nke,ne->nk", others, gradient) - (own * gradient).sum(-1, keepdim=True)


class FirstOrderSubstitution(Replacement):
    """The substitutes that raise the loss most by its linear approximation at the clean words.

    HotFlip (Ebrahimi et al. 2018, section 3) on words, held to synonyms as in ASCC (Dong et al.
    2021) and SAFER (Ye et al. 2020). Words without a substitute that raises the loss stay.

    Departures: all words are chosen from one gradient instead of a beam; which words may change is
    drawn at random (`share`), so that no two epochs are alike; the loss is that to the teacher's
    clean output, not to the label.
    """

    def __call__(
        self, model: StudentForSequenceClassification, batch: Batch, objective: Objective
    ) -> Batch:
        import torch

        from rosearch.distill.defences.steps import without_dropout

        places = self.places(batch.ids)
        if not len(places[0]):
            return batch
        vectors = model.token_vectors(batch.ids).detach().requires_grad_()
        with without_dropout(model):
            losses = objective.losses(model, batch, vectors)
            (gradient,) = torch.autograd.grad(losses.sum(), vectors)
        words = batch.ids[places]  # (N,)
        options = self.table[words].long()  # (N, K)
        with torch.no_grad():
            # Each alone: what a word of a pair has in common with the other text counts as fixed.
            own = model.token_vectors(words[:, None])[:, 0]  # (N, E)
            others = model.token_vectors(options.reshape(-1, 1)).view(*options.shape, -1)
            rise = gains(gradient[places], own, others)  # (N, K)
        column = torch.arange(options.shape[1], device=words.device)
        rise = rise.masked_fill(column >= self.count[words][:, None], -torch.inf)
        most, best = rise.max(-1)
        ids = batch.ids.clone()
        ids[places] = torch.where(most > 0, options.gather(-1, best[:, None])[:, 0], words)
        return replace(batch, ids=ids)


class FirstOrder(Substitution):
    """Those that raise the loss most."""

    name = "first-order"
    replacement = FirstOrderSubstitution


FIRST_ORDER = FirstOrder()
