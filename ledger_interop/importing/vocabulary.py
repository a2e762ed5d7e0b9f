"""The words of sources -> the ledger's: sides, order types, times in force, liquidity; case and dashes do not count.

A word of a source that is not here is never guessed. A type that the ledger has no word for is OTHER; an unknown side
is an error, because a wrong one turns a purchase into a sale.
"""

from collections.abc import Mapping

from ledger_interop.importing.fields import Fields, Getter, NotUnderstood, got, plain_word, shown

SIDES: Mapping[str, str] = {
    **dict.fromkeys(("BUY", "B", "BID", "BOT", "BOUGHT", "BUYTOOPEN", "BUYTOCLOSE", "BUYTOCOVER"), "BUY"),
    **dict.fromkeys(("SELL", "S", "ASK", "A", "SLD", "SOLD", "SELLTOOPEN", "SELLTOCLOSE"), "SELL"),
    **dict.fromkeys(("SELLSHORT", "SSHORT", "SHORTSELL"), "SELL_SHORT"),
}
ORDER_TYPES: Mapping[str, str] = {
    **dict.fromkeys(("MARKET", "MKT", "M"), "MARKET"),
    **dict.fromkeys(("LIMIT", "LMT", "L", "LIMITMAKER", "POST", "POSTONLY", "OPTIMALLIMITIOC"), "LIMIT"),
    **dict.fromkeys(("STOP", "STP", "STOPMARKET", "STOPLOSS", "SL", "SLM", "STOPORDER", "STOPMKT"), "STOP"),
    **dict.fromkeys(("STOPLIMIT", "STPLMT", "STOPLOSSLIMIT", "STOPLMT", "SLLIMIT"), "STOP_LIMIT"),
    **dict.fromkeys(
        ("TRAILINGSTOP", "TRAIL", "TRAILINGSTOPMARKET", "TRAILINGSTOPLIMIT", "TRAILLIMIT"), "TRAILING_STOP"
    ),
    **dict.fromkeys(("MOC", "MARKETONCLOSE", "MKTCLS"), "MARKET_ON_CLOSE"),
    **dict.fromkeys(("LOC", "LIMITONCLOSE", "LMTCLS"), "LIMIT_ON_CLOSE"),
    **dict.fromkeys(("PEGGED", "PEG", "PEGMKT", "PEGMID", "PEGPRIM", "REL", "PEGBEST"), "PEGGED"),
}
TIMES_IN_FORCE: Mapping[str, str] = {
    **dict.fromkeys(("DAY", "GFD", "GOODFORDAY"), "DAY"),
    **dict.fromkeys(("GTC", "GTX", "GOODTILLCANCEL", "GOODTILCANCELLED", "GOODTILLCANCELLED", "GOODTILCANCEL"), "GTC"),
    **dict.fromkeys(("GOODUNTILCANCELLED", "GOODTILLCANCELED", "GOODTILCANCELED", "POSTONLY"), "GTC"),
    **dict.fromkeys(
        ("GTD", "GTT", "GOODTILLDATE", "GOODTILDATE", "GOODTILLTIME", "GOODTILTIME", "GOODUNTILDATETIME"), "GTD"
    ),
    **dict.fromkeys(("IOC", "FAK", "IMMEDIATEORCANCEL", "FILLANDKILL"), "IOC"),
    **dict.fromkeys(("FOK", "FILLORKILL"), "FOK"),
    **dict.fromkeys(("OPG", "ATTHEOPEN", "ATOPEN", "OPEN"), "AT_OPEN"),
    **dict.fromkeys(("CLS", "ATTHECLOSE", "ATCLOSE", "CLOSE"), "AT_CLOSE"),
}
LIQUIDITIES: Mapping[str, str] = {
    **dict.fromkeys(("MAKER", "M", "ADDED", "ADDEDLIQUIDITY", "ADD", "PASSIVE"), "MAKER"),
    **dict.fromkeys(("TAKER", "T", "REMOVED", "REMOVEDLIQUIDITY", "REMOVE", "AGGRESSIVE"), "TAKER"),
    **dict.fromkeys(("AUCTION", "CROSS"), "AUCTION"),
}


def side_of(word: str) -> str:
    """Return BUY, SELL or SELL_SHORT."""
    found = SIDES.get(plain_word(word))
    if found is None:
        raise NotUnderstood(f"the side {shown(word)} is not known")
    return found


def order_type_of(word: str | None) -> str:
    """Return the order type; OTHER for one that the ledger has no word for, or that the source does not tell."""
    return ORDER_TYPES.get(plain_word(word), "OTHER") if word else "OTHER"


def time_in_force_of(word: str | None) -> str | None:
    """Return the time in force; None where the source does not tell."""
    return TIMES_IN_FORCE.get(plain_word(word), "OTHER") if word else None


def liquidity_of(word: str | bool | None) -> str | None:
    """Return MAKER, TAKER or AUCTION from a word, or from a flag that says whether it was the maker."""
    if word is None or isinstance(word, bool):
        return None if word is None else "MAKER" if word else "TAKER"
    return LIQUIDITIES.get(plain_word(word))


def side_in(fields: Fields, getter: Getter) -> str | None:
    """Return the side of a message; None where it does not tell."""
    word = got(fields, getter, fields.text)
    return None if word is None else side_of(word)
