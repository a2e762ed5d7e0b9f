"""Malicious schemas: what SQLite would run, or take for something else, because the file says so."""

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

from reliability.spoiling import (
    CANARY,
    FOUND,
    HARMLESS,
    READABLE,
    REFUSED,
    UNWRITABLE,
    Cases,
    edited_schema,
    register,
    sql,
    unguarded,
)

CASES: Cases = {}
case = partial(register, CASES)

# fmt: off
TRIGGERS = {
    "after an order": "AFTER INSERT ON orders BEGIN INSERT INTO canary VALUES ('order'); END",
    "after a change of an order": "AFTER UPDATE ON orders BEGIN INSERT INTO canary VALUES ('change'); END",
    "that falsifies positions": "AFTER INSERT ON fills BEGIN UPDATE positions SET quantity = '1000000'; END",
    "before an entry": "BEFORE INSERT ON journal BEGIN INSERT INTO canary VALUES (NEW.body); END",
    "that refuses entries": "BEFORE INSERT ON journal BEGIN SELECT RAISE(IGNORE); END",
    "on cursors": "AFTER UPDATE ON cursors BEGIN DELETE FROM venue_orders; END",
    "that never ends": "AFTER INSERT ON orders BEGIN INSERT INTO canary WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT MAX(x) FROM n; END",
    "that eats memory": "AFTER INSERT ON orders BEGIN INSERT INTO canary SELECT HEX(ZEROBLOB(300000000)); END",
}
VIEWS_FOR_TABLES = {
    "orders": "SELECT * FROM orders_",
    "fills": "SELECT * FROM fills_ WHERE FALSE",
    "journal": "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"
        " SELECT 'alpha' AS strategy_id, x AS sequence, '' AS recorded_at, NULL AS subject, '' AS body, '' AS digest FROM n",
    "positions": "SELECT * FROM positions_, (SELECT HEX(ZEROBLOB(300000000)))",
}
# fmt: on


@case(READABLE, *TRIGGERS)
def _trigger(path: Path, name: str) -> None:
    sql(path, CANARY, f"CREATE TRIGGER evil {TRIGGERS[name]}")


@case(REFUSED, *VIEWS_FOR_TABLES)
def _view_in_place_of(path: Path, table: str) -> None:
    view = f"CREATE VIEW {table} AS {VIEWS_FOR_TABLES[table]}"
    unguarded(path, f"ALTER TABLE {table} RENAME TO {table}_", view, for_ever=True)


@case(REFUSED)
def _view_of_ours_that_lies(path: Path) -> None:
    sql(path, "DROP VIEW v_positions", "CREATE VIEW v_positions AS SELECT 'flat' AS quantity")


@case(READABLE)
def _view_with_a_trigger(path: Path) -> None:
    sql(
        path,
        CANARY,
        "CREATE VIEW mine AS SELECT 1 AS a",
        "CREATE TRIGGER evil INSTEAD OF INSERT ON mine BEGIN SELECT 1; END",
    )


@case(REFUSED)
def _generated_column(path: Path) -> None:
    sql(path, "ALTER TABLE orders ADD COLUMN more AS (HEX(ZEROBLOB(100000000)))")


@case(REFUSED)
def _further_column(path: Path) -> None:
    sql(path, "ALTER TABLE orders ADD COLUMN more TEXT DEFAULT 'x'")


@case(REFUSED)
def _check_that_costs(path: Path) -> None:
    edited_schema(path, "orders", lambda text: text.replace(
        "PRIMARY KEY (", "CHECK (LENGTH(HEX(ZEROBLOB(100000000))) > 1), PRIMARY KEY (", 1))  # fmt: skip


@case(READABLE)
def _index_on_an_expression(path: Path) -> None:
    sql(path, "CREATE INDEX evil ON orders (LENGTH(HEX(ZEROBLOB(LENGTH(symbol) * 1000000))))")


@case(READABLE)
def _index_that_refuses_rows(path: Path) -> None:
    sql(path, "CREATE UNIQUE INDEX evil ON orders (strategy_id) WHERE order_id = 'new'")


@case(READABLE, "TRIGGER journal_next", "TRIGGER journal_no_update", "INDEX orders_by_parent")
def _dropped(path: Path, name: str) -> None:
    sql(path, f"DROP {name}")


@case(REFUSED, "VIEW v_fills", "TABLE venue_orders", "TABLE cursors", "INDEX orders_open")
def _dropped_and_needed(path: Path, name: str) -> None:
    sql(path, f"DROP {name}")


@case(READABLE)
def _virtual_table(path: Path) -> None:
    sql(path, "CREATE VIRTUAL TABLE evil USING fts5(a)")


@case(REFUSED)
def _virtual_table_in_place_of_orders(path: Path) -> None:
    table = "CREATE VIRTUAL TABLE orders USING fts5(strategy_id, sequence, order_id, version)"
    unguarded(path, "ALTER TABLE orders RENAME TO orders_", table, for_ever=True)


@case(READABLE)
def _foreign_key_that_cascades(path: Path) -> None:
    sql(
        path,
        "CREATE TABLE evil (a TEXT, b TEXT, FOREIGN KEY (a, b) REFERENCES orders (strategy_id, order_id) ON DELETE CASCADE)",
    )


@case(REFUSED, "TEXT", "INTEGER", "STRICT", "WITHOUT ROWID")
def _tables_without(path: Path, word: str) -> None:
    with_word = {
        "TEXT": "quantity TEXT",
        "INTEGER": "version INTEGER",
        "STRICT": ") STRICT, ",
        "WITHOUT ROWID": ", WITHOUT ROWID",
    }
    found = with_word[word]
    edited_schema(path, "orders", lambda text: text.replace(found, found.replace(word, "").replace(") , ", ") "), 1))


@case(REFUSED, "v_fills", "journal_by_subject", "orders")
def _schema_text_that_is_garbage(path: Path, name: str) -> None:
    edited_schema(path, name, lambda text: text[: len(text) // 2])


@case(REFUSED)
def _schema_text_of_megabytes(path: Path) -> None:
    edited_schema(path, "orders", lambda text: f"{text} /* {'x' * 3_000_000} */")


@case(REFUSED)
def _two_of_a_name(path: Path) -> None:
    sql(path, "INSERT INTO sqlite_schema SELECT * FROM sqlite_schema WHERE name = 'orders'")


@case(UNWRITABLE)
def _trigger_that_says_it_is_a_view(path: Path) -> None:
    evil = "CREATE TRIGGER evil AFTER INSERT ON orders BEGIN INSERT INTO canary VALUES (1); END"
    sql(path, CANARY, f"INSERT INTO sqlite_schema VALUES ('view', 'evil', 'evil', 0, '{evil}')")


@case(UNWRITABLE)
def _index_that_says_it_is_on_another_table(path: Path) -> None:
    sql(
        path,
        "CREATE INDEX evil ON orders (LENGTH(symbol))",
        "UPDATE sqlite_schema SET tbl_name = 'evil' WHERE name = 'evil'",
    )


@case(UNWRITABLE)
def _schema_that_is_a_blob(path: Path) -> None:
    sql(path, "CREATE TABLE mine (a)", "UPDATE sqlite_schema SET sql = CAST(sql AS BLOB) WHERE name = 'mine'")


@case(READABLE)
def _migrations_table_with_a_trigger(path: Path) -> None:
    sql(path, CANARY, "CREATE TRIGGER evil AFTER INSERT ON _sqlite_migrations BEGIN INSERT INTO canary VALUES (1); END")


@case(FOUND)
def _tables_that_change_places(path: Path) -> None:
    roots = "(SELECT rootpage FROM sqlite_schema WHERE name = '{}')"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        one, other = (connection.execute(f"SELECT {roots.format(name)}").fetchone()[0] for name in ("orders", "fills"))
    sql(
        path,
        f"UPDATE sqlite_schema SET rootpage = CASE name WHEN 'orders' THEN {other} ELSE {one} END WHERE name IN ('orders', 'fills')",
    )


@case(HARMLESS)
def _tables_and_views_of_others(path: Path) -> None:
    sql(path, "CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER)", 'CREATE TABLE "of mine" (a, b)',
        'CREATE INDEX "an index" ON "of mine" (a)', "CREATE VIEW [my fills] AS SELECT * FROM fills",
        "INSERT INTO _litestream_seq VALUES (1, 1)")  # fmt: skip


@case(HARMLESS)
def _view_of_others_that_never_ends(path: Path) -> None:
    sql(
        path,
        "CREATE VIEW mine AS WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT COUNT(*) FROM n",
    )


@case(HARMLESS)
def _statistics_that_lie(path: Path) -> None:
    sql(
        path,
        "ANALYZE",
        "UPDATE sqlite_stat1 SET stat = '1 1 1 1 1'",
        "INSERT INTO sqlite_stat1 VALUES ('orders', 'orders_open', 'x')",
    )


@case(HARMLESS)
def _hundreds_of_tables(path: Path) -> None:
    sql(path, "BEGIN", *(f"CREATE TABLE t{number} (a, b, c)" for number in range(500)), "COMMIT")


@case(HARMLESS)
def _name_without_end(path: Path) -> None:
    sql(path, f'CREATE TABLE "{"n" * 300_000}" (a)')
