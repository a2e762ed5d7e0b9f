"""The tables that are exported: orders, fills, trades, positions, adjustments and the journal, column by column."""

from collections.abc import Mapping

from ledger_core.changes import Entry
from ledger_core.lifecycle import OrderState, OrderStatus, TradeState
from ledger_core.model import (
    Adjustment,
    AdjustmentKind,
    Execution,
    Fee,
    Fill,
    Liquidity,
    Order,
    OrderType,
    Position,
    PositionSide,
    RecordKind,
    ResidualReason,
    Side,
    TimeInForce,
    Trade,
    TradeLeg,
)
from ledger_interop.exporting.columns import STRATEGY, Column, ColumnsOf, Form, Table, by_name

UNITS = "units of the instrument"
PRICE = "currency per unit"
MONEY = "money of the position: currency, of an inverse contract base_currency"
OWN = "the currency beside it"

_TEXT, _WORD, _COUNT, _FLAG = Form.TEXT, Form.WORD, Form.COUNT, Form.FLAG
_DECIMAL, _PRICE, _TIME, _DATE = Form.DECIMAL, Form.PRICE, Form.TIME, Form.DATE

# fmt: off
_fee = ColumnsOf(Fee)
_FEES = (
    _fee("currency", _TEXT, "The currency in which it was charged."),
    _fee("amount", _DECIMAL, "Paid (positive) or received as a rebate (negative).", unit=OWN),
)


def _instrument_terms(of: ColumnsOf, path: str = "") -> tuple[Column, ...]:
    return (
        of("currency", _TEXT, "The currency of prices.", at=f"{path}currency"),
        of("base_currency", _TEXT, "What one unit is of; the money of an inverse contract.", at=f"{path}base_currency"),
        of("multiplier", _DECIMAL, "Turns price x quantity into money.", at=f"{path}multiplier"),
        of("inverse", _FLAG, "Priced in `currency`, settled in `base_currency`.", at=f"{path}inverse"),
    )


def _born(of: ColumnsOf) -> tuple[Column, ...]:
    return (
        of("sequence", _COUNT, "The journal entry that created the record."),
        of("version", _COUNT, "Counts the changes to the record."),
    )


_order = ColumnsOf(Order)
ORDERS = Table(
    name="orders",
    description="Every order with its terms as they are now and what the venue has made of it.",
    kind=RecordKind.ORDER,
    time="placed_at",
    columns=(
        STRATEGY,
        _order("order_id", _TEXT, "The strategy's own id of the order."),
        _order("symbol", _TEXT),
        _order("side", _WORD, words=Side),
        _order("order_type", _WORD, "FIX OrdType.", at="details.order_type", words=OrderType),
        _order("state", _WORD, "The lifecycle state (FIX OrdStatus).", words=OrderState),
        _order("status", _WORD, words=OrderStatus),
        _order("is_open", _FLAG),
        _order("quantity", _DECIMAL, "What is ordered now; none of a cash order until it is known.", unit=UNITS),
        _order("cum_quantity", _DECIMAL, "What was executed.", unit=UNITS),
        _order("leaves_quantity", _DECIMAL, unit=UNITS),
        _order("overfill_quantity", _DECIMAL, "What was executed beyond what was ordered.", unit=UNITS),
        _order("missing_quantity", _DECIMAL, unit=UNITS),
        _order("inferred_quantity", _DECIMAL, "What inferred fills still stand for.", unit=UNITS),
        _order("average_price", _DECIMAL, unit=PRICE),
        _order("executed_value", _DECIMAL, "The exact sum of quantity x price over its fills.", unit="currency"),
        _order("limit_price", _PRICE, "The limit as it is now.", unit=PRICE),
        _order("stop_price", _PRICE, "The stop as it is now.", unit=PRICE),
        _order("trailing_offset", _PRICE, "How far the stop trails.", unit=PRICE),
        _order("time_in_force", _WORD, "FIX TimeInForce; none is a day order.", words=TimeInForce),
        _order("expire_at", _TIME, "When a GTD order ends."),
        _order("first_quantity", _DECIMAL, "What was ordered at first.", at="details.quantity", unit=UNITS),
        _order("first_limit_price", _PRICE, "The limit at first.", at="details.limit_price", unit=PRICE),
        _order("cash_quantity", _DECIMAL, "The value of an order by value.", at="details.cash_quantity",
               unit="cash_currency"),
        _order("cash_currency", _TEXT, "The currency of `cash_quantity`.", at="details.cash_currency"),
        _order("arrival_price", _PRICE, "The market's price when it was decided.", at="details.arrival_price",
               unit=PRICE),
        _order("venue", _TEXT),
        _order("account", _TEXT),
        _order("position_side", _WORD, words=PositionSide),
        *_instrument_terms(_order, "details."),
        _order("reduce_only", _FLAG, "May only reduce the position.", at="details.reduce_only"),
        _order("post_only", _FLAG, "May only add liquidity.", at="details.post_only"),
        _order("triggered", _FLAG, "Whether its stop was triggered."),
        _order("parent_order_id", _TEXT, "The order that it is a part of.", at="details.parent_order_id"),
        _order("order_list_id", _TEXT, "The list that it was sent with.", at="details.order_list_id"),
        _order("execution_group_id", _TEXT, "The group that it executes with.", at="details.execution_group_id"),
        _order("trade_plan_id", _TEXT, "The plan that it carries out.", at="details.trade_plan_id"),
        _order("origin", _TEXT, "Who or what placed it.", at="details.origin"),
        _order("reason", _TEXT, "Why it was rejected, canceled, expired or is in doubt."),
        _order("venue_order_ids", Form.LIST, "The venue's ids of it, the first one first."),
        _order("trade_ids", Form.LIST, "The trades that its fills belong to."),
        _order("request_count", _COUNT, "How many requests to cancel or replace it were made."),
        _order("trade_date", _DATE, "The last trading day that the venue told."),
        _order("placed_at", _TIME, "When the intent was recorded, before it was sent."),
        _order("recorded_at", _TIME, "When the ledger learned of it."),
        _order("ended_at", _TIME, "When it ended."),
        _order("metadata", Form.JSON, "What the caller attached.", at="details.metadata"),
        *_born(_order),
    ),
)

_execution = ColumnsOf(Execution)
_fill = ColumnsOf(Fill)
FILLS = Table(
    name="fills",
    description="Every execution, with the quantity and price that count now; a `busted` one counts nowhere.",
    kind=RecordKind.FILL,
    time="executed_at",
    columns=(
        STRATEGY,
        _fill("order_id", _TEXT, "The order that was executed."),
        _fill("fill_id", _TEXT, "The venue's id of the execution; two orders may carry the same."),
        _fill("symbol", _TEXT, "The instrument."),
        _fill("side", _WORD, "BUY, SELL or SELL_SHORT.", words=Side),
        _fill("quantity", _DECIMAL, "What was executed.", unit=UNITS),
        _fill("price", _PRICE, "At which price.", unit=PRICE),
        _fill("signed_quantity", _DECIMAL, unit=UNITS),
        _fill("fees", Form.ROWS, "What was paid, currency by currency.", fields=_FEES),
        _fill("fee_in_base", _FLAG, "The first fee was taken out of the quantity itself."),
        _fill("liquidity", _WORD, "FIX LastLiquidityInd.", words=Liquidity),
        _fill("busted", _FLAG, "Taken back by the venue: it counts nowhere."),
        _fill("late", _FLAG, "Told after its order had ended."),
        _fill("inferred", _FLAG, "Made from a total that no execution explained."),
        _fill("venue", _TEXT, "Where it was executed."),
        _fill("account", _TEXT, "On whose account."),
        _fill("position_side", _WORD, "Which position of a hedged account it moved.", words=PositionSide),
        _fill("venue_order_id", _TEXT, "The venue's id of the order."),
        _fill("executed_at", _TIME, "When it was executed, by the venue's time."),
        _fill("trade_date", _DATE, "The trading day as reported."),
        _fill("recorded_at", _TIME, "When the ledger learned of it."),
        _fill("chain", Form.ROWS, "Every version of a fill that was corrected, the first report first.", fields=(
            _execution("fill_id", _TEXT, "The version's own id."),
            _execution("quantity", _DECIMAL, "Its quantity.", unit=UNITS),
            _execution("price", _PRICE, "Its price.", unit=PRICE),
            _execution("occurred_at", _TIME, "When it was executed or corrected."),
        )),
        _fill("metadata", Form.JSON, "What the caller attached."),
        _fill("index", _COUNT, "Its place within its journal entry; (executed_at, sequence, index) is economic order."),
        *_born(_fill),
    ),
)

_leg = ColumnsOf(TradeLeg)
_trade = ColumnsOf(Trade)
_share = ColumnsOf(tuple)
TRADES = Table(
    name="trades",
    description="Every round trip. Figures of a trade in several instruments are in its `legs`.",
    kind=RecordKind.TRADE,
    time="opened_at",
    columns=(
        STRATEGY,
        _trade("trade_id", _TEXT, "The strategy's own id of the trade."),
        _trade("state", _WORD, "OPEN or CLOSED.", words=TradeState),
        _trade("symbol", _TEXT),
        _trade("direction", _WORD, words=Side),
        _trade("entry_quantity", _DECIMAL, unit=UNITS),
        _trade("exit_quantity", _DECIMAL, unit=UNITS),
        _trade("open_quantity", _DECIMAL, unit=UNITS),
        _trade("average_entry_price", _DECIMAL, unit=PRICE),
        _trade("average_exit_price", _DECIMAL, unit=PRICE),
        _trade("realized_pnl", _DECIMAL, unit=OWN),
        _trade("currency", _TEXT),
        _trade("fees", Form.ROWS, "What its fills cost, currency by currency.", fields=_FEES),
        _trade("stop_price", _PRICE, "The stop as it is now.", unit=PRICE),
        _trade("initial_stop_price", _PRICE, "The first stop that was stated.", unit=PRICE),
        _trade("target_price", _PRICE, "The target.", unit=PRICE),
        _trade("order_ids", Form.LIST, "Its orders."),
        _trade("exit_order_ids", Form.LIST, "Those that were given to leave it."),
        _trade("tags", Form.LIST, "The strategy's own words."),
        _trade("reason", _TEXT, "Why it was closed."),
        _trade("residual", Form.ROWS, "What it still held when it was closed.", fields=(
            _share("symbol", _TEXT, "The instrument.", value=lambda item: item[0]),
            _share("quantity", _DECIMAL, "What was left.", unit=UNITS, value=lambda item: item[1]),
        ), value=lambda trade: tuple(trade.residual.items())),
        _trade("residual_reason", _WORD, "Why it was closed nevertheless.", words=ResidualReason),
        _trade("restated", _FLAG, "Whether its figures changed after its close."),
        _trade("shares", Form.ROWS, "Of orders shared between trades: how many units are its own.", fields=(
            _share("order_id", _TEXT, "The order.", value=lambda item: item[0]),
            _share("quantity", _DECIMAL, "Its part.", unit=UNITS, value=lambda item: item[1]),
        ), value=lambda trade: tuple(trade.shares.items())),
        _trade("legs", Form.ROWS, "What it bought and sold of each instrument.", fields=(
            _leg("symbol", _TEXT, "The instrument."),
            _leg("venue", _TEXT, "Where it was executed."),
            _leg("direction", _TEXT, "The side that entered.", value=lambda leg: leg.direction.value),
            _leg("bought_quantity", _DECIMAL, "Units bought.", unit=UNITS),
            _leg("bought_value", _DECIMAL, "What they came to.", unit=MONEY),
            _leg("sold_quantity", _DECIMAL, "Units sold.", unit=UNITS),
            _leg("sold_value", _DECIMAL, "What they came to.", unit=MONEY),
            _leg("realized_pnl", _DECIMAL, unit=MONEY),
            *_instrument_terms(_leg),
        )),
        _trade("opened_at", _TIME, "When its first fill was executed, or it was said to be opened."),
        _trade("closed_at", _TIME, "When it was closed."),
        _trade("recorded_at", _TIME, "When the ledger learned of it."),
        _trade("metadata", Form.JSON, "What the caller attached."),
        *_born(_trade),
    ),
)

_flow = ColumnsOf(tuple)
_position = ColumnsOf(Position)
POSITIONS = Table(
    name="positions",
    description="What is held, by average cost, flat positions included.",
    kind=RecordKind.POSITION,
    time=None,
    columns=(
        STRATEGY,
        _position("symbol", _TEXT, "The instrument."),
        _position("venue", _TEXT, "Where."),
        _position("account", _TEXT, "On whose account."),
        _position("position_side", _WORD, "NET, or one side of a hedged account.", words=PositionSide),
        _position("quantity", _DECIMAL, "Signed: negative is short.", unit=UNITS),
        _position("average_price", _DECIMAL, unit=PRICE),
        _position("cost", _DECIMAL, "The value at which the open part was entered, without fees.", unit=MONEY),
        _position("realized_pnl", _DECIMAL, "Gross of fees, cumulative.", unit=MONEY),
        _position("cycle_realized_pnl", _DECIMAL, "The same since it was last flat.", unit=MONEY),
        _position("money_currency", _TEXT),
        *_instrument_terms(_position),
        _position("fees", Form.ROWS, "What was paid, currency by currency; not part of the PnL.", fields=_FEES),
        _position("cash_flows", Form.ROWS, "What funding, interest and dividends came to; no part of the PnL.", fields=(
            _flow("adjustment_kind", _TEXT, "FUNDING, INTEREST or DIVIDEND.",
                  value=lambda flow: flow.adjustment_kind.value),
            _flow("currency", _TEXT, "In which currency.", value=lambda flow: flow.currency),
            _flow("amount", _DECIMAL, "Received; of interest paid.", unit=OWN, value=lambda flow: flow.amount),
        )),
        _position("opened_at", _TIME, "When the open part was first entered."),
        _position("last_executed_at", _TIME, "When it last moved."),
        *_born(_position),
    ),
)

_adjustment = ColumnsOf(Adjustment)
ADJUSTMENTS = Table(
    name="adjustments",
    description="What moved positions, or money because of them, without an execution: cash flows, transfers, splits.",
    kind=RecordKind.ADJUSTMENT,
    time="occurred_at",
    columns=(
        STRATEGY,
        _adjustment("adjustment_id", _TEXT, "Its id."),
        _adjustment("adjustment_kind", _WORD, "What it was.", words=AdjustmentKind),
        _adjustment("symbol", _TEXT, "The instrument."),
        _adjustment("venue", _TEXT, "Where; none of a split means everywhere."),
        _adjustment("account", _TEXT, "On whose account; none of a split means all."),
        _adjustment("position_side", _WORD, "Which position; none of a split means all.", words=PositionSide),
        _adjustment("amount", _DECIMAL, "Of funding and dividends received, of interest paid.", unit=OWN),
        _adjustment("currency", _TEXT, "The currency of `amount`."),
        _adjustment("quantity", _DECIMAL, "Of transfers and opening positions, signed.", unit=UNITS),
        _adjustment("price", _PRICE, "At which price they are entered.", unit=PRICE),
        _adjustment("ratio", _DECIMAL, "Of a split: new units for each old one."),
        _adjustment("moves_quantity", _FLAG, "Interest in the base currency: its amount leaves the quantity."),
        _adjustment("signed_quantity", _DECIMAL, unit=UNITS),
        _adjustment("occurred_at", _TIME, "When it happened."),
        _adjustment("recorded_at", _TIME, "When the ledger learned of it."),
        _adjustment("metadata", Form.JSON, "What the caller attached."),
        _adjustment("index", _COUNT, "Its place within its journal entry."),
        *_born(_adjustment),
    ),
)

_entry = ColumnsOf(Entry)
JOURNAL = Table(
    name="journal",
    description="Every entry of the journal, its body byte for byte: from these alone the ledger can be rebuilt.",
    kind=None,
    time="occurred_at",
    columns=(
        STRATEGY,
        _entry("sequence", _COUNT, "Its place in the strategy's journal."),
        _entry("operation", _TEXT, "The command."),
        _entry("subject", _TEXT, "The order or trade that it was about."),
        _entry("command_id", _TEXT, "The id that the caller gave the command."),
        _entry("event_types", Form.LIST, "The events that it published.", value=lambda entry: tuple(
            change.event_type.value for change in entry.changes if change.event_type is not None)),
        _entry("occurred_at", _TIME, "When it happened."),
        _entry("recorded_at", _TIME, "When it was written."),
        _entry("digest", _TEXT, "sha256(the digest before, as 32 bytes, followed by the body), or an HMAC of it."),
        _entry("body", _TEXT, "The canonical JSON, as it is stored.", value=lambda entry: entry.body.decode()),
    ),
)
# fmt: on

TABLES: Mapping[str, Table] = by_name((ORDERS, FILLS, TRADES, POSITIONS, ADJUSTMENTS, JOURNAL))
"""Every table, by its name."""

__all__ = ["ADJUSTMENTS", "FILLS", "JOURNAL", "ORDERS", "POSITIONS", "TABLES", "TRADES"]
