"""The demonstration: a recorded stream of orders, played by a simulated venue, written by an ExecutionHandler.

stream      what the backtest engine recorded, day by day         venue       plays the recorded orders' lives
handler     the platform side: intent before venue, replies, trades    session   runs one against the other
agreement   compares the ledger's figures with the stream's own   command     `strategy-ledger demo`
"""
