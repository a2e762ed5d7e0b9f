"""The command line: `strategy-ledger`, for a first look at the library and for a person at 3 a.m.

    main        the group of commands and what its exit codes mean
    demo/       the demonstration: a recorded stream through a simulated venue into a ledger file
    orders, trades, positions, exposure, journal    one reading command each
    reading     what the reading commands share         failures   errors -> one line and an exit code
    tables, words, documents                            records as tables, as words, as JSON

Nothing here is needed by the ledger itself. What takes long to import is imported by the command that needs it.
"""
