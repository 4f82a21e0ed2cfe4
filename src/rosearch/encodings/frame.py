"""The frame of a text: its function words and marks, which no substitution of words changes.

Every other word is a blank, every number one and the same number. What reads only the frame sees
how a sentence is built (negation, contrast, comparison) and none of the words that attacks replace.
A text without its content words is called delexicalised (as of parsers: Zeman and Resnik 2008).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rosearch.encodings.vocabulary import is_special, word_parts

_FUNCTION_WORDS = """
a about above across after afterwards again against ain all almost alone along already also
although am among amongst an and another any anyhow anyone anything anyway anywhere are aren
aren't around as at back be because been before beforehand behind being below beside besides
between beyond both but by can can't cannot could couldn couldn't d did didn didn't do does doesn
doesn't doing don don't done down due during either else elsewhere empty enough even ever everyone
everything everywhere except for former formerly from front had hadn hadn't has hasn hasn't have
haven haven't having he hence her here hereafter hereby herein hereupon hers herself him himself
his how however i if in indeed into is isn isn't it it's its itself just latter latterly ll m may
me meanwhile might mightn mine more moreover most mostly much must mustn my myself namely neither
never nevertheless next no nobody none nor not nothing now nowhere o of off on once one only onto
or other others otherwise our ours ourselves out over per perhaps please quite rather re s same
shan she should shouldn since so some somehow someone something sometime sometimes somewhere still
such t than that that'll the their theirs them themselves then thence there thereafter thereby
therefore therein thereupon these they this those through throughout thru thus to together too
toward towards under unless until up upon us used ve very via was wasn wasn't we well were weren
weren't what whatever when whence whenever where whereafter whereas whereby wherein whereupon
wherever whether which while whither who whoever whole whom whose why will with within without won
won't would wouldn wouldn't y yet you your yours yourself yourselves
"""
# Function words of English: changing one breaks grammar rather than testing understanding.
STOP_WORDS = frozenset(_FUNCTION_WORDS.split())

_MARKS = tuple("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_ROWS = {text: i for i, text in enumerate(("", *_MARKS, *sorted(STOP_WORDS)), start=3)}
BLANK, NUMBER, OUTSIDE = 0, 1, 2  # any content word, any number, special tokens
FRAME_ROWS = 3 + len(_ROWS)


def frame_rows(tokens: Sequence[str]) -> np.ndarray:
    """Of each token of a vocabulary its row (int64) in a table of `FRAME_ROWS`."""
    rows = np.full(len(tokens), BLANK, dtype=np.int64)
    for i, (token, part) in enumerate(zip(tokens, word_parts(tokens), strict=True)):
        if is_special(token):
            rows[i] = OUTSIDE
        elif any(map(str.isdigit, part.text)):
            rows[i] = NUMBER
        elif not part.inner:
            rows[i] = _row_of(part.text.lower())
    return rows


def _row_of(text: str) -> int:
    """Marks that are not listed share a row; so do all content words."""
    if any(map(str.isalnum, text)):
        return _ROWS.get(text, BLANK)
    return _ROWS.get(text, _ROWS[""])
