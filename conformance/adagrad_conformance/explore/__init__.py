"""Random exploration with Hypothesis: scenarios drawn, played, judged, and shrunk.

For tests of your own port:

    from hypothesis import given
    from adagrad_conformance.explore import check, scenarios

    @given(scenarios(MyAdapter.claims))
    def test_my_port(scenario):
        assert check(MyAdapter, scenario).status == "pass"

`adagrad-conformance explore TARGET` does this, and drives a state machine beside.
Needs hypothesis: pip install 'adagrad-conformance[explore]'.
"""

from __future__ import annotations

from .numbers import NoScenario
from .search import Found, Search, explore
from .strategy import check, scenarios

__all__ = ["Found", "NoScenario", "Search", "check", "explore", "scenarios"]
