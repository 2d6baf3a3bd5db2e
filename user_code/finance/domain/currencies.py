"""How many digits after the point a currency has, by ISO 4217."""

from functools import cache

from babel.numbers import get_currency_precision, list_currencies

# CLDR, babel's source, says how people write prices; where that hides minor units which ISO 4217
# still defines (and banks still book), ISO holds.
_ISO_DIFFERS = {
    **dict.fromkeys(
        ("AFN", "ALL", "IRR", "KPW", "LAK", "LBP", "MGA", "MMK", "RSD", "SLL", "SOS", "SYP", "YER"),
        2,
    ),
    "IQD": 3,
}


@cache
def currency_digits() -> dict[str, int]:
    """Digits after the point by currency code, for every code that babel knows."""
    return {
        code: _ISO_DIFFERS.get(code, get_currency_precision(code))
        for code in sorted(list_currencies())
    }
