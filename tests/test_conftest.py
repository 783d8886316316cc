"""A skip is a skip, except where CI is set: there it is a failure that names its reason."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

SKIPS = {
    "call": "import pytest\ndef test_it():\n    pytest.skip('no server')\n",
    "mark": "import pytest\n@pytest.mark.skip(reason='no server')\ndef test_it():\n    pass\n",
    "fixture": "import pytest\n@pytest.fixture\ndef f():\n    pytest.skip('no server')\n"
    "def test_it(f):\n    pass\n",
    "module": "import pytest\npytest.skip('no server', allow_module_level=True)\n",
    "data": "def test_it(data_dir):\n    pass\n",
}
EXPECTED_FAILURE = "import pytest\n@pytest.mark.xfail\ndef test_it():\n    assert False\n"


def run_all(pytester: pytest.Pytester) -> pytest.RunResult:
    """One run of every kind of skip, each in a file of its own."""
    shutil.copy(Path(__file__).parent / "conftest.py", pytester.path)
    pytester.makepyfile(
        test_expected=EXPECTED_FAILURE, **{f"test_{name}": text for name, text in SKIPS.items()}
    )
    return pytester.runpytest_subprocess("--continue-on-collection-errors")


def test_a_skip_fails_where_ci_is_set(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("TALLYSTICK_DATA", "/no server")
    result = run_all(pytester)
    assert result.ret != 0
    # An expected failure is none.
    result.assert_outcomes(failed=1, errors=len(SKIPS) - 1, xfailed=1)
    for name in SKIPS:
        result.stdout.re_match_lines([rf".*test_{name}\.py.* may not be skipped where CI is set:.*no server"])


def test_a_skip_stays_a_skip_elsewhere(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "")
    monkeypatch.setenv("TALLYSTICK_DATA", "/no server")
    run_all(pytester).assert_outcomes(skipped=len(SKIPS), xfailed=1)
