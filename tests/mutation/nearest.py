"""Which tests a mutant is given: those nearest to it, so that most mutants die within a second.

A function of the core is called by thousands of tests, nearly all of which are about something else. A test is the
nearer, the fewer functions it calls in all, and the less time it takes; nearest are those in a file that is named
after the module. What survives them is given the next ones.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Set

import attrs

_OVERHEAD = 0.02  # seconds that pytest itself takes for a test
_ABOUT_IT = 0.05  # what the file's name makes of a distance


@attrs.frozen
class Known:
    """What a run of all tests without a mutant has shown: how long each takes, and which functions it calls."""

    seconds: Mapping[str, float]
    by_function: Mapping[str, Set[str]]
    _breadth: Counter[str] = attrs.field(init=False, eq=False, repr=False)

    @_breadth.default
    def _count(self) -> Counter[str]:
        return Counter(test for called in self.by_function.values() for test in called)

    def nearest(self, function: str, budget: float, tried: float = 0.0) -> list[str]:
        """Return the nearest tests of a function for `budget` seconds, without those of the first `tried` seconds."""
        chosen = []
        total = 0.0
        for test in self._by_distance(function):
            if total >= budget:
                break
            if total >= tried:
                chosen.append(test)
            total += self.cost([test])
        return chosen

    def _by_distance(self, function: str) -> list[str]:
        subject = function.split(".")[-2].strip("_").rstrip("s")
        distances = {}
        for test in self.by_function.get(function, ()):
            is_about_it = subject in test.partition("::")[0].rpartition("/")[2]
            distances[test] = self._breadth[test] * self.cost([test]) * (_ABOUT_IT if is_about_it else 1)
        cases: Counter[str] = Counter()
        for test in sorted(distances, key=lambda test: (distances[test], test)):
            name = test.partition("[")[0]
            cases[name] += 1
            distances[test] *= cases[name]  # another case of the same test is further than the first of another
        return sorted(distances, key=lambda test: (distances[test], test))

    def digest(self, function: str) -> str:
        """Return a digest of the names of a function's tests: another one means that there are new tests."""
        return hashlib.sha256("\n".join(sorted(self.by_function.get(function, ()))).encode()).hexdigest()[:12]

    def cost(self, tests: Iterable[str]) -> float:
        """Return how many seconds tests take together."""
        return sum(self.seconds.get(test, 0.0) + _OVERHEAD for test in tests)
