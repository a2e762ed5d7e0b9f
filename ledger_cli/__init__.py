"""The command line: `strategy-ledger`, for a first look at the library, for analysis, and for a person at 3 a.m.

    main            the commands, by section, and how each run ends            failures   errors, and the exit codes
    demo/           the demonstration: a recorded stream through a simulated venue into a ledger file

    status, orders, positions, exposure, show, flatten, watch        what is in doubt, open, held; what to do
    doctor, backup                                                   whether the file is sound; a copy of it
    trades, fills, journal, pnl, quality, explain, query             what happened, and what it comes to
    resolve, skip, forget, reconcile, verify, making, importing      what a person changes, asked and on record
    config, completion                                               settings, shells

    asking, settings, masking, completing           what is asked for, and where else to look
    reading, writing, sqlite_files, lookup, processes, wal           how ledgers are opened and looked into
    picture, health, plans                          what is known, judged and planned, without printing
    live, live_looks, live_parts, live_table, live_screens, live_style   the view of watch where Textual is there
    listing, tables, words, documents, terminal, progress            how an answer is printed

Nothing here is needed by the ledger itself. What takes long to import is imported by the command that needs it.
"""
