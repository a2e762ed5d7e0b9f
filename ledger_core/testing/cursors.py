"""Laws of subscribers' cursors: one owner, forward only, stored with what they belong to."""

import pytest

from ledger_core.changes import FORGOTTEN, GENESIS_DIGEST, Cursor, Head
from ledger_core.errors import Conflict, SubscriberInUse
from ledger_core.testing._setting import Opener, Setting
from ledger_core.testing.samples import TEXTS, entries, entry, order

EMPTY = Head(0, GENESIS_DIGEST)


class CursorLaws(Setting):
    """What `claim` and the cursors of `append` promise."""

    def test_a_new_cursor_stands_at_zero(self, open_repository: Opener) -> None:
        """Claiming a subscriber that the store does not know yields its cursor at 0, wherever the head is."""
        repository = open_repository()
        assert repository.claim("new") == Cursor("new", 0)
        repository.append(entries(EMPTY, [order("O-1")], [order("O-2")]))
        assert repository.claim("newer") == Cursor("newer", 0)

    def test_cursors_are_stored_with_entries(self, open_repository: Opener) -> None:
        """Cursors given with entries stand where they were put."""
        repository = open_repository()
        repository.claim("monitor")
        repository.append(entries(EMPTY, [order("O-1")], [order("O-2")]), [Cursor("monitor", 1)])
        assert repository.claim("monitor") == Cursor("monitor", 1)
        assert repository.head().sequence == 2

    def test_cursors_are_stored_without_entries(self, open_repository: Opener) -> None:
        """Cursors given without entries stand where they were put, and the head stays where it is."""
        repository = open_repository()
        repository.append(entries(EMPTY, [order("O-1")], [order("O-2")]))
        repository.claim("monitor")
        repository.append([], [Cursor("monitor", 2)])
        assert repository.claim("monitor") == Cursor("monitor", 2)
        assert repository.head().sequence == 2

    def test_a_cursor_may_be_stored_that_nobody_has_claimed(self, open_repository: Opener) -> None:
        """A cursor of a subscriber that the store does not know stands where it was put, at 0 too."""
        repository = open_repository()
        repository.append(entries(EMPTY, [], []), [Cursor("monitor", 0), Cursor("archive", 2)])
        assert repository.claim("monitor").sequence == 0
        assert repository.claim("archive").sequence == 2

    def test_a_cursor_never_moves_back(self, open_repository: Opener) -> None:
        """A cursor given below where it stands stays there, within one append too."""
        repository = open_repository()
        repository.append(entries(EMPTY, *([] for _ in range(5))))
        repository.claim("monitor")
        for given, expected in (((3,), 3), ((2,), 3), ((0,), 3), ((4, 2), 4), ((5,), 5), ((1,), 5)):
            repository.append([], [Cursor("monitor", sequence) for sequence in given])
            assert repository.claim("monitor").sequence == expected

    def test_a_cursor_can_be_forgotten(self, open_repository: Opener) -> None:
        """One given at FORGOTTEN is gone, with its entries or without; who claims it then begins at 0, and moves it.

        Others stay where they are, and one that nobody knows can be forgotten too.
        """
        repository = open_repository()
        repository.append(entries(EMPTY, [], []), [Cursor("old", 2), Cursor("monitor", 2)])
        repository.append([], [Cursor("old", FORGOTTEN), Cursor("never", FORGOTTEN)])
        assert [repository.claim(name).sequence for name in ("old", "monitor", "never")] == [0, 2, 0]
        repository.append(entries(repository.head(), []), [Cursor("old", 1), Cursor("monitor", FORGOTTEN)])
        assert [repository.claim(name).sequence for name in ("old", "monitor")] == [1, 0]
        repository.append([], [Cursor("old", FORGOTTEN), Cursor("old", 3)])
        assert repository.claim("old").sequence == 3

    def test_cursors_survive_reopening(self, open_repository: Opener) -> None:
        """A cursor stands where it stood after the store was closed and opened again."""
        repository = open_repository()
        repository.claim("monitor")
        repository.append([entry(EMPTY, order())], [Cursor("monitor", 1)])
        repository.close()
        assert open_repository().claim("monitor") == Cursor("monitor", 1)

    def test_subscribers_do_not_share_a_cursor(self, open_repository: Opener) -> None:
        """Each subscriber has a cursor of its own, by its name to the letter."""
        repository = open_repository()
        names = (*TEXTS, "A", "a b")
        repository.append(entries(EMPTY, *([] for _ in range(len(names)))))
        for name in names:
            repository.claim(name)
        repository.append([], [Cursor(name, place) for place, name in enumerate(names, 1)])
        assert [repository.claim(name).sequence for name in names] == list(range(1, len(names) + 1))

    def test_a_cursor_has_one_owner(self, open_repository: Opener) -> None:
        """A second repository's claim of an owned cursor raises SubscriberInUse, with its name; others are free."""
        first, second = open_repository(), open_repository()
        first.claim("monitor")
        with pytest.raises(SubscriberInUse) as refusal:
            second.claim("monitor")
        assert refusal.value.subscriber == "monitor"
        assert second.claim("journal-writer") == Cursor("journal-writer", 0)
        with pytest.raises(SubscriberInUse):
            first.claim("journal-writer")

    def test_a_refused_claim_changes_nothing(self, open_repository: Opener) -> None:
        """After a refused claim the owner stays it, and closing the one that was refused frees nothing."""
        first, second, third = open_repository(), open_repository(), open_repository()
        first.claim("monitor")
        with pytest.raises(SubscriberInUse):
            second.claim("monitor")
        second.close()
        with pytest.raises(SubscriberInUse):
            third.claim("monitor")
        first.append([entry(EMPTY)], [Cursor("monitor", 1)])
        assert first.claim("monitor").sequence == 1

    def test_the_owner_may_claim_again(self, open_repository: Opener) -> None:
        """Claiming what one owns already returns the cursor where it stands now."""
        repository = open_repository()
        assert repository.claim("monitor").sequence == 0
        repository.append(entries(EMPTY, [], []), [Cursor("monitor", 2)])
        assert repository.claim("monitor").sequence == 2

    def test_close_gives_up_the_claims(self, open_repository: Opener) -> None:
        """After the owner's close another may claim the cursor, and finds it where it was left."""
        first, second = open_repository(), open_repository()
        first.claim("monitor")
        first.claim("other")
        first.append([entry(EMPTY)], [Cursor("monitor", 1)])
        first.close()
        assert second.claim("monitor") == Cursor("monitor", 1)
        assert second.claim("other") == Cursor("other", 0)

    def test_a_conflict_moves_no_cursor(self, open_repository: Opener) -> None:
        """Cursors given with entries that are refused stay where they are."""
        repository = open_repository()
        repository.claim("monitor")
        repository.append([entry(EMPTY, order("O-1"))])
        with pytest.raises(Conflict):
            repository.append([entry(EMPTY, order("O-2"))], [Cursor("monitor", 1)])
        assert repository.claim("monitor").sequence == 0
