"""Which words may change at all."""

from __future__ import annotations

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


def not_a_stop_word(word: str) -> bool:
    """Whether a word is none of `STOP_WORDS`."""
    return word.lower() not in STOP_WORDS
