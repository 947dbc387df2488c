"""An explanation for a terminal."""

from __future__ import annotations

from rasa_token_pruning.encoder.policy import PruningPolicy
from rasa_token_pruning.evaluation.explanation import Explanation
from rasa_token_pruning.evaluation.reading import Reading
from rasa_token_pruning.evaluation.reading_view import BOLD, painted, printable, reading_rows, row

_CANDIDATES = 8


def described(policy: PruningPolicy) -> str:
    """Where and how much is cut, in one line."""
    if not policy.quantile or not policy.layers:
        return "off"
    where = ("layers " if len(policy.layers) > 1 else "layer ") + " and ".join(map(str, policy.layers))
    words = policy.protect if isinstance(policy.protect, str) else ", ".join(map(repr, policy.protect))
    spared = f", but never {words}" if words else ""
    return (
        f"{policy.reduction} {policy.quantile:.0%} of what is above {policy.min_tokens} pieces, in {where}, by "
        f"{policy.score}{spared}"
    )


def report(found: Reading, coloured: bool = False) -> str:
    """What a person reads about a message: of an assistant, or of an encoder alone.

    :param coloured: Whether escape sequences strike through what went; else it stands in brackets.
    """
    rows = {"Unpruned": [f"cosine of the embeddings {found.cosine:.3f}"]}
    if isinstance(found, Explanation):
        rows = _understood(found, coloured)
    below = (row(label, lines, coloured) for label, lines in rows.items())
    return "\n".join([*reading_rows(found, coloured), *below])


def _understood(explanation: Explanation, coloured: bool) -> dict[str, list[str]]:
    """What an assistant makes of it, by the label."""
    return {
        "Intent": [f"{printable(explanation.intent)}, confidence {explanation.confidence:.2f}"],
        "Unpruned": [_unpruned(explanation, coloured)],
        "Ranking": _ranking(explanation),
        "Margin": [f"{explanation.margin:.2f} between the probabilities of the first two intents"],
        "Familiarity": [_familiarity(explanation)],
        "Candidates": [_candidates(explanation)],
        "Nearest": _nearest(explanation),
    }


def _unpruned(explanation: Explanation, coloured: bool) -> str:
    if not explanation.cuts:
        return "the same, as no piece went"
    whole = explanation.unpruned
    cosine = f"cosine of the embeddings {explanation.cosine:.3f}"
    if not whole.changed:
        return f"the same intent, confidence {whole.confidence:.2f}; {cosine}"
    said = f"another intent: {printable(whole.intent)}, confidence {whole.confidence:.2f}"
    return f"{painted(said, BOLD, coloured)}; {cosine}"


def _ranking(explanation: Explanation) -> list[str]:
    lines = []
    for ranked in explanation.ranking:
        shown = f"{ranked.confidence:.2f}"
        others = {"probability": f"{ranked.probability:.2f}", "unpruned": f"{ranked.unpruned:.2f}"}
        notes = ", ".join(f"{name} {value}" for name, value in others.items() if value != shown)
        lines.append(f"{shown}  {printable(ranked.intent)}" + (f" ({notes})" if notes else ""))
    return lines


def _familiarity(explanation: Explanation) -> str:
    share = f"{explanation.familiarity:.0%}" if explanation.familiarity >= 0.01 else "less than 1%"
    value = f"{explanation.familiarity:.2f}"
    if explanation.familiar:
        return f"{value}: like the training examples, of which {share} look no more familiar"
    so = "so confidences are lowered" if explanation.lowered else "but doubt_unfamiliar is off"
    return f"{value}: unlike the training examples, of which {share} look no more familiar, {so}"


def _candidates(explanation: Explanation) -> str:
    names = [printable(name) for name in explanation.candidates]
    more = f" and {len(names) - _CANDIDATES} more" if len(names) > _CANDIDATES else ""
    return f"{', '.join(names[:_CANDIDATES])}{more} (with {explanation.coverage:.0%} coverage)"


def _nearest(explanation: Explanation) -> list[str]:
    if explanation.nearest_examples is None:
        return ["the archive holds no examples: it was trained with explain: false"]
    return [f"{n.similarity:.2f}  {printable(n.intent)}: {printable(n.text)}" for n in explanation.nearest_examples]
