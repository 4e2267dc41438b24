"""Verdicts as text of 80 columns, or as JSON."""

from __future__ import annotations

import textwrap

import msgspec

from cardoon.testing.conformance.suite import KEPT, Report, Verdict

WIDTH = 80
_MARGIN = 21


def heading(url: str) -> str:
    """The line above everything."""
    return f"The laws of Cardoon's engines, tried on {url}"


def line(verdict: Verdict) -> str:
    """One law and its verdict; how it was broken, or what is not declared, stands below."""
    first = f"  {verdict.verdict:<12}  {verdict.guarantee:<4} "
    text = textwrap.fill(verdict.text, WIDTH, initial_indent=first, subsequent_indent=" " * _MARGIN)
    if verdict.verdict == KEPT:
        return text
    return f"{text}\n{_below(verdict.law)}\n{_below(verdict.detail)}"


def _below(text: str) -> str:
    wrapped = [part for each in text.splitlines() for part in textwrap.wrap(each, WIDTH - _MARGIN) or [""]]
    return textwrap.indent("\n".join(wrapped), " " * _MARGIN)


def totals(report: Report) -> str:
    """The line below everything."""
    told = ", ".join(f"{number} {verdict}" for verdict, number in sorted(report.totals.items()))
    seconds = sum(v.seconds for v in report.verdicts)
    return f"{len(report.verdicts)} laws: {told}; profile {report.profile}; {seconds:.1f} s"


def as_json(report: Report) -> str:
    """The whole report as one JSON object."""
    return msgspec.json.format(msgspec.json.encode(report)).decode()
