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


@pytest.fixture(params=SKIPS)
def skipping(request: pytest.FixtureRequest, pytester: pytest.Pytester) -> pytest.Pytester:
    shutil.copy(Path(__file__).parent / "conftest.py", pytester.path)
    pytester.makepyfile(test_skipping=SKIPS[request.param])
    return pytester


def test_a_skip_fails_where_ci_is_set(skipping: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("TALLYSTICK_DATA", "/no server")
    result = skipping.runpytest_subprocess()
    assert result.ret != 0
    result.stdout.fnmatch_lines(["*may not be skipped where CI is set:*no server*"])


def test_a_skip_stays_a_skip_elsewhere(skipping: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "")
    monkeypatch.setenv("TALLYSTICK_DATA", "/no server")
    result = skipping.runpytest_subprocess()
    result.assert_outcomes(skipped=1)


def test_an_expected_failure_is_none_where_ci_is_set(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    shutil.copy(Path(__file__).parent / "conftest.py", pytester.path)
    pytester.makepyfile("import pytest\n@pytest.mark.xfail\ndef test_it():\n    assert False\n")
    pytester.runpytest_subprocess().assert_outcomes(xfailed=1)
