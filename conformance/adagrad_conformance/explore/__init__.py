"""Random exploration with Hypothesis: scenarios are drawn, played, judged and shrunk.

For tests of your own port:

    from hypothesis import given
    from adagrad_conformance.explore import check, scenarios

    @given(scenarios(MyAdapter.claims))
    def test_my_port(scenario):
        assert check(MyAdapter, scenario).status == "pass"

`adagrad-conformance explore TARGET` does this, and drives a state machine too.  The
package needs Hypothesis: pip install 'adagrad-conformance[explore]'.

May import `grading`, `execution`, `checks` and what they may import.

strategy.py       scenarios as a Hypothesis strategy; one scenario played and judged
machine.py        a state machine whose rules are the kinds of event
events.py, numbers.py   how events and numbers are drawn
legal_events.py   a scenario in the making, and the events that MUST decides in it
search.py         both explorations of one port
"""

from __future__ import annotations

from .numbers import NoScenario
from .search import Found, Search, explore
from .strategy import check, scenarios

__all__ = ["Found", "NoScenario", "Search", "check", "explore", "scenarios"]
