"""One or two messages of each venue, made up, with what they come to: (kind, messages, order's id, its state, its fills)."""

from typing import Any

AT = 1_772_461_800_000
"""2026-03-02 14:30 UTC, in milliseconds."""
ISO = "2026-03-02T14:30:00.000Z"

Expected = tuple[str, list[dict[str, Any]], str, str, list[str]]


def architect() -> Expected:
    """Return an order stream's fill."""
    order = {"oid": "O-1", "cid": "mine", "s": "EURUSD-PERP", "d": "B", "q": 10, "p": "1.1", "o": "PARTIALLY_FILLED"}
    fill = {"tid": "T-1", "s": "EURUSD-PERP", "q": 4, "p": "1.1", "d": "B", "agg": True}
    event = {"t": "p", "ts": 1_772_461_800, "tn": 5, "o": {**order, "xq": 4, "rq": 6, "tif": "GTC"}, "xs": fill}
    return "architect", [event], "mine", "PARTIALLY_FILLED 4 of 10", ["T-1: 4 @ 1.1"]


def betfair() -> Expected:
    """Return a lay, which is bought, matched in part and then lapsed."""
    bet = {"betId": "1001", "marketId": "1.23", "selectionId": 7, "handicap": 0.0, "side": "LAY", "orderType": "LIMIT"}
    sizes = {"priceSize": {"price": 3.5, "size": 10.0}, "sizeMatched": 4.0, "sizeCancelled": 6.0, "sizeLapsed": 0.0}
    state = {"status": "EXECUTION_COMPLETE", "averagePriceMatched": 3.4, "placedDate": ISO, "matchedDate": ISO}
    return "betfair", [{**bet, **sizes, **state}], "1001", "CANCELED 4 of 10", ["inferred:4: 4 @ 3.4"]


def bithumb() -> Expected:
    """Return an order in won with what is left of it."""
    order = {"order_id": "C1", "order_currency": "BTC", "payment_currency": "KRW", "type": "bid", "price": "50000000"}
    state = {"units": "0.3", "units_remaining": "0.1", "order_date": str(AT * 1000), "status": "placed"}
    return "bithumb", [{**order, **state}], "C1", "ACCEPTED 0 of 0.3", []


def bitmex() -> Expected:
    """Return an execution and the order's end; fees are in satoshis."""
    own = {
        "clOrdID": "mine",
        "orderID": "uuid-1",
        "symbol": "XBTUSD",
        "side": "Buy",
        "ordType": "Limit",
        "price": 50000,
    }
    figures = {"orderQty": 300, "cumQty": 100, "avgPx": 50000, "settlCurrency": "XBt", "transactTime": ISO}
    execution = {"execID": "E1", "execType": "Trade", "lastQty": 100, "lastPx": 50000, "execComm": 150}
    traded = {**own, **figures, **execution, "ordStatus": "PartiallyFilled"}
    canceled = {**own, **figures, "ordStatus": "Canceled"}
    return "bitmex", [traded, canceled], "mine", "CANCELED 100 of 300", ["E1: 100 @ 50000 - 0.0000015 XBT"]


def bybit() -> Expected:
    """Return an execution of spot, whose fee is in the coin, and its order."""
    own = {"category": "spot", "symbol": "BTCUSDT", "orderId": "uuid-1", "orderLinkId": "mine", "side": "Buy"}
    done = {"execId": "E1", "execQty": "0.1", "execPrice": "50000", "execFee": "0.0001", "feeCurrency": "BTC"}
    execution = {**own, **done, "orderQty": "0.3", "orderPrice": "50000", "orderType": "Limit", "execTime": str(AT)}
    state = {"orderStatus": "PartiallyFilledCanceled", "qty": "0.3", "cumExecQty": "0.1", "avgPrice": "50000"}
    order = {**own, **state, "orderType": "Limit", "price": "50000", "createdTime": str(AT), "updatedTime": str(AT)}
    return "bybit", [execution, order], "mine", "CANCELED 0.1 of 0.3", ["E1: 0.1 @ 50000 - 0.0001 BTC"]


def coinbase() -> Expected:
    """Return a fill and the order with its configuration."""
    fill = {"trade_id": "T1", "order_id": "uuid-1", "product_id": "BTC-USD", "side": "BUY", "size": "0.1"}
    terms = {"limit_limit_gtc": {"base_size": "0.3", "limit_price": "50000"}}
    order = {"order_id": "uuid-1", "client_order_id": "mine", "product_id": "BTC-USD", "side": "BUY", "status": "OPEN"}
    figures = {"filled_size": "0.1", "average_filled_price": "50000", "order_configuration": terms, "created_time": ISO}
    traded = {**fill, "price": "50000", "commission": "2", "trade_time": ISO, "liquidity_indicator": "TAKER"}
    messages: list[dict[str, Any]] = [{**order, **figures, "order_type": "LIMIT"}, traded]
    return "coinbase", messages, "mine", "PARTIALLY_FILLED 0.1 of 0.3", ["T1: 0.1 @ 50000 - 2 USD"]


def coinone() -> Expected:
    """Return an open order."""
    order = {
        "orderId": "uuid-1",
        "currency": "BTC",
        "qty": "0.3",
        "remainQty": "0.3",
        "price": "50000000",
        "type": "bid",
    }
    return (
        "coinone",
        [{"status": "live", "info": {**order, "timestamp": "1772461800"}}],
        "uuid-1",
        "ACCEPTED 0 of 0.3",
        [],
    )


def deribit() -> Expected:
    """Return the answer to an order, with a trade in it."""
    own = {"order_id": "ETH-1", "label": "mine", "instrument_name": "BTC-PERPETUAL", "direction": "buy"}
    terms = {"order_type": "limit", "amount": 300.0, "price": 50000.0, "time_in_force": "good_til_cancelled"}
    state = {"order_state": "open", "filled_amount": 100.0, "average_price": 50000.0, "creation_timestamp": AT}
    trade = {
        "trade_id": "T1",
        "amount": 100.0,
        "price": 50000.0,
        "fee": 0.000001,
        "fee_currency": "BTC",
        "timestamp": AT,
    }
    order = {**own, **terms, **state, "last_update_timestamp": AT}
    answer = {"result": {"order": order, "trades": [{**own, **trade, "order_type": "limit", "liquidity": "T"}]}}
    return "deribit", [answer], "ETH-1", "PARTIALLY_FILLED 100 of 300", ["T1: 100 @ 50000 - 0.000001 BTC"]


def derive() -> Expected:
    """Return an order and a trade of it."""
    own = {"order_id": "uuid-1", "label": "mine", "instrument_name": "ETH-PERP", "direction": "sell"}
    state = {
        "order_status": "cancelled",
        "amount": "3",
        "filled_amount": "1",
        "limit_price": "3000",
        "average_price": "3000",
    }
    trade = {"trade_id": "T1", "trade_amount": "1", "trade_price": "3000", "trade_fee": "0.9", "timestamp": AT}
    order = {**own, **state, "order_type": "limit", "creation_timestamp": AT, "last_update_timestamp": AT}
    return "derive", [{**own, **trade}, order], "uuid-1", "CANCELED 1 of 3", ["T1: 1 @ 3000 - 0.9 USDC"]


def dydx() -> Expected:
    """Return an order of the indexer and its fill."""
    order = {"id": "uuid-1", "clientId": "77", "ticker": "BTC-USD", "side": "BUY", "size": "0.3", "totalFilled": "0.1"}
    terms = {"price": "50000", "type": "LIMIT", "status": "OPEN", "timeInForce": "GTT", "updatedAt": ISO}
    fill = {"id": "F1", "orderId": "uuid-1", "market": "BTC-USD", "side": "BUY", "size": "0.1", "price": "50000"}
    done = {**fill, "fee": "0.5", "liquidity": "MAKER", "type": "LIMIT", "createdAt": ISO}
    return "dydx", [{**order, **terms}, done], "77", "PARTIALLY_FILLED 0.1 of 0.3", ["F1: 0.1 @ 50000 - 0.5 USDC"]


def hyperliquid() -> Expected:
    """Return a fill and the order's status."""
    fill = {"coin": "BTC", "px": "50000", "sz": "0.1", "side": "B", "time": AT, "oid": 9, "tid": 8, "crossed": False}
    order = {"coin": "BTC", "side": "B", "limitPx": "50000", "sz": "0.2", "origSz": "0.3", "oid": 9, "timestamp": AT}
    status = {"order": {**order, "orderType": "Limit"}, "status": "canceled", "statusTimestamp": AT + 5}
    done = {**fill, "fee": "1.5", "feeToken": "USDC"}
    return "hyperliquid", [done, status], "9", "CANCELED 0.1 of 0.3", ["8: 0.1 @ 50000 - 1.5 USDC"]


def korbit() -> Expected:
    """Return an order in won, filled in part, with its fee in the coin."""
    own = {"id": "77", "currency_pair": "btc_krw", "side": "bid", "price": "50000000", "order_amount": "0.3"}
    state = {
        "filled_amount": "0.1",
        "avg_price": "50000000",
        "fee": "0.0001",
        "created_at": AT,
        "status": "partially_filled",
    }
    expected = ["inferred:0.1: 0.1 @ 50000000 - 0.0001 BTC"]
    return "korbit", [{**own, **state, "last_filled_at": AT}], "77", "PARTIALLY_FILLED 0.1 of 0.3", expected


def kraken() -> Expected:
    """Return a spot order and a trade, each under its id."""
    terms = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "price": "50000", "price2": "0"}
    order = {"descr": terms, "vol": "0.3", "vol_exec": "0.1", "status": "canceled", "opentm": AT / 1000, "fee": "8"}
    trade = {"ordertxid": "O-1", "pair": "XBTUSD", "type": "buy", "ordertype": "limit", "vol": "0.1", "price": "50000"}
    told = {"T-1": {**trade, "fee": "8", "time": AT / 1000, "maker": True}}
    ordered = {"O-1": {**order, "price": "50000", "closetm": AT / 1000 + 60}}
    messages = [{"result": {"trades": told}}, {"result": {"closed": ordered}}]
    return "kraken", messages, "O-1", "CANCELED 0.1 of 0.3", ["T-1: 0.1 @ 50000 - 8 USD"]


def lighter() -> Expected:
    """Return an order of a market that has a number only."""
    own = {
        "order_index": 5,
        "order_id": "5",
        "client_order_id": "77",
        "market_index": 1,
        "is_ask": False,
        "type": "limit",
    }
    sizes = {"initial_base_amount": "0.3", "filled_base_amount": "0.1", "filled_quote_amount": "5000", "price": "50000"}
    state = {"status": "canceled-post-only", "created_at": AT // 1000, "updated_at": AT // 1000, "order_expiry": 0}
    return "lighter", [{**own, **sizes, **state}], "77", "CANCELED 0.1 of 0.3", ["inferred:0.1: 0.1 @ 50000"]


def okx() -> Expected:
    """Return the message of an order with its last fill; its fee is negative where it was paid."""
    own = {"instId": "BTC-USDT", "ordId": "5", "clOrdId": "mine", "side": "buy", "ordType": "limit", "px": "50000"}
    state = {"sz": "0.3", "accFillSz": "0.1", "avgPx": "50000", "state": "partially_filled", "posSide": ""}
    fill = {"tradeId": "T1", "fillSz": "0.1", "fillPx": "50000", "fillFee": "-0.0001", "fillFeeCcy": "BTC"}
    times = {"cTime": str(AT), "uTime": str(AT), "fillTime": str(AT), "execType": "M"}
    message = {"arg": {"channel": "orders"}, "data": [{**own, **state, **fill, **times}]}
    return "okx", [message], "mine", "PARTIALLY_FILLED 0.1 of 0.3", ["T1: 0.1 @ 50000 - 0.0001 BTC"]


def poloniex() -> Expected:
    """Return a trade, whose pair names the money first; its fee is a share of the coins."""
    trade = {"tradeID": "8", "orderNumber": "5", "date": "2026-03-02 14:30:00", "rate": "0.05", "amount": "10"}
    told = {"BTC_ETH": [{**trade, "total": "0.5", "fee": "0.001", "type": "buy"}]}
    return "poloniex", [told], "5", "FILLED 10 of 10", ["8: 10 @ 0.05 - 0.01 ETH"]


def polymarket() -> Expected:
    """Return a trade in which one of the makers' orders is ours."""
    maker = {
        "order_id": "0xabc",
        "owner": "me",
        "matched_amount": "40",
        "price": "0.6",
        "asset_id": "77",
        "side": "BUY",
    }
    trade = {"id": "T1", "taker_order_id": "0xdef", "asset_id": "77", "side": "SELL", "size": "40", "price": "0.6"}
    state = {"status": "MATCHED", "match_time": str(AT // 1000), "trader_side": "MAKER", "owner": "me"}
    return "polymarket", [{**trade, **state, "maker_orders": [maker]}], "0xabc", "FILLED 40 of 40", ["T1: 40 @ 0.6"]


def zerodha() -> Expected:
    """Return an order of the book and its trade, at Indian time."""
    own = {"order_id": "151", "exchange": "NSE", "tradingsymbol": "SBIN", "transaction_type": "BUY"}
    state = {"status": "CANCELLED", "quantity": 10, "filled_quantity": 4, "average_price": 420.5, "order_type": "LIMIT"}
    order = {
        **own,
        **state,
        "price": 421,
        "trigger_price": 0,
        "order_timestamp": "2026-03-02 20:00:00",
        "validity": "DAY",
    }
    trade = {**own, "trade_id": "T1", "quantity": 4, "average_price": 420.5, "fill_timestamp": "2026-03-02 20:00:01"}
    return "zerodha", [trade, order], "151", "CANCELED 4 of 10", ["T1: 4 @ 420.5"]


EXPECTED = [
    made()
    for made in (
        *(architect, betfair, bithumb, bitmex, bybit, coinbase, coinone, deribit, derive, dydx, hyperliquid),
        *(korbit, kraken, lighter, okx, poloniex, polymarket, zerodha),
    )
]
