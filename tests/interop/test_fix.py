"""FIX logs: what a report says is booked once, and what contradicts itself or cannot be read is told with its line."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from interop.fix_rendering import fix_line
from interop.imports import brief, fills, fix_log, imported_file, reasons
from ledger_core import OrderState, StrategyLedger
from ledger_interop.importing import ImportReport, import_messages
from ledger_interop.importing.fix import read_message

ImportLog = Callable[..., ImportReport]

TERMS = {"55": "ACME", "54": "1", "40": "2", "38": "100", "44": "10", "60": "20260302-09:00:00"}


@pytest.fixture
def import_log(ledger: StrategyLedger, tmp_path: Path) -> ImportLog:
    """Return what imports messages as a FIX log."""

    def import_log(*messages: Any, version: str = "FIX.4.4", **options: Any) -> ImportReport:
        return imported_file(ledger, "fix", fix_log(tmp_path / "fix.log", messages, version), **options)

    return import_log


def order(order_id: str = "O1", **more: str) -> dict[str, str]:
    """Return a NewOrderSingle; a tag is written `t44`."""
    return {"35": "D", "11": order_id, **TERMS, **tags(more)}


def report(exec_type: str, status: str, cum: int, **more: str) -> dict[str, str]:
    """Return an execution report of order O1."""
    ids = {"35": "8", "11": "O1", "37": "V1", "17": f"E{exec_type}{status}{cum}"}
    return {**ids, **TERMS, "150": exec_type, "39": status, "14": str(cum), **tags(more)}


def traded(quantity: int, cum: int, fill_id: str, **more: str) -> dict[str, str]:
    """Return the report of a fill at 10."""
    status = "2" if cum >= 100 else "1"
    return report("F", status, cum, **{"t17": fill_id, "t32": str(quantity), "t31": "10", **more})


def tags(named: dict[str, str]) -> dict[str, str]:
    """Return tags by their numbers."""
    return {name.removeprefix("t"): value for name, value in named.items()}


@pytest.mark.parametrize("mark", ["\x01", "|", "^A", "<SOH>", "␁", ";"])
def test_a_log_is_read_whatever_parts_its_fields(mark: str, import_log: ImportLog, ledger: StrategyLedger) -> None:
    """Logs write SOH in many ways, and put a time or a session's name before the message."""
    lines = [fix_line("FIX.4.4", one).replace("\x01", mark) for one in (order(), traded(40, 40, "F1"))]
    assert import_log(*(f"INFO [main] <FIX.4.4:US->THEM> {line}" for line in lines)).understood == 2
    assert ledger.get_order("O1").cum_quantity == 40


def test_several_messages_in_one_line_are_all_read(import_log: ImportLog, ledger: StrategyLedger) -> None:
    """A raw capture has no line ends between messages."""
    whole = "".join(fix_line("FIX.4.4", one).partition(" : ")[2] for one in (order(), traded(40, 40, "F1")))
    assert import_log(whole).read == 2
    assert ledger.get_order("O1").cum_quantity == 40


@pytest.mark.parametrize("version", ["FIX.4.0", "FIX.4.1", "FIX.4.2"])
def test_an_old_report_is_a_fill_if_it_says_how_much(
    version: str, import_log: ImportLog, ledger: StrategyLedger
) -> None:
    """Until FIX 4.2 a fill has the status as its ExecType, or no ExecType at all."""
    old = {**traded(40, 40, "F1"), "20": "0", "150": "1"}
    if version == "FIX.4.0":
        del old["150"]
    import_log(order(), old, version=version)
    assert fills(ledger, "O1") == ["F1: 40 @ 10"]


def test_an_end_with_the_exec_id_of_a_fill_is_no_second_fill(import_log: ImportLog, ledger: StrategyLedger) -> None:
    """Some brokers give the report of an end the ExecID of the last fill: ExecID alone is no key."""
    import_log(order(), traded(40, 40, "F1"), report("4", "4", 40, t17="F1", t32="0", t31="0"))
    assert brief(ledger, "O1") == "CANCELED 40 of 100"


def test_a_fill_told_twice_is_booked_once(import_log: ImportLog, ledger: StrategyLedger) -> None:
    """A resend (PossDup) and a log of both directions tell everything twice."""
    import_log(order(), traded(40, 40, "F1"), {**traded(40, 40, "F1"), "43": "Y"}, order())
    assert ledger.get_order("O1").cum_quantity == 40


@pytest.mark.parametrize(
    ("exec_type", "status", "cum"), [("4", "1", 40), ("C", "0", 0), ("8", "2", 100)], ids=["cancel", "expiry", "reject"]
)
def test_an_exec_type_that_the_status_contradicts_is_told(
    exec_type: str, status: str, cum: int, import_log: ImportLog, ledger: StrategyLedger
) -> None:
    """ExecType says that the order ended, OrdStatus that it works: neither is believed."""
    told = import_log(order(), report(exec_type, status, cum))
    assert ledger.get_order("O1").is_open
    assert reasons(told, "not understood") == [f"ExecType {exec_type} and OrdStatus {status} contradict each other"]


def test_a_cancel_that_came_too_late_leaves_the_order_filled(import_log: ImportLog, ledger: StrategyLedger) -> None:
    """ExecType canceled, OrdStatus filled: the quantities decide."""
    told = import_log(order(), traded(100, 100, "F1"), report("4", "2", 100))
    assert ledger.get_order("O1").state is OrderState.FILLED
    assert not told.needs_attention


def test_a_report_of_a_fill_without_a_quantity_is_none(import_log: ImportLog, ledger: StrategyLedger) -> None:
    """ExecType trade with LastQty 0 or none: only the total counts, and shows what is missing."""
    import_log(order(), traded(0, 40, "F1"), {tag: value for tag, value in traded(0, 40, "F2").items() if tag != "32"})
    assert fills(ledger, "O1") == []
    assert ledger.get_order("O1").missing_quantity == 40


def test_a_log_may_begin_in_the_middle_of_a_chain(import_log: ImportLog, ledger: StrategyLedger) -> None:
    """The older id (OrigClOrdID) is the order's where neither is known."""
    import_log({**report("5", "0", 0), "11": "O2", "41": "O1"}, {**traded(40, 40, "F1"), "11": "O2"})
    assert [one.order_id for one in ledger.find_orders()] == ["O1"]
    assert brief(ledger, "O1") == "PARTIALLY_FILLED 40 of 100"


def test_a_chain_of_replaces_is_one_order(import_log: ImportLog, ledger: StrategyLedger) -> None:
    """Each replace brings a ClOrdID of its own; fills that name only the last one belong to the order."""
    replaced = {"37": "V1", "38": "150"}
    import_log(
        order(),
        {**order(), "35": "G", "11": "O2", "41": "O1", "38": "120"},
        {**report("5", "0", 0), **replaced, "11": "O2", "41": "O1", "38": "120", "17": "R1"},
        {**order(), "35": "G", "11": "O3", "41": "O2", "38": "150"},
        {**report("5", "0", 0), **replaced, "11": "O3", "41": "O2", "17": "R2"},
        {**traded(150, 150, "F1"), **replaced, "11": "O3"},
    )
    (found,) = ledger.find_orders()
    assert brief(ledger, "O1") == "FILLED 150 of 150"
    assert [one.request_id for one in found.requests] == ["O2", "O3"]


def test_a_chain_without_its_requests_is_one_order_too(import_log: ImportLog, ledger: StrategyLedger) -> None:
    """Of a log of reports alone the older id (OrigClOrdID) is the order's."""
    import_log(
        report("0", "0", 0),
        {**report("5", "0", 0), "11": "O2", "41": "O1", "38": "150"},
        {**traded(150, 150, "F1"), "11": "O2", "41": "O1", "38": "150"},
    )
    assert [one.order_id for one in ledger.find_orders()] == ["O1"]
    assert brief(ledger, "O1") == "FILLED 150 of 150"


def test_a_refused_cancel_leaves_the_order_working(import_log: ImportLog, ledger: StrategyLedger) -> None:
    """An OrderCancelReject answers the request by its id, with its reason."""
    refusal = {"35": "9", "11": "C1", "41": "O1", "37": "V1", "39": "0", "434": "1", "58": "too late"}
    import_log(order(), report("0", "0", 0), {**order("C1"), "35": "F", "41": "O1"}, refusal)
    found = ledger.get_order("O1")
    assert found.status == "ACCEPTED"
    assert [(one.state.value, one.reason) for one in found.requests] == [("REJECTED", "too late")]


def test_a_second_order_under_a_taken_id_is_rejected_alone(import_log: ImportLog, ledger: StrategyLedger) -> None:
    """OrdRejReason 6 (duplicate order): the order that has the id works on, also where the report says rejected."""
    import_log(order(), report("0", "0", 0), report("8", "8", 0, t103="6"))
    assert ledger.get_order("O1").state is OrderState.ACCEPTED


def test_the_answer_to_a_question_after_an_unknown_order_rejects_nothing(
    import_log: ImportLog, ledger: StrategyLedger
) -> None:
    """A status report that says rejected because of an unknown order (103=5) is no rejection of an order."""
    import_log(order(), report("0", "0", 0), report("I", "8", 0, t103="5"))
    assert ledger.get_order("O1").state is OrderState.ACCEPTED


def test_a_status_report_tells_of_an_order_what_is_new(import_log: ImportLog, ledger: StrategyLedger) -> None:
    """A status report (150=I) of an order unknown here records it, and shows what no execution explains."""
    told = import_log(report("I", "1", 40, t6="10"))
    found = ledger.get_order("O1")
    assert (found.details.origin, found.missing_quantity) == ("fix", Decimal(40))
    assert brief(ledger, "O1") == "ACCEPTED 0 of 100"
    assert "missing_quantity" in reasons(told, "booked")[0]


def test_missing_fills_are_inferred_where_that_is_asked_for(import_log: ImportLog, ledger: StrategyLedger) -> None:
    """With `infers` a total without executions is booked, and the real executions take its place later."""
    import_log(order(), report("I", "1", 40, t6="10"), infers=True)
    assert [(one.fill_id, one.inferred) for one in ledger.find_fills()] == [("inferred:40", True)]
    import_log(order(), report("I", "1", 40, t6="10"), traded(40, 40, "F1"), infers=True)
    assert ledger.get_order("O1").cum_quantity == 40
    assert ledger.get_fill("O1", "F1").quantity == 40


def test_a_fill_has_its_fees_liquidity_and_days(import_log: ImportLog, ledger: StrategyLedger) -> None:
    """Commission (12, 13) and miscellaneous fees (136) are fees; 851 and 75 are kept too."""
    more = {"t12": "0.02", "t13": "1", "t15": "USD", "t851": "1", "t75": "20260301", "t60": "20260302-09:00:00.123456"}
    import_log(order(), traded(40, 40, "F1", **more, t136="1", t137="0.5", t138="EUR", t139="7"))
    (one,) = ledger.find_fills()
    assert {fee.currency: fee.amount for fee in one.fees} == {"USD": Decimal("0.8"), "EUR": Decimal("0.5")}
    assert (one.liquidity, one.trade_date) == ("MAKER", date(2026, 3, 1))
    assert one.executed_at == datetime(2026, 3, 2, 9, 0, 0, 123456, UTC)


@pytest.mark.parametrize(
    ("more", "symbol"),
    [
        ({}, "ES"),
        ({"t200": "202606"}, "ES-202606"),
        ({"t200": "202606", "t205": "5"}, "ES-20260605"),
        ({"t541": "20260619"}, "ES-20260619"),
        ({"t200": "202606", "t202": "4500", "t201": "1"}, "ES-202606-4500C"),
    ],
)
def test_contracts_of_one_root_are_kept_apart(
    more: dict[str, str], symbol: str, import_log: ImportLog, ledger: StrategyLedger
) -> None:
    """A future or an option is its root with its maturity, strike and right."""
    import_log(order(t55="ES", **more))
    assert ledger.get_order("O1").symbol == symbol


def test_a_business_reject_ends_the_order_that_it_names(import_log: ImportLog, ledger: StrategyLedger) -> None:
    """BusinessMessageReject of an order, and of a cancel; one that names nothing is told."""
    told = import_log(
        order(),
        order("O2"),
        {**order("C2"), "35": "F", "41": "O2"},
        {"35": "j", "372": "D", "379": "O1", "380": "4"},
        {"35": "j", "372": "F", "379": "C2", "58": "closed"},
        {"35": "j", "372": "D"},
        {"35": "j", "372": "V", "379": "MD1"},
    )
    assert ledger.get_order("O1").state is OrderState.REJECTED
    assert [one.reason for one in ledger.get_order("O2").requests] == ["closed"]
    assert reasons(told, "not understood") == [
        "it rejects an order or request, and does not say which: tag 379 is missing"
    ]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"35": "E", "66": "L1"}, "lists of orders (35=E) are not read"),
        ({"35": "U7"}, "messages of the kind 35=U7 are not known"),
        ({**report("F", "1", 40), "32": "ten", "31": "10"}, "tag 32 is no number: 'ten'"),
        ({**report("F", "1", 40), "32": "10"}, "the fill has no LastPx (31)"),
        ({**report("H", "0", 0)}, "it does not say which execution it is about: ExecRefID (19) is missing"),
        ({**report("Z", "0", 0)}, "ExecType (150) 'Z' is not known"),
        ({**order(), "54": "9"}, "the Side (54) '9' is neither a purchase nor a sale"),
        ({**order(), "60": "yesterday"}, "tag 60 is no time: 'yesterday'"),
        ({"35": "8", "150": "0", "39": "0"}, "it names no order: ClOrdID (11) and OrderID (37) are missing"),
        ("8=FIX.4.4\x019=100\x0135=8\x0111=O1\x0155=AC", "the message is cut off: its checksum (10) is missing"),
        ("8=FIX.4.4 9=100 35=8", "the fields are parted by nothing that is known"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(message: Any, reason: str, import_log: ImportLog) -> None:
    """Nothing is dropped: a message that is not understood is counted, with the reason and the line."""
    told = import_log(order("O9"), message)
    assert (told.read, told.not_understood) == (2, 1)
    assert reasons(told, "not understood") == [reason]
    assert told.reasons["not understood"][reason].places[0].startswith("line 2")


def test_only_the_session_that_is_asked_for_is_read(import_log: ImportLog, ledger: StrategyLedger) -> None:
    """`session` takes what one side sent; the rest is passed over, and counted."""
    told = import_log({**order(), "49": "US", "56": "V"}, {**order("O2"), "49": "V", "56": "US"}, session="US->V")
    assert [one.order_id for one in ledger.find_orders()] == ["O1"]
    assert (told.understood, told.passed_over) == (1, 1)


def test_a_message_of_an_engine_is_read_without_a_log(ledger: StrategyLedger) -> None:
    """A FIX engine has a message as tags and values, as text or numbers."""
    message = read_message({35: "D", **{int(tag): value for tag, value in TERMS.items()}, 11: "O1"}, "message 1")
    import_messages(ledger, [message], source="fix")
    assert ledger.get_order("O1").quantity == 100
