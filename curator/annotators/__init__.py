"""Several annotators: the label they agree on, how reliable each is, how far they agree."""

from curator.annotators.agreement import Agreement, agreement
from curator.annotators.consensus import DEFAULT_RULE, RULES, WEIGHED_RULES, consensus, deciding_statements
from curator.annotators.reliability import Reliability, fit_reliability
from curator.annotators.statements import Statements, statements

__all__ = [
    "DEFAULT_RULE",
    "RULES",
    "WEIGHED_RULES",
    "Agreement",
    "Reliability",
    "Statements",
    "agreement",
    "consensus",
    "deciding_statements",
    "fit_reliability",
    "statements",
]
