"""Configuration: argument before environment before file before default; nothing secret is ever shown."""

from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.ledgers import Call, fill_file, of_csv, parsed
from ledger_cli.failures import Misused
from ledger_cli.masking import HIDDEN, mask, mask_url
from ledger_cli.settings import KNOWN, Settings


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what this machine is configured to."""
    for known in KNOWN.values():
        monkeypatch.delenv(known.environment, raising=False)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project's folder with a ledger in it; commands run two folders below."""
    fill_file(tmp_path / "ledger.db")
    below = tmp_path / "src" / "deep"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    return tmp_path


def test_without_a_path_the_configured_ledger_is_read(
    call: Call, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The nearest file upwards names it, from its own folder; the environment goes before it, an argument before all."""
    nothing = call("positions")
    assert nothing.exit_code == 2
    assert "STRATEGY_LEDGER_URL" in nothing.stderr
    (project / "strategy-ledger.toml").write_text('url = "ledger.db"\n')
    assert len(parsed(call("positions", "--json").stdout)) == 2
    assert "A1" in call("show", "A1").stdout
    monkeypatch.setenv("STRATEGY_LEDGER_URL", "nothing.db")
    assert call("positions").exit_code == 3
    assert call("positions", project / "ledger.db").exit_code == 0


@pytest.mark.parametrize(
    "url", ["ledger.db", "./ledger.db", "sqlite:///ledger.db", "sqlite:///ledger.db?busy_timeout=1"]
)
def test_paths_of_a_file_count_from_its_folder(call: Call, project: Path, url: str) -> None:
    """Wherever below a command is called, the same ledger is meant; in pyproject.toml, too."""
    (project / "pyproject.toml").write_text(f'[tool.strategy-ledger]\nurl = "{url}"\n')
    assert call("positions").exit_code == 0


def test_the_nearest_file_decides_and_its_own_goes_before_the_projects(call: Call, project: Path) -> None:
    """A pyproject.toml that says nothing of the ledger is passed by."""
    (project / "pyproject.toml").write_text('[tool.strategy-ledger]\nurl = "nothing.db"\n')
    assert call("positions").exit_code == 3
    (project / "strategy-ledger.toml").write_text('url = "ledger.db"\n')
    assert call("positions").exit_code == 0
    (project / "src" / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert call("positions").exit_code == 0
    (project / "src" / "strategy-ledger.toml").write_text("")
    assert call("positions").exit_code == 2


def test_every_setting_is_shown_with_its_origin(call: Call, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever wonders why is told where each value comes from."""
    file = project / "strategy-ledger.toml"
    file.write_text('tz = "Europe/Berlin"\nurl = "ledger.db"\n[retention]\nkeep = "90d"\n')
    monkeypatch.setenv("STRATEGY_LEDGER_STRATEGY", "alpha")
    shown = {
        row["setting"]: (row["value"], row["origin"]) for row in of_csv(call("config", "show", "-o", "csv").stdout)
    }
    assert shown["tz"] == ("Europe/Berlin", str(file))
    assert shown["url"] == (str(project / "ledger.db"), str(file))
    assert shown["strategy"] == ("alpha", "environment STRATEGY_LEDGER_STRATEGY")
    assert shown["chain_key_file"] == ("", "not set")
    assert shown["retention.keep"] == ("90d", str(file))
    assert "+01:00" in call("orders").stdout
    monkeypatch.setenv("STRATEGY_LEDGER_TZ", "Asia/Tokyo")
    assert "+09:00" in call("orders").stdout
    assert "-05:00" in call("orders", "--tz", "America/New_York").stdout
    assert "+01:00" not in call("orders", "--tz", "UTC").stdout
    assert Settings().section("retention") == {"keep": "90d"}


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("url = ", "cannot be read"),
        ("url = 7", "must be a text"),
        ('url = ""', "must be a text"),
        ('ulr = "x.db"', "did you mean 'url'"),
        ('zzz = "x"', "known are url"),
        ('chain_key = "geheim-geheim-geheim"', "chain_key_file"),
        ('retention = "x"', "must be a table"),
        ("\udcff", "cannot be read"),
    ],
)
def test_a_file_that_is_wrong_keeps_nobody_from_a_ledger_that_was_named(
    call: Call, project: Path, content: str, part: str
) -> None:
    """Where something of it is needed, that is an error of one line; where the ledger is named, a remark."""
    (project / "strategy-ledger.toml").write_text(content, "utf-8", errors="surrogateescape")
    asked = call("positions")
    assert (asked.exit_code, asked.stdout) == (2, "")
    assert part in asked.stderr
    assert "geheim" not in asked.stderr
    named = call("positions", project / "ledger.db")
    assert named.exit_code == 0
    assert "times are UTC" in named.stderr


def test_a_key_of_the_environment_is_never_shown(call: Call, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said to be there."""
    monkeypatch.setenv("STRATEGY_LEDGER_CHAIN_KEY", "0123456789abcdef")
    output = call("config", "show").stdout
    assert "0123456789abcdef" not in output
    assert HIDDEN in output


# --- masking

SECRETS = st.text(
    st.characters(codec="ascii", categories=("L", "N"), include_characters="-_.!~"), min_size=8, max_size=20
)


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_password_of_a_url_is_in_no_error(call: Call, form: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong with a URL, its password is not what is printed."""
    url = "postgresql://me:p%40ss-w0rd@host/db?sslpassword=other-secret&application_name=x"
    for arguments in (("orders", url), ("status", url, "other.db"), ("query", url, "SELECT 1"), ("backup", url, "x")):
        result = call(*arguments, *(() if arguments[0] == "backup" and form == () else form))
        assert result.exit_code in (2, 3)
        for secret in ("p%40ss-w0rd", "p@ss-w0rd", "other-secret"):
            assert secret not in result.stdout + result.stderr
        assert "application_name" in result.stderr or arguments[0] in ("orders", "status")
    monkeypatch.setenv("STRATEGY_LEDGER_URL", url)
    assert "ss-w0rd" not in call("config", "show", *form).stdout


@given(password=SECRETS, other=SECRETS)
def test_no_part_of_a_url_that_is_secret_is_shown(password: str, other: str) -> None:
    """User and host stay, so that a person sees which place is meant."""
    shown = mask_url(f"postgresql://someone:{password}@example.org:5432/db?password={other}&sslmode=require")
    assert shown == f"postgresql://someone:{HIDDEN}@example.org:5432/db?password={HIDDEN}&sslmode=require"
    assert mask(shown) == shown
    assert (
        mask(f"could not connect: password='{password}' dbname=x") == f"could not connect: password={HIDDEN} dbname=x"
    )


def test_a_secret_of_a_url_is_masked_wherever_it_turns_up() -> None:
    """A driver may quote it in words of its own, in the form in which it was sent or in that in which it was meant."""
    with click.Context(click.Command("any")):
        mask_url("postgresql://me:p%40ss-w0rd@host/db")
        assert mask("authentication of me with p@ss-w0rd failed, tried p%40ss-w0rd") == (
            f"authentication of me with {HIDDEN} failed, tried {HIDDEN}"
        )
    assert "p@ss-w0rd" in mask("p@ss-w0rd")  # another run knows nothing of it


def test_what_is_not_secret_is_left_alone() -> None:
    """A path, and a URL without a password, are shown as they are."""
    for text in ("/var/lib/ledger.db", "sqlite:///x.db?durability=full", "no order 'token' in this ledger: key"):
        assert mask_url(text) == text


def test_an_unknown_setting_of_a_table_of_its_own_is_no_error(tmp_path: Path) -> None:
    """What a section may hold is for its reader to say."""
    (tmp_path / "strategy-ledger.toml").write_text("[retention]\nanything = 7\n")
    assert Settings({}, tmp_path).section("retention") == {"anything": 7}
    assert Settings({}, tmp_path).section("unknown") == {}
    (tmp_path / "strategy-ledger.toml").write_text("[unknown]\nanything = 7\n")
    with pytest.raises(Misused):
        Settings({}, tmp_path).find("url")
