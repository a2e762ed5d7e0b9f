"""What a ledger's history comes to: figures for people, computed from what the public API answers.

    pnl        realized PnL by day, week, month, symbol or strategy: exact, gross and net
    quality    how orders were executed: fill ratio, times, slippage, maker share, reasons of rejections
    page       all of it as one self-contained page of HTML

Pure functions on records, each with a function beside it that reads the records of a ledger. Nothing here is needed by
the core, and nothing here writes.
"""
