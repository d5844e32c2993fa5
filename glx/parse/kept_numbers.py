"""Numbers that are what a line says: a status, an exit code, the number of an error.

In: digit forms (`glx/parse/digits.py`), which are few. Out: where such digits stand; they are kept
while all others are masked. A number is one of these by the word before it, or by its place in the
line of an access log.
"""

import numpy as np
import polars as pl

# Group 1 ends with the number. What follows it excludes times, addresses, counts.
END = r"(?:[^\w.:/\-]|[.:/\-](?:[^0-9]|$)|$)"
ENDS_PHRASE = r"\.?(?:[^\w.:/\- ]|$)"
CODE = (  # `statusCode` and `code`, but not `keycode`
    r"(?:(?i:(?:\b|_|status|err|error|exit|return|response|result)code|status|errno|exit|signal|"
    r"sqlstate|\bstate|reason|event ?id|hresult)|[a-z]Code)"
)
REASONS = (
    "OK|Created|Accepted|No Content|Moved|Found|Not Modified|Bad Request|Unauthorized|Forbidden|"
    "Not Found|Method Not|Request Time|Conflict|Gone|Unprocessable|Too Many|Internal Server|"
    "Not Implemented|Bad Gateway|Service|Gateway Time"
)
KEPT = (
    # The word and what leads to the number: `status: 503`, `"statusCode":503`, `[Errno 13]`.
    rf"({CODE}(?:[\"'\]]?[:= (\[#]{{1,3}}| (?:is|was|of) )[\"']?-?[0-9]{{1,5}}){END}",
    # `error 10061` but no level and not `error: 12 files`; `exited with 1`, not `returned 12 rows`.
    rf"(\b[Ee]rr(?:or)?(?:[ =(\[#]| no\.? ?| number )-?[0-9]{{1,5}}){END}",
    r"((?i:\b(?:exited|failed|ended|terminated|died|finished) with|returned|\brc|\bret|\bretval"
    rf"|\bresult)[:= ]{{1,3}}-?[0-9]{{1,5}}){ENDS_PHRASE}",
    r"((?i:code|error|err|hresult|status|result)[:= (\[]{1,3}(?:is )?[0-9]x[0-9A-Fa-f]{2,8})\b",
    r"(\b(?:ORA|TNS|PLS|RMAN|SQL|MY|[A-Z]{3}-[0-9])-[0-9]{4,6})\b",  # of databases, of Cisco
    r"(\b[A-Z]{2,8}[0-9]{4,6})[A-Z]?[:\]]",  # `AH00558:`, `CWWKF0011I:`
    # Access logs: after the request or the method, before the bytes; after HTTP; with its reason.
    r"((?:HTTP(?:/[0-9.]+)?\"? |\" |\| +|[A-Z]_[A-Z]+/|[=-]> )[0-9]{3})(?:[\s|]|$)",
    r"((?:GET|POST|PUT|DELETE|PATCH|HEAD|OPTIONS) \S+ [0-9]{3})(?:\s|$)",
    rf"((?:^|[ (=:])[0-9]{{3}}) (?:{REASONS})",
    # HAProxy: before the bytes, two cookies and how the connection ended.
    r"( [0-9]{3}) \+?[0-9]+ \S+ \S+ [A-Za-z\-]{4} [0-9]+/",
)
ANY = "|".join(KEPT)
MOST = 3  # numbers of one kind in a line
TAKEN = ord(" ")
PART = np.isin(np.arange(256), np.frombuffer(b"0123456789ABCDEFabcdefx", np.uint8))  # of a number


def kept_digits(forms: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """`<int64>[P]` the form and `<int64>[P]` the byte in it of each digit that is kept, sorted."""
    which = np.flatnonzero(forms.str.contains(ANY).to_numpy())
    if not len(which):
        return which, which
    lines = forms.gather(which)
    ends = np.cumsum(lines.str.len_bytes().to_numpy().astype(np.int64) + 1)
    starts = np.append(0, ends[:-1])
    characters = np.frombuffer("".join(f"{line}\n" for line in lines).encode(), np.uint8).copy()
    found, left = [np.empty(0, np.int64)], np.arange(len(which))  # lines with more to find
    for pattern in KEPT * MOST:
        if not len(left):
            break
        rest = (
            lines.gather(left)
            .to_frame("line")
            .select(
                at=pl.col("line").str.find(pattern),
                upto=pl.col("line").str.extract(pattern, 1).str.len_bytes(),
            )
        )
        hit = rest["at"].is_not_null().to_numpy()
        if not hit.any():
            continue
        last = starts[left[hit]] + rest.sum_horizontal().to_numpy()[hit].astype(np.int64) - 1
        while len(last := last[PART[characters[last]]]):
            found.append(last[characters[last] <= ord("9")])
            characters[found[-1]] = TAKEN
            last = last - 1
        lines = pl.Series(characters.tobytes().decode().split("\n")[:-1], dtype=pl.String)
        again = lines.gather(left[hit]).str.contains(ANY).to_numpy()
        left = np.sort(np.append(left[~hit], left[hit][again]))
    places = np.sort(np.concatenate(found))
    form = np.searchsorted(starts, places, side="right") - 1
    return which[form], places - starts[form]
