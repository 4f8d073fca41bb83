"""Whatever a node is called with, its answer is described, and a refusal has changed nothing.

The node's sockets are left out, so that everything its tree holds can be compared.
"""

from __future__ import annotations

from collections import Counter

import pytest
import schemathesis

from tests.hostile.application import Application
from tests.hostile.generation import EXAMPLES, SETTINGS, check, is_for_oracles, schema
from tests.support.dumps import Held
from tests.support.tree import ORACLE_TOKEN

CALLERS = [("city", "edge-a"), ("city", "")]
MORE_CALLERS = [("edge-a", "city"), ("cloud", "city"), ("city", "edge-b"), ("edge-a", "")]
"""Where calls are made and as whom; nobody sends no credentials."""

document = schema(["keeper", "reader", "receiver"], ["cloud", "city", "edge-a", "edge-b"])


@pytest.mark.parametrize(("location", "caller"), CALLERS + (MORE_CALLERS if EXAMPLES else []))
@document.parametrize()
@SETTINGS
def test_every_answer_is_described_and_a_refusal_changes_nothing(
    case: schemathesis.Case,
    location: str,
    caller: str,
    gateways: dict[str, Application],
    held: Held,
    counted: Counter[str],
) -> None:
    if caller:
        token = f"Bearer {ORACLE_TOKEN}" if is_for_oracles(case) else f"as {caller}"
        case.headers["Authorization"] = token
    response = case.call(app=gateways[location])
    counted["generated"] += 1
    check(case, response)
    if 400 <= response.status_code < 500:
        counted["refused and compared"] += 1
        assert held.is_unchanged()
    else:
        held.put_back()
