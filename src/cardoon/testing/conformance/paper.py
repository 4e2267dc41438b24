"""Verdicts as text of 80 columns, or as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

import msgspec

from cardoon.testing.conformance.suite import BROKEN, KEPT, NOT_DECLARED, Report, Verdict

WIDTH = 80
_MARGIN = 21
_MARKS = {NOT_DECLARED: "-"}


def heading(urls: Sequence[str]) -> str:
    """The line above everything, and for several engines the head of the columns below it."""
    first = f"The laws of Cardoon's engines, tried on {', '.join(urls)}"
    return first if len(urls) == 1 else f"{first}\n\n{_cells(urls, map(_name, urls)).rstrip()}"


def line(verdict: Verdict) -> str:
    """One law and its verdict; how it was broken, or what is not declared, stands below."""
    first = f"  {verdict.verdict:<12}  {verdict.guarantee:<4} "
    text = textwrap.fill(verdict.text, WIDTH, initial_indent=first, subsequent_indent=" " * _MARGIN)
    if verdict.verdict == KEPT:
        return text
    return f"{text}\n{_below(verdict.law)}\n{_below(verdict.detail)}"


def row(verdicts: Sequence[Verdict], urls: Sequence[str]) -> str:
    """One law and the verdicts of several engines; how one broke it stands below."""
    (law, *_), marks = verdicts, (_MARKS.get(v.verdict, v.verdict) for v in verdicts)
    first = f"{_cells(urls, marks)}{law.guarantee:<4} "
    text = textwrap.fill(law.text, WIDTH, initial_indent=first, subsequent_indent=" " * len(first))
    broken = [f"{_name(url)}: {v.detail}" for url, v in zip(urls, verdicts, strict=True) if v.is_broken]
    return "\n".join([text, *map(_below, [law.law, *broken] if broken else [])])


def _cells(urls: Sequence[str], texts: Iterable[str]) -> str:
    cells = (f"{text:<{max(len(_name(url)), len(BROKEN))}}" for url, text in zip(urls, texts, strict=True))
    return f"  {'  '.join(cells)}  "


def _name(url: str) -> str:
    return url.partition(":")[0]


def _below(text: str) -> str:
    wrapped = [part for each in text.splitlines() for part in textwrap.wrap(each, WIDTH - _MARGIN) or [""]]
    return textwrap.indent("\n".join(wrapped), " " * _MARGIN)


def totals(report: Report) -> str:
    """The line below everything."""
    told = ", ".join(f"{number} {verdict}" for verdict, number in sorted(report.totals.items()))
    seconds = sum(v.seconds for v in report.verdicts)
    return f"{len(report.verdicts)} laws: {told}; profile {report.profile}; {seconds:.1f} s"


def as_json(reports: Sequence[Report]) -> str:
    """The report of one engine as one JSON object, those of several as a list."""
    what = reports[0] if len(reports) == 1 else reports
    return msgspec.json.format(msgspec.json.encode(what)).decode()
