"""The Order State Change Matrices of FIX 5.0 SP2, Volume 4, as short scripts that need no test data.

Titles and rules are the standard's; the quantities and prices are those of the matrices where the first line of a
script says "as printed", and examples otherwise. Where a matrix shows the venue's view of a request, the client's
stands here: a status turns PENDING_* when the request is made (DESIGN: "Requests").
"""

from collections.abc import Callable

import pytest

from ledger_core import StrategyLedger
from support.conformance import Case, CaseRun, options_for
from support.scripts import parse_case

# fmt: off
MATRICES: tuple[tuple[str, str, str], ...] = (
    ("A.1.a", "filled order", """  # as printed
        place                                   | PENDING_NEW 10000 0 10000 avg_px_is_null=true open=true
        ack                                     | NEW 10000 0 10000
        fill 2000 @ 50.00                       | PARTIALLY_FILLED 10000 2000 8000 avg_px=50
        fill 1000 @ 50.50                       | PARTIALLY_FILLED 10000 3000 7000 avg_px=50.166666666667
        fill 7000 @ 49.75                       | FILLED 10000 10000 0 avg_px=49.875 open=false
    """),
    ("A.1.b", "part-filled day order, done for day", """  # as printed
        place
        ack
        fill 2000 @ 50.00
        fill 1000 @ 50.50                       | PARTIALLY_FILLED 10000 3000 7000
        done_for_day                            | DONE_FOR_DAY 10000 3000 0 open=false
    """),
    ("B.1.a", "cancel of a zero-filled order", """  # as printed
        place
        ack                                     | NEW 10000 0 10000
        cancel_request req_id=Y                 | PENDING_CANCEL 10000 0 10000 open=true
        cancel_pending req_id=Y                 | PENDING_CANCEL 10000 0 10000
        cancelled req_id=Y                      | CANCELED 10000 0 0 open=false
    """),
    ("B.1.b", "cancel of a part-filled order, executions while it is active", """  # as printed
        place
        ack
        fill 2000 @ 50.00                       | PARTIALLY_FILLED 10000 2000 8000
        cancel_request req_id=Y                 | PENDING_CANCEL 10000 2000 8000
        fill 3000 @ 50.50                       | PENDING_CANCEL 10000 5000 5000
        cancel_pending req_id=Y                 | PENDING_CANCEL 10000 5000 5000
        fill 1000 @ 49.75                       | PENDING_CANCEL 10000 6000 4000
        cancelled req_id=Y                      | CANCELED 10000 6000 0
    """),
    ("B.1.c", "the order is filled before the cancel can be accepted", """
        place
        ack
        fill 2000 @ 50.00                       | PARTIALLY_FILLED 10000 2000 8000
        cancel_request req_id=Y                 | PENDING_CANCEL 10000 2000 8000
        fill 5000 @ 50.00                       | PENDING_CANCEL 10000 7000 3000
        cancel_pending req_id=Y
        fill 3000 @ 50.00                       | PENDING_CANCEL 10000 10000 0
        cancel_reject req_id=Y reason=too_late  | FILLED 10000 10000 0 open=false
    """),
    ("B.1.c/at-once", "a cancel of a filled order is refused before it was pending", """
        place
        ack
        fill 10000 @ 50.00                      | FILLED 10000 10000 0
        cancel_request req_id=Y                 | PENDING_CANCEL 10000 10000 0 open=false
        cancel_reject req_id=Y reason=too_late  | FILLED 10000 10000 0
    """),
    ("B.1.d", "cancel of an order that has not been acknowledged", """
        place                                   | PENDING_NEW 10000 0 10000
        cancel_request req_id=Y                 | PENDING_CANCEL 10000 0 10000
        cancel_pending req_id=Y                 | PENDING_CANCEL 10000 0 10000
        cancelled req_id=Y                      | CANCELED 10000 0 0
    """),
    ("B.1.d/rejected-order", "the unacknowledged order is rejected while its cancel is pending", """
        place
        cancel_request req_id=Y                 | PENDING_CANCEL 10000 0 10000
        reject reason=no                        | REJECTED 10000 0 0
        cancel_reject req_id=Y                  | REJECTED 10000 0 0
    """),
    ("B.1.e", "the acknowledgement and the cancel cross", """
        place
        cancel_request req_id=Y                 | PENDING_CANCEL 10000 0 10000
        ack                                     | PENDING_CANCEL 10000 0 10000
        cancel_pending req_id=Y                 | PENDING_CANCEL 10000 0 10000
        cancelled req_id=Y                      | CANCELED 10000 0 0
    """),
    ("B.1.e/refused", "they cross, and the cancel is refused: the order is what its acknowledgement made it", """
        place
        cancel_request req_id=Y
        ack                                     | PENDING_CANCEL 10000 0 10000
        cancel_reject req_id=Y                  | NEW 10000 0 10000
        fill 10000 @ 50                         | FILLED 10000 10000 0
    """),
    ("B.1.f", "cancel of an unknown order", """
        place                                   | PENDING_NEW 10000 0 10000
        cancel_request order=O2 req_id=Y        ! unknown_order
        cancel_reject order=O2 req_id=Y         ! unknown_order
    """),
    ("C.1.a", "zero-filled order, quantity raised", """  # as printed
        place
        ack
        replace_request req_id=Y new_qty=11000  | PENDING_REPLACE 10000 0 10000
        replace_pending req_id=Y                | PENDING_REPLACE 10000 0 10000
        replaced req_id=Y new_qty=11000         | NEW 11000 0 11000
        fill 1000 @ 50.00                       | PARTIALLY_FILLED 11000 1000 10000
        fill 2000 @ 50.50                       | PARTIALLY_FILLED 11000 3000 8000
    """),
    ("C.1.b", "part-filled order raised, an execution while it is pending", """  # as printed
        place
        ack
        fill 1000 @ 50.00                       | PARTIALLY_FILLED 10000 1000 9000
        replace_request req_id=Y new_qty=12000
        replace_pending req_id=Y                | PENDING_REPLACE 10000 1000 9000
        fill 100 @ 50.50                        | PENDING_REPLACE 10000 1100 8900
        replaced req_id=Y new_qty=12000         | PARTIALLY_FILLED 12000 1100 10900
        fill 10900 @ 49.75                      | FILLED 12000 12000 0
    """),
    ("C.1.c", "filled order, quantity raised: it opens again", """
        place
        ack
        fill 10000 @ 50.00                      | FILLED 10000 10000 0 open=false
        replace_request req_id=Y new_qty=12000  | PENDING_REPLACE 10000 10000 0
        replace_pending req_id=Y                | PENDING_REPLACE 10000 10000 0
        replaced req_id=Y new_qty=12000         | PARTIALLY_FILLED 12000 10000 2000 open=true
        fill 2000 @ 50.00                       | FILLED 12000 12000 0
    """),
    ("C.1.c/refused", "the raise of a filled order is refused", """
        place
        ack
        fill 10000 @ 50.00
        replace_request req_id=Y new_qty=12000  | PENDING_REPLACE 10000 10000 0
        replace_reject req_id=Y reason=too_late | FILLED 10000 10000 0
    """),
    ("C.1/early-fills", "fills of a raise come before its confirmation", """
        place
        ack
        replace_request req_id=Y new_qty=12000
        fill 11000 @ 50.00                      | PENDING_REPLACE 10000 11000 0
        replaced req_id=Y new_qty=12000         | PARTIALLY_FILLED 12000 11000 1000 overfill_qty=0
        fill 1000 @ 50.00                       | FILLED 12000 12000 0
    """),
    ("C.1/early-fills-refused", "fills beyond the old quantity, then the raise is refused: they are an overfill", """
        place
        ack
        replace_request req_id=Y new_qty=12000
        fill 11000 @ 50.00                      | PENDING_REPLACE 10000 11000 0
        replace_reject req_id=Y                 | FILLED 10000 11000 0 overfill_qty=1000
    """),
    ("C.2.a", "a replace of the price is refused because the order filled meanwhile", """
        place
        ack
        replace_request req_id=Y new_price=61   | PENDING_REPLACE 10000 0 10000
        replace_pending req_id=Y
        fill 10000 @ 50.00                      | PENDING_REPLACE 10000 10000 0
        replace_reject req_id=Y reason=too_late | FILLED 10000 10000 0
    """),
    ("C.2/price-only", "a replace of the price alone moves no quantity", """
        place
        ack
        fill 4000 @ 50.00
        replace_request req_id=Y new_price=61   | PENDING_REPLACE 10000 4000 6000
        replaced req_id=Y new_price=61          | PARTIALLY_FILLED 10000 4000 6000
    """),
    ("C.3.a", "quantity lowered, executions while it is pending", """
        place
        ack
        fill 1000 @ 50.00
        replace_request req_id=Y new_qty=8000   | PENDING_REPLACE 10000 1000 9000
        replace_pending req_id=Y
        fill 500 @ 50.00                        | PENDING_REPLACE 10000 1500 8500
        replaced req_id=Y new_qty=8000          | PARTIALLY_FILLED 8000 1500 6500
        fill 6500 @ 50.00                       | FILLED 8000 8000 0
    """),
    ("C.3.b", "quantity lowered, the order is filled before the replace is processed", """
        place
        ack
        fill 1000 @ 50.00
        replace_request req_id=Y new_qty=8000
        replace_pending req_id=Y
        fill 9000 @ 50.00                       | PENDING_REPLACE 10000 10000 0
        replace_reject req_id=Y reason=too_late | FILLED 10000 10000 0
    """),
    ("C.3.c", "quantity lowered below what is filled by then: the venue takes what is filled", """
        place
        ack
        fill 7000 @ 50.00                       | PARTIALLY_FILLED 10000 7000 3000
        replace_request req_id=Y new_qty=7000   | PENDING_REPLACE 10000 7000 3000
        replace_pending req_id=Y
        fill 1000 @ 50.00                       | PENDING_REPLACE 10000 8000 2000
        replaced req_id=Y new_qty=8000          | FILLED 8000 8000 0
    """),
    ("C.3.c/clamped", "the same where the venue only confirms what was asked for", """
        place
        ack
        fill 7000 @ 50.00
        replace_request req_id=Y new_qty=7000
        fill 1000 @ 50.00                       | PENDING_REPLACE 10000 8000 2000
        replaced req_id=Y                       | FILLED 8000 8000 0 overfill_qty=0
    """),
    ("D.1.a", "two replaces, one after the other, both accepted", """  # as printed
        place
        ack
        fill 1000 @ 50.00
        replace_request req_id=Y new_qty=8000
        fill 500 @ 50.50                        | PENDING_REPLACE 10000 1500 8500
        replaced req_id=Y new_qty=8000          | PARTIALLY_FILLED 8000 1500 6500
        fill 2000 @ 49.75                       | PARTIALLY_FILLED 8000 3500 4500
        replace_request req_id=Z new_qty=6000   | PENDING_REPLACE 8000 3500 4500
        fill 500 @ 51.25                        | PENDING_REPLACE 8000 4000 4000
        replaced req_id=Z new_qty=6000          | PARTIALLY_FILLED 6000 4000 2000
        fill 2000 @ 50.20                       | FILLED 6000 6000 0 avg_px=50.129166666667
    """),
    ("D.1.b", "the first replace is refused before it was pending, the second accepted", """
        place
        ack
        fill 1000 @ 50.00
        replace_request req_id=Y new_qty=8000   | PENDING_REPLACE 10000 1000 9000
        replace_reject req_id=Y                 | PARTIALLY_FILLED 10000 1000 9000
        fill 500 @ 50.00                        | PARTIALLY_FILLED 10000 1500 8500
        replace_request req_id=Z new_qty=6000   | PENDING_REPLACE 10000 1500 8500
        replaced req_id=Z new_qty=6000          | PARTIALLY_FILLED 6000 1500 4500
        fill 4500 @ 50.00                       | FILLED 6000 6000 0
    """),
    ("D.1.c", "the first replace is refused after it was pending, the second accepted", """  # as printed
        place
        ack
        fill 1000 @ 50.00
        replace_request req_id=Y new_qty=8000
        replace_pending req_id=Y
        fill 500 @ 50.50                        | PENDING_REPLACE 10000 1500 8500
        replace_reject req_id=Y                 | PARTIALLY_FILLED 10000 1500 8500
        fill 2000 @ 49.75                       | PARTIALLY_FILLED 10000 3500 6500
        replace_request req_id=Z new_qty=6000   | PENDING_REPLACE 10000 3500 6500
        replaced req_id=Z new_qty=6000          | PARTIALLY_FILLED 6000 3500 2500
        fill 1500 @ 51.25                       | PARTIALLY_FILLED 6000 5000 1000 avg_px=50.325
    """),
    ("D.2.a", "a second replace follows at once, the venue processes one after the other", """
        place
        ack
        fill 1000 @ 50.00
        replace_request req_id=Y new_qty=8000   | PENDING_REPLACE 10000 1000 9000
        replace_request req_id=Z new_qty=7000   | PENDING_REPLACE 10000 1000 9000
        fill 500 @ 50.00                        | PENDING_REPLACE 10000 1500 8500
        replaced req_id=Y new_qty=8000          | PENDING_REPLACE 8000 1500 6500
        fill 2000 @ 50.00                       | PENDING_REPLACE 8000 3500 4500
        replaced req_id=Z new_qty=7000          | PARTIALLY_FILLED 7000 3500 3500
        fill 3500 @ 50.00                       | FILLED 7000 7000 0
    """),
    ("D.2.b", "the venue marks both pending before it replaces", """
        place
        ack
        fill 1000 @ 50.00
        replace_request req_id=Y new_qty=8000
        replace_request req_id=Z new_qty=7000
        replace_pending req_id=Y                | PENDING_REPLACE 10000 1000 9000
        replace_pending req_id=Z                | PENDING_REPLACE 10000 1000 9000
        replaced req_id=Y new_qty=8000          | PENDING_REPLACE 8000 1000 7000
        replaced req_id=Z new_qty=7000          | PARTIALLY_FILLED 7000 1000 6000
    """),
    ("D.2.c", "both of two chained replaces are refused", """
        place
        ack
        fill 1000 @ 50.00
        replace_request req_id=Y new_qty=8000
        replace_request req_id=Z new_qty=7000
        replace_reject req_id=Y                 | PENDING_REPLACE 10000 1000 9000
        replace_reject req_id=Z                 | PARTIALLY_FILLED 10000 1000 9000
    """),
    ("D.2.d", "the second is refused, out of order, because the first is pending", """
        place
        ack
        fill 1000 @ 50.00
        replace_request req_id=Y new_qty=8000
        replace_pending req_id=Y
        replace_request req_id=Z new_qty=7000   | PENDING_REPLACE 10000 1000 9000
        fill 500 @ 50.00                        | PENDING_REPLACE 10000 1500 8500
        replace_reject req_id=Z                 | PENDING_REPLACE 10000 1500 8500
        replaced req_id=Y new_qty=8000          | PARTIALLY_FILLED 8000 1500 6500
        fill 6500 @ 50.00                       | FILLED 8000 8000 0
    """),
    ("D.2/cancel-after-replace", "a cancel chained to a replace: the cancel shows, and takes the replace with it", """
        place
        ack
        replace_request req_id=Y new_qty=8000   | PENDING_REPLACE 10000 0 10000
        cancel_request req_id=Z                 | PENDING_CANCEL 10000 0 10000
        replaced req_id=Y new_qty=8000          | PENDING_CANCEL 8000 0 8000
        cancelled req_id=Z                      | CANCELED 8000 0 0
    """),
    ("D.2/cancel-refused", "a cancel chained to a replace is refused, the replace still stands", """
        place
        ack
        replace_request req_id=Y new_qty=8000
        cancel_request req_id=Z                 | PENDING_CANCEL 10000 0 10000
        cancel_reject req_id=Z                  | PENDING_REPLACE 10000 0 10000
        replaced req_id=Y new_qty=8000          | NEW 8000 0 8000
    """),
    ("D.2/unnumbered", "answers without an id go to the oldest request in flight", """
        place
        ack
        replace_request new_qty=8000
        replace_request new_qty=7000            | PENDING_REPLACE 10000 0 10000
        replaced                                | PENDING_REPLACE 8000 0 8000
        replaced                                | NEW 7000 0 7000
    """),
    ("E.1.a", "order given by telephone", """  # as printed
        place origin=external tif=-
        ack                                     | NEW 10000 0 10000
        fill 2000 @ 50.00                       | PARTIALLY_FILLED 10000 2000 8000
        fill 1000 @ 50.50                       | PARTIALLY_FILLED 10000 3000 7000
        fill 7000 @ 49.75                       | FILLED 10000 10000 0
    """),
    ("E.1.b", "unsolicited cancel of a part-filled order", """
        place
        ack
        fill 5000 @ 50.00                       | PARTIALLY_FILLED 10000 5000 5000
        cancelled                               | CANCELED 10000 5000 0 open=false
    """),
    ("E.1.c", "unsolicited replacement of a part-filled order", """
        place
        ack
        fill 5000 @ 50.00
        replaced new_qty=11000                  | PARTIALLY_FILLED 11000 5000 6000
        fill 6000 @ 50.00                       | FILLED 11000 11000 0
    """),
    ("E.1.c/named", "the same where the venue gives its replacement an id", """
        place
        ack
        replaced req_id=V1 new_qty=11000        | NEW 11000 0 11000
        replaced req_id=V1 new_qty=11000        | NEW 11000 0 11000
        replaced req_id=V2 new_qty=12000        | NEW 12000 0 12000
    """),
    ("E.1.d", "unsolicited reduction of the quantity by the sell side", """
        place
        ack
        fill 4000 @ 50.00
        restated new_qty=9000 reason=PARTIAL_DECLINE | PARTIALLY_FILLED 9000 4000 5000
        fill 5000 @ 50.00                       | FILLED 9000 9000 0
    """),
    ("E.1.d/to-filled", "the sell side reduces the quantity to what is filled", """
        place
        ack
        fill 4000 @ 50.00
        restated new_qty=4000 reason=PARTIAL_DECLINE | FILLED 4000 4000 0
    """),
    ("E.1.e", "unsolicited cancel of a replaced order", """
        place
        ack
        replace_request req_id=Y new_qty=11000
        replaced req_id=Y new_qty=11000         | NEW 11000 0 11000
        cancelled                               | CANCELED 11000 0 0
    """),
    ("E.1.f", "unsolicited cancel while a replace is pending ends the replace too", """
        place
        ack
        fill 1000 @ 50
        replace_request req_id=Y new_qty=11000  | PENDING_REPLACE 10000 1000 9000
        cancelled                               | CANCELED 10000 1000 0
        replace_reject req_id=Y                 | CANCELED 10000 1000 0
    """),
    ("E.1/suspended", "a suspended order fills, works again, and can be canceled", """
        place
        ack
        suspended                               | SUSPENDED 10000 0 10000 open=true
        fill 1000 @ 50                          | SUSPENDED 10000 1000 9000
        resumed                                 | PARTIALLY_FILLED 10000 1000 9000
        suspended                               | SUSPENDED 10000 1000 9000
        cancelled                               | CANCELED 10000 1000 0
    """),
    ("E.1/suspended-unfilled", "an unfilled suspended order resumes as accepted, and may fill at once", """
        place
        suspended                               | SUSPENDED 10000 0 10000
        resumed                                 | NEW 10000 0 10000
        suspended                               | SUSPENDED 10000 0 10000
        fill 10000 @ 50                         | FILLED 10000 10000 0
    """),
    ("F.1.a", "order refused because its id is taken", """  # as printed
        place
        ack
        fill 1000 @ 50.00                       | PARTIALLY_FILLED 10000 1000 9000
        place qty=15000                         ! duplicate_order_id
        reject_duplicate                        | PARTIALLY_FILLED 10000 1000 9000
    """),
    ("F.1.b", "a resend of a known order changes nothing, also after its rejection", """
        place
        place                                   | PENDING_NEW 10000 0 10000
        reject reason=no                        | REJECTED 10000 0 0 open=false
        place                                   | REJECTED 10000 0 0
        reject reason=again                     | REJECTED 10000 0 0
    """),
    ("F.1.c", "rejected because it was given by telephone already: that one lives on", """
        place order=TEL origin=external
        ack order=TEL                           | NEW 10000 0 10000
        place
        reject reason=duplicate_of_a_telephone_order | REJECTED 10000 0 0
        fill 1000 @ 50 order=TEL                | PARTIALLY_FILLED 10000 1000 9000
    """),
    ("F.1/rejected-after-ack", "an order may be rejected after its acknowledgement", """
        place
        ack                                     | NEW 10000 0 10000
        reject reason=by_the_second_venue       | REJECTED 10000 0 0
    """),
    ("G.1", "a status request and its report change nothing", """
        place
        ack
        fill 1000 @ 50
        status_request                          | PARTIALLY_FILLED 10000 1000 9000
        status_report                           | PARTIALLY_FILLED 10000 1000 9000
    """),
    ("H.1.a", "GTC order: part-filled, renewed next morning, filled some more", """  # as printed
        place tif=GTC
        ack
        fill 2000 @ 50.00 day=1                 | PARTIALLY_FILLED 10000 2000 8000
        done_for_day day=1                      | DONE_FOR_DAY 10000 2000 8000 open=true
        restated day=2 reason=GT_RENEWAL        | PARTIALLY_FILLED 10000 2000 8000 day_order_qty=8000 day_cum_qty=0
        fill 1000 @ 50.50 day=2                 | PARTIALLY_FILLED 10000 3000 7000 day_order_qty=8000 day_cum_qty=1000
    """),
    ("H.1.c", "GTC order: part-filled, renewed, canceled the next day", """
        place tif=GTC
        ack
        fill 2000 @ 50.00 day=1
        done_for_day day=1                      | DONE_FOR_DAY 10000 2000 8000
        restated day=2 reason=GT_RENEWAL        | PARTIALLY_FILLED 10000 2000 8000
        cancel_request req_id=Y day=2           | PENDING_CANCEL 10000 2000 8000
        cancelled req_id=Y day=2                | CANCELED 10000 2000 0
    """),
    ("H.1.d", "GTC order: part-filled, renewed, raised the next day", """
        place tif=GTC
        ack
        fill 2000 @ 50.00 day=1
        done_for_day day=1
        restated day=2 reason=GT_RENEWAL        | PARTIALLY_FILLED 10000 2000 8000 day_order_qty=8000 day_cum_qty=0
        replace_request req_id=Y new_qty=15000 day=2 | PENDING_REPLACE 10000 2000 8000
        replaced req_id=Y new_qty=15000 day=2   | PARTIALLY_FILLED 15000 2000 13000 day_order_qty=13000 day_cum_qty=0
        fill 13000 @ 50 day=2                   | FILLED 15000 15000 0 day_order_qty=13000 day_cum_qty=13000
    """),
    ("H.1/not-renewed", "a GTC order that was never restated fills the next day", """
        place tif=GTC
        ack
        done_for_day day=1                      | DONE_FOR_DAY 10000 0 10000 open=true
        fill 1000 @ 50 day=2                    | PARTIALLY_FILLED 10000 1000 9000
        done_for_day day=2                      | DONE_FOR_DAY 10000 1000 9000
        fill 9000 @ 50 day=3                    | FILLED 10000 10000 0
    """),
    ("H.1/same-day", "a fill of the day that has ended is booked and leaves DONE_FOR_DAY standing", """
        place tif=GTC
        ack
        done_for_day day=1
        fill 1000 @ 50 day=1                    | DONE_FOR_DAY 10000 1000 9000
    """),
    ("H.1/unfilled-renewal", "the renewal of an unfilled order accepts it again; GTD as GTC", """
        place tif=GTD
        ack
        done_for_day day=1                      | DONE_FOR_DAY 10000 0 10000
        restated day=2                          | NEW 10000 0 10000 day_order_qty=10000 day_cum_qty=0
        expire day=2                            | EXPIRED 10000 0 0 open=false
    """),
    ("H.1/day-order-late", "a late fill of a day order that is done for the day is booked, nothing is left", """
        place
        ack
        fill 2000 @ 50 day=1
        done_for_day day=1                      | DONE_FOR_DAY 10000 2000 0
        fill 1000 @ 50 day=1                    | DONE_FOR_DAY 10000 3000 0
    """),
    ("H.1/filled-done", "a filled order may be done for the day too", """
        place
        ack
        fill 10000 @ 50                         | FILLED 10000 10000 0
        done_for_day                            | DONE_FOR_DAY 10000 10000 0 open=false
    """),
    ("I.1.a", "fill or kill that cannot be filled ends CANCELED", """  # as printed
        place tif=FOK
        ack                                     | NEW 10000 0 10000
        cancelled reason=FOK_KILLED             | CANCELED 10000 0 0
    """),
    ("I.1.b", "immediate or cancel: part-filled, the rest ends CANCELED", """
        place tif=IOC
        ack
        fill 1000 @ 50                          | PARTIALLY_FILLED 10000 1000 9000
        cancelled                               | CANCELED 10000 1000 0
    """),
    ("I.1/no-ack", "immediate or cancel: fills and the end come without an acknowledgement", """
        place tif=IOC
        fill 1000 @ 50                          | PARTIALLY_FILLED 10000 1000 9000
        cancelled                               | CANCELED 10000 1000 0
        ack                                     | CANCELED 10000 1000 0
    """),
    ("J.1.a", "busts and corrections of a filled order, then a raise, then a correction that raises the quantity", """  # as printed
        place price=200                         | PENDING_NEW 10000 0 10000
        ack                                     | NEW 10000 0 10000
        fill 1000 @ 100 fill_id=C               | PARTIALLY_FILLED 10000 1000 9000 avg_px=100
        fill 9000 @ 110 fill_id=D               | FILLED 10000 10000 0 avg_px=109
        bust fill_id=C                          | PARTIALLY_FILLED 10000 9000 1000 avg_px=110
        correct fill_id=D qty=9000 price=100 exec_id=F    | PARTIALLY_FILLED 10000 9000 1000 avg_px=100
        fill 1000 @ 120 fill_id=G               | FILLED 10000 10000 0 avg_px=102
        correct fill_id=F qty=9000 price=120 exec_id=H    | FILLED 10000 10000 0 avg_px=120
        replace_request req_id=Y new_qty=12000  | PENDING_REPLACE 10000 10000 0
        replaced req_id=Y new_qty=12000         | PARTIALLY_FILLED 12000 10000 2000 avg_px=120
        correct fill_id=H qty=9500 price=120 exec_id=K    | PARTIALLY_FILLED 12000 10500 1500 avg_px=120
    """),
    ("J.1.b", "busts and corrections of a canceled order: it stays canceled, nothing is left", """
        place
        ack
        fill 5000 @ 50 fill_id=A                | PARTIALLY_FILLED 10000 5000 5000
        fill 1000 @ 52 fill_id=B                | PARTIALLY_FILLED 10000 6000 4000
        cancelled                               | CANCELED 10000 6000 0 open=false
        bust fill_id=A                          | CANCELED 10000 1000 0 avg_px=52
        correct fill_id=B qty=4000 price=51 exec_id=C     | CANCELED 10000 4000 0 avg_px=51
        bust fill_id=C                          | CANCELED 10000 0 0 avg_px_is_null=true open=false
        bust fill_id=C                          | CANCELED 10000 0 0
    """),
    ("J.1.c", "GTC order: corrections of yesterday's and of today's fill move different day totals", """  # as printed
        place tif=GTC
        ack                                     | NEW 10000 0 10000
        fill 2000 @ 50.00 fill_id=B day=1       | PARTIALLY_FILLED 10000 2000 8000
        done_for_day day=1                      | DONE_FOR_DAY 10000 2000 8000
        restated day=2 reason=GT_RENEWAL        | PARTIALLY_FILLED 10000 2000 8000 day_order_qty=8000 day_cum_qty=0
        fill 1000 @ 50.50 fill_id=E day=2       | PARTIALLY_FILLED 10000 3000 7000 day_order_qty=8000 day_cum_qty=1000
        correct fill_id=B qty=1500 price=50.00 exec_id=F day=2    | PARTIALLY_FILLED 10000 2500 7500 day_order_qty=8500 day_cum_qty=1000
        correct fill_id=E qty=500 price=50.50 exec_id=G day=2     | PARTIALLY_FILLED 10000 2000 8000 day_order_qty=8500 day_cum_qty=500
    """),
    ("J.1/done", "a bust of an order that is done for the day leaves it done", """
        place
        ack
        fill 3000 @ 50 fill_id=A
        done_for_day                            | DONE_FOR_DAY 10000 3000 0
        bust fill_id=A                          | DONE_FOR_DAY 10000 0 0
    """),
    ("J.1/not-reinstated", "a fill or kill is not worked again after a bust", """
        place tif=FOK
        fill 10000 @ 50 fill_id=A               | FILLED 10000 10000 0
        bust fill_id=A                          | CANCELED 10000 0 0
    """),
    ("J.1/bust-of-a-bust", "a bust has no bust", """
        place
        ack
        fill 3000 @ 50 fill_id=A
        bust fill_id=A exec_id=E                | NEW 10000 0 10000
        bust fill_id=E                          ! cannot_bust_a_bust
    """),
    ("K.1.a", "reinstate on halt: the halt sends no report", """  # as printed
        place
        ack
        halt                                    | NEW 10000 0 10000
        halt_lifted                             | NEW 10000 0 10000
        fill 10000 @ 50                         | FILLED 10000 10000 0
    """),
    ("K.1.b", "cancel on halt: the venue cancels unasked", """
        place
        ack
        fill 1000 @ 50
        halt
        cancelled reason=TRADING_HALT           | CANCELED 10000 1000 0
    """),
    ("L.1.a", "a guarantee is no trade, and stands while the order fills", """  # as printed
        place
        ack
        stopped qty=1000 price=50.10            | STOPPED 10000 0 10000
        fill 1000 @ 50                          | STOPPED 10000 1000 9000
        fill 9000 @ 50                          | FILLED 10000 10000 0
    """),
    ("L.1.b", "order by value: the acknowledgement brings the quantity", """
        place qty=- cash_qty=10000 cash_ccy=USD | PENDING_NEW - 0
        ack unit_qty=200                        | NEW 200 0 200
        fill 100 @ 50                           | PARTIALLY_FILLED 200 100 100
        fill 100 @ 50                           | FILLED 200 200 0
    """),
    ("L.1.b/fills-first", "order by value: fills before the quantity is known complete nothing", """
        place qty=- cash_qty=10000 cash_ccy=USD
        fill 150 @ 50                           | PARTIALLY_FILLED - 150
        ack unit_qty=200                        | PARTIALLY_FILLED 200 150 50
        fill 50 @ 50                            | FILLED 200 200 0
    """),
    ("X/late-ack", "an acknowledgement after the fills brings its id and moves nothing back", """
        place
        fill 4000 @ 50                          | PARTIALLY_FILLED 10000 4000 6000
        ack venue_order_id=V1                   | PARTIALLY_FILLED 10000 4000 6000 venue_order_id=V1
        fill 6000 @ 50                          | FILLED 10000 10000 0
        ack venue_order_id=V1                   | FILLED 10000 10000 0 venue_order_id=V1
    """),
    ("X/late-fill", "a fill after the cancellation is booked, the order stays canceled", """
        place
        ack
        cancelled                               | CANCELED 10000 0 0
        fill 4000 @ 50                          | CANCELED 10000 4000 0
        fill 6000 @ 50                          | CANCELED 10000 10000 0
    """),
    ("X/late-fill-expired", "a fill after the expiry, and after the rejection, likewise", """
        place
        ack
        expire                                  | EXPIRED 10000 0 0
        fill 10000 @ 50                         | EXPIRED 10000 10000 0
        place order=O2
        reject order=O2                         | REJECTED 10000 0 0
        fill 1000 @ 50 order=O2                 | REJECTED 10000 1000 0
    """),
    ("X/in-doubt", "only the venue's facts end a doubt", """
        place
        in_doubt                                | IN_DOUBT 10000 0 10000 open=true
        cancel_request req_id=Y                 | IN_DOUBT 10000 0 10000
        fill 4000 @ 50                          | PENDING_CANCEL 10000 4000 6000
        in_doubt                                | PENDING_CANCEL 10000 4000 6000
        cancelled req_id=Y                      | CANCELED 10000 4000 0
    """),
    ("X/in-doubt-ack", "a doubt ends by acknowledgement, rejection or a replacement", """
        place
        in_doubt                                | IN_DOUBT 10000 0 10000
        ack                                     | NEW 10000 0 10000
        place order=O2
        in_doubt order=O2
        reject order=O2                         | REJECTED 10000 0 0
        place order=O3
        in_doubt order=O3
        replaced new_qty=9000 order=O3          | NEW 9000 0 9000
    """),
    ("X/overfill", "a fill beyond the quantity is refused and changes nothing", """
        place
        ack
        fill 9000 @ 50                          | PARTIALLY_FILLED 10000 9000 1000
        fill 1001 @ 50                          ! overfill
        fill 1000 @ 50                          | FILLED 10000 10000 0
        fill 1 @ 50                             ! overfill
    """),
    ("X/overfill-booked", "a ledger that books overfills shows the excess", """
        place
        ack
        fill 9000 @ 50                          | PARTIALLY_FILLED 10000 9000 1000 overfill_qty=0
        fill 1001 @ 50                          | FILLED 10000 10001 0 overfill_qty=1
    """),
    ("X/ended", "an order ends once: another end is refused, a repeat of the same changes nothing", """
        place
        ack
        cancelled                               | CANCELED 10000 0 0
        cancelled                               | CANCELED 10000 0 0
        expire                                  ! illegal_transition
        reject                                  ! illegal_transition
        suspended                               ! illegal_transition
        stopped                                 ! illegal_transition
        replaced new_qty=9000                   ! illegal_transition
        cancel_request req_id=Y                 ! illegal_transition
        replace_request req_id=Y new_qty=9000   ! illegal_transition
    """),
    ("X/filled", "a filled order cannot be canceled, expired, rejected or suspended", """
        place
        ack
        fill 10000 @ 50
        cancelled                               ! illegal_transition
        expire                                  ! illegal_transition
        reject                                  ! illegal_transition
        suspended                               ! illegal_transition
        triggered                               | FILLED 10000 10000 0
    """),
)
# fmt: on

CASES = [parse_case(f"FIX-{matrix}", title, script) for matrix, title, script in MATRICES]


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_order_state_change_matrix(case: Case, open_ledger_on: Callable[..., StrategyLedger]) -> None:
    """The order goes through the matrix as the standard prints it, and is the same after a restart."""
    ledger = open_ledger_on(**options_for(case))
    CaseRun(case, ledger).run()
    orders = list(ledger.find_orders(limit=None))
    ledger.close()
    assert list(open_ledger_on(**options_for(case)).find_orders(limit=None)) == orders


def test_matrices_are_named_once() -> None:
    """No matrix hides another under the same name."""
    assert len({case["id"] for case in CASES}) == len(CASES)
