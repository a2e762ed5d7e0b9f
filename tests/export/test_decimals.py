"""The types of decimals: exact or an error, and never rounded."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.books import exported, pyarrow
from ledger_core import LedgerReader, StrategyLedger
from ledger_interop.exporting import Decimals, DoesNotFit, to_arrow
from ledger_interop.exporting.decimals import Extent
from support import fill, market_order

SMALL = "0.000000000000000001"
HUGE = "99999999999999999999"


def _trade(ledger: StrategyLedger, *fills: tuple[str, str]) -> None:
    ledger.record_order("A", market_order(quantity="99999999999999999999"))
    for number, (quantity, price) in enumerate(fills):
        ledger.update_order_fill("A", fill(f"F{number}", quantity, price))


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9)))
def test_an_extent_holds_what_it_was_given(numbers: list[Decimal]) -> None:
    """Every number fits into the digits that were measured, and into no place less."""
    extent = Extent()
    for number in numbers:
        extent.add(number)
    for number in numbers:
        assert number == number.quantize(Decimal(1).scaleb(-extent.places))
        assert abs(number) < 10**extent.before
    if extent.places:
        assert any(number != round(number, extent.places - 1) for number in numbers)


def test_each_column_takes_the_places_that_it_needs(ledger: StrategyLedger) -> None:
    """Trailing zeros take no place, and a large number in one column none of another's."""
    pa = pyarrow()
    _trade(ledger, ("1.5", "100.2500"), ("2", "1"))
    schema = to_arrow(ledger, "fills").schema
    assert schema.field("quantity").type == pa.decimal128(38, 1)
    assert schema.field("price").type == pa.decimal128(38, 2)
    assert schema.field("signed_quantity").type == pa.decimal128(38, 1)
    assert schema.field("fees").type.value_type.field("amount").type == pa.decimal128(38, 18)  # there is none


def test_what_38_digits_do_not_hold_is_an_error(ledger: StrategyLedger, tmp_path: Path) -> None:
    """A product of two long numbers is refused by name, and taken by the types that the message names."""
    pa = pyarrow()
    _trade(ledger, (SMALL, SMALL), ("99999999999999999998", HUGE))
    with pytest.raises(DoesNotFit, match=r"orders\.executed_value needs 76 digits") as refused:
        to_arrow(ledger, "orders")
    assert (refused.value.column, refused.value.digits) == ("executed_value", 76)
    value = ledger.get_order("A").executed_value
    wide = to_arrow(ledger, "orders", decimals="decimal256")
    assert wide.schema.field("executed_value").type == pa.decimal256(76, 36)
    assert wide["executed_value"].to_pylist() == [value]
    text = to_arrow(ledger, "orders", decimals=Decimals.TEXT)
    assert text["executed_value"].to_pylist() == [format(value, "f")]
    assert to_arrow(ledger, "fills")["price"].to_pylist() == [Decimal(SMALL), Decimal(HUGE)]  # 38 digits do
    with pytest.raises(DoesNotFit):
        exported(ledger, tmp_path / "out", "parquet")
    assert not (tmp_path / "out").exists()


def test_stated_places_are_the_same_everywhere(ledger: StrategyLedger) -> None:
    """With `places` every column has the type that was stated, whatever is in it."""
    pa = pyarrow()
    _trade(ledger, ("1.5", "100.25"))
    table = to_arrow(ledger, "fills", places=8)
    for name in ("quantity", "price", "signed_quantity"):
        assert table.schema.field(name).type == pa.decimal128(38, 8)
    assert table["price"].to_pylist() == [Decimal("100.25")]


@pytest.mark.parametrize(("price", "places"), [("100.25", 1), (HUGE, 20), ("-0.01", 0)])
def test_a_number_that_stated_places_do_not_hold_is_an_error(ledger: StrategyLedger, price: str, places: int) -> None:
    """Too many places, or too many digits before them, are refused and never rounded."""
    pyarrow()
    _trade(ledger, ("1", price))
    with pytest.raises(DoesNotFit, match=f"fills.price has {price}, which decimal128 with {places} places") as refused:
        to_arrow(ledger, "fills", places=places)
    assert refused.value.value == Decimal(price)


def test_text_takes_every_number(rich: LedgerReader) -> None:
    """As text, prices keep the zeros that were given."""
    pyarrow()
    found = to_arrow(rich, "fills", decimals="text").to_pylist()
    prices = {(row["order_id"], row["fill_id"]): row["price"] for row in found if row["strategy_id"] == "alpha"}
    assert prices["buy", "F1"] == "100.10"
    assert prices["coin out", "C1"] == "61234.56789"
