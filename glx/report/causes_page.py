"""The causes of what was flagged as a page of their own, which opens anywhere.

In: `Causes` with their remarks. Out: HTML.
"""

from glx.report.cause_texts import about, spark, title
from glx.report.models import Causes
from glx.report.page import render

MOST_CAUSES = 50


def page(found: Causes, heading: str, lead: str) -> str:
    """The page.

    Args:
      heading: what was judged.
      lead: a sentence below it.
    """
    return render(
        "causes_page.html",
        heading=heading,
        lead=lead,
        causes=found,
        most_causes=MOST_CAUSES,
        title=title,
        about=about,
        spark=spark,
    )
