"""Letters of other scripts that look like an ASCII letter.

Facts of Unicode Technical Standard 39 (confusables.txt, https://www.unicode.org/reports/tr39/): of
its single characters those of the Latin, Greek, Cyrillic, Armenian, Coptic and Cherokee scripts
that compatibility composition (NFKC) leaves as they are. Departures: a capital whose skeleton is l
stands for I, which shares that skeleton; a letter whose skeleton is a small capital stands for
that letter; the small Cyrillic and Coptic letters of listed capitals are in the list, too. So are
four small Greek letters by what they look like in Greek written with ASCII letters (visual
Greeklish, Androutsopoulos 2009): epsilon, eta, omega, chi.
"""

from __future__ import annotations

# ASCII letter -> what looks like it.
LOOK_ALIKES: dict[str, str] = {
    "A": "\u0391\u0410\u13aa",
    "B": "\u0392\u0412\u13f4\ua7b4",
    "C": "\u03f9\u0421\u13df\u2ca4",
    "D": "\u13a0",
    "E": "\u0395\u0415\u13ac",
    "F": "\u03dc\ua798",
    "G": "\u050c\u13c0\u13f3",
    "H": "\u0397\u041d\u13bb\u2c8e",
    "I": "\u0196\u0399\u0406\u04c0\u2c92",
    "J": "\u037f\u0408\u13ab\ua7b2",
    "K": "\u039a\u041a\u13e6\u2c94",
    "L": "\u13de\u2cd0",
    "M": "\u039c\u03fa\u041c\u13b7\u2c98",
    "N": "\u039d\u2c9a",
    "O": "\u039f\u041e\u0555\u2c9e",
    "P": "\u03a1\u0420\u13e2\u2ca2",
    "R": "\u01a6\u13a1\u13d2",
    "S": "\u0405\u054f\u13d5\u13da",
    "T": "\u03a4\u0422\u13a2\u2ca6",
    "U": "\u054d",
    "V": "\u0474\u13d9",
    "W": "\u051c\u13b3\u13d4",
    "X": "\u03a7\u0425\u2cac\ua7b3",
    "Y": "\u03a5\u03d2\u0423\u04ae\u13a9\u13bd\u2ca8",
    "Z": "\u0396\u13c3",
    "a": "\u0251\u03b1\u0430\u1d00\uab7a",
    "b": "\u0184\u042c\u0432\u044c\u13cf",
    "c": "\u03f2\u0441\u1d04\u2ca5\uabaf",
    "d": "\u0501\u13e7\u1d05\uab70",
    "e": "\u0435\u04bd\u1d07\uab32\uab7c\u03b5",
    "f": "\u0584\u1e9d\ua799\uab35",
    "g": "\u018d\u0261\u050d\u0581\u1d83",
    "h": "\u043d\u04bb\u0570\u13c2\u2c8f",
    "i": "\u0131\u0269\u026a\u037a\u03b9\u0456\u04cf\u13a5\u1fbe\ua647\uab75",
    "j": "\u03f3\u0458\u1d0a\uab7b",
    "k": "\u0138\u03ba\u03f0\u043a\u1d0b\u2c95\uabb6",
    "l": "\u01c0\u04cf\u2cd1",
    "m": "\u028d\u043c\u1d0d\u2c99",
    "n": "\u0578\u057c\u2c9b\u03b7",
    "o": "\u03bf\u03c3\u043e\u0585\u1d0f\u1d11\u2c9f\uab3d",
    "p": "\u03c1\u03f1\u0440\u1d18\u1d29\u2ca3\uabb2",
    "q": "\u051b\u0563\u0566",
    "r": "\u0433\u1d26\u2c85\uab47\uab48\uab81",
    "s": "\u01bd\u0455\ua731\uabaa",
    "t": "\u03c4\u0442\u1d1b\u2ca7\uab72",
    "u": "\u028b\u03c5\u057d\u1d1c\ua79f\uab4e\uab52",
    "v": "\u03bd\u0475\u1d20\uaba9",
    "w": "\u026f\u0461\u051d\u0561\u1d21\uab83\u03c9",
    "x": "\u0445\u2cad\u03c7",
    "y": "\u0263\u028f\u03b3\u0443\u04af\u1d8c\u1eff\u2ca9\uab5a",
    "z": "\u1d22\uab93",
}
