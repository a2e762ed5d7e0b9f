"""Which tests a mutant is given: those nearest to it, so that most mutants die within a second.

A function of the core is called by thousands of tests, nearly all of which are about something else. A test is the
nearer, the fewer functions it calls in all, and the less time it takes; nearest are those in a file that is named
after the module, then, of an adapter, its own tests and the contract. What survives them is given more of them. Before
all others come the tests that have killed other mutants of the same function.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Set

import attrs

_OVERHEAD = 0.02  # seconds that pytest itself takes for a test
_KILLERS_MAX = 8
_OF_A_FILE = 4
_ABOUT_IT = 0.05  # what the file's name makes of a distance
_ABOUT_ITS_PACKAGE = 0.25
_FILES_ABOUT = {
    "ledger_core.archivable": ("archiving", "archive_commands"),
    "ledger_core.checkpoints": ("cutting", "archiving"),
    "ledger_core.comparing": ("verify", "damaged_store"),
    "ledger_core.explaining": ("explain",),
    "ledger_core.grouping": ("groups", "busy_writers", "batch", "concurrency"),
    "ledger_core.past": ("as_of", "looking_back"),
    "ledger_core.reconciling": ("reconcil",),
    "ledger_core.replaying": ("verify", "as_of", "cutting", "archiving"),
    "ledger_core.verifying": ("verify", "damaged_store"),
    "ledger_core.writing": ("writing", "batch", "busy_writers", "concurrency"),
    "ledger_storage_memory.repository": ("memory", "contract"),
    "ledger_storage_sqlite._columns": ("records", "encoding", "decoding"),
    "ledger_storage_sqlite._connections": ("connections", "reading", "torn_header"),
    "ledger_storage_sqlite._location": ("location", "lost_files", "rare"),
    "ledger_storage_sqlite._recovery": ("recovery", "wal"),
    "ledger_storage_sqlite._schema_check": ("schema_check", "migrations", "traps"),
    "ledger_storage_sqlite._stored": ("stored", "tampering"),
    "ledger_storage_sqlite._writer": ("writer", "appending", "recovery", "marks", "wal"),
    "ledger_storage_sqlite.repository": ("repository", "appending", "opening", "updates", "contract"),
    "ledger_storage_sqlite.schema": ("migrations", "opening"),
    "ledger_storage_sqlite.statements": ("plans", "contract"),
}
"""What the names of files hold that are about a module, where it is not the module's own name."""

_OF_PACKAGES = {
    "ledger_storage_memory": ("tests/test_memory.py", "tests/test_contract.py"),
    "ledger_storage_sqlite": ("tests/sqlite/", "tests/test_contract.py"),
}


@attrs.frozen
class Known:
    """What a run of all tests without a mutant has shown: how long each takes, and which functions it calls."""

    seconds: Mapping[str, float]
    by_function: Mapping[str, Set[str]]
    texts: Mapping[str, str] = attrs.field(factory=dict, repr=False)  # digests of what the tests say
    _breadth: Counter[str] = attrs.field(init=False, eq=False, repr=False)
    _killers: dict[str, Counter[str]] = attrs.field(factory=dict, init=False, eq=False, repr=False)
    _ordered: dict[str, list[str]] = attrs.field(factory=dict, init=False, eq=False, repr=False)

    @_breadth.default
    def _count(self) -> Counter[str]:
        return Counter(test for called in self.by_function.values() for test in called)

    def nearest(self, function: str, budget: float) -> list[str]:
        """Return the nearest tests of a function for `budget` seconds."""
        chosen = []
        total = 0.0
        for test in self._by_distance(function):
            if total >= budget:
                break
            chosen.append(test)
            total += self.cost([test])
        killers = [test for test, _ in self._killers.get(function, Counter()).most_common(_KILLERS_MAX)]
        return [*killers, *(test for test in chosen if test not in killers)] if chosen else chosen

    def note_killer(self, function: str, test: str) -> None:
        """Note that a test has killed a mutant of a function."""
        self._killers.setdefault(function, Counter())[test] += 1

    def of_module(self, function: str, budget: float) -> list[str]:
        """Return tests of other functions of a function's module, for what is called by imports alone."""
        module = function.rpartition(".")[0] + "."
        others = [other for other in sorted(self.by_function) if other.startswith(module)]
        tests = (test for other in others for test in self.nearest(other, budget / len(others)))
        return list(dict.fromkeys(tests))

    def _by_distance(self, function: str) -> list[str]:
        if function not in self._ordered:
            self._ordered[function] = self._measured(function)
        return self._ordered[function]

    def _measured(self, function: str) -> list[str]:
        distances = {}
        for test in self.by_function.get(function, ()):
            distances[test] = self._breadth[test] * self.cost([test]) * _closeness(function, test)
        seen: Counter[str] = Counter()
        for test in sorted(distances, key=lambda test: (distances[test], test)):
            name, (file, _, _) = test.partition("[")[0], test.partition("::")
            seen.update((name, file))
            distances[test] *= seen[name]  # another case of the same test is further than the first of another
            distances[test] *= 1 + seen[file] / _OF_A_FILE  # and so is another test of the same file
        return sorted(distances, key=lambda test: (distances[test], test))

    def digest(self, function: str) -> str:
        """Return a digest of a function's tests: another one means that there are new ones, or one says more."""
        tests = sorted(f"{test} {self.texts.get(test, '')}" for test in self.by_function.get(function, ()))
        return hashlib.sha256("\n".join(tests).encode()).hexdigest()[:12]

    def cost(self, tests: Iterable[str]) -> float:
        """Return how many seconds tests take together."""
        return sum(self.seconds.get(test, 0.0) + _OVERHEAD for test in tests)


def _closeness(function: str, test: str) -> float:
    """Return what the place of a test makes of its distance."""
    module = function.rpartition(".")[0]
    own = module.rpartition(".")[2].strip("_").rstrip("s")
    words = next((files for name, files in _FILES_ABOUT.items() if f"{module}.".startswith(f"{name}.")), (own,))
    file = test.partition("::")[0].rpartition("/")[2]
    if any(word in file for word in words):
        return _ABOUT_IT
    package = module.partition(".")[0]
    return _ABOUT_ITS_PACKAGE if test.startswith(_OF_PACKAGES.get(package, ())) else 1
