"""What is masked and what is kept."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glx.parse.digits import Block
from glx.parse.mask import MASKS, mask, mask_collapsed

MASKED = {
    "Receiving block blk_-160899968 src: /10.250.19.102:54106 dest: /10.250.19.1:50010": (
        "Receiving block blk_<*> src: <*> dest: <*>"
    ),
    '10.11.10.1 "GET /v2/54fadb412c4e/detail HTTP/1.1" status: 404 len: 1893 time: 0.247': (
        '<*> "GET <*> <*>" status: 404 len: <*> time: <*>'
    ),
    '"GET / HTTP/1.1" 503 77': '"GET / <*>" 503 <*>',
    "status_code: 404": "status_code: 404",
    "STATUS=503 of 503": "STATUS=503 of <*>",
    "[instance: 96abccce-8d1f-4e07-b6d1-4b2ab87e23b4] VM Started": "[instance: <*>] VM Started",
    "generating core.2275": "generating core.<*>",
    "at Sat Jul  9 12:16:51 2005 from https://a.b/c?d=4 ok": "at <*> from <*> ok",
    "reset 0x00bf dead beef  twice ": "reset <*> dead beef twice",
    "connect to proxy.cse.cuhk.edu.hk:5070 failed": "connect to <*> failed",
    "": "",
    "größe 5 µs": "größe <*>",
    # Ids of letters and digits, but not words.
    "commit de9231d and 3f9a1c, added, deadbeef, cafe": "commit <*> and <*>, added, deadbeef, cafe",
    "cus_aZ09bQkWlmNopX has sub_QkWlmNopXhJkLmQr": "<*> has <*>",
    "charged via pi_3MtwBwLkdIwHu7ix28a3tqPa": "charged via <*>",
    "id q76rTHqDSn of a1b2": "id <*> of <*>",
    "request e4d909c290d0fb1ca068ffaddf22cbd0 done": "request <*> done",
    "req-9bc36dd9-91c5-4314-898a-47625eb93b09 ok": "req<*> ok",
    "req-f8c434f7-c59b-4813-a858-c5414ac98f90 ok": "req<*> ok",  # parts as in a pod's name
    "req-8c729cb3-4825-48f8-ac74-8563681c048c ok": "req<*> ok",
    "vol_1c05f1a2-bb1d-4abe-bce7-1b48fba52e59.img": "<*>.img",
    "{3F2504E0-4F89-11D3-9A0C-0305E82C3301} ok": "{<*>} ok",
    "web-7f9c4d-x2x9z is up": "web<*> is up",
    "api-gateway-6d5f8b9c7-zxkvp is up": "api-gateway<*> is up",
    "com.acme.Foo@1a2b3c closed": "com.acme.Foo<*> closed",
    "from eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-def_1": "from <*>",
    "key dGhpcyBpcyBhIHRlc3Q0Mg== read": "key <*> read",
    "setDiffTotalSteps=12 of aMap": "setDiffTotalSteps=<*> of aMap",
    "S3Client, log4j and OAuth2Client of v8": "S<*>Client, log<*>j and OAuth<*>Client of v<*>",
    # Addresses, names and paths.
    "mail to bob.smith+x@mail.example.org": "mail to <*>",
    "fe80::1ff:fe23:4567:890a at 00:1a:2b:3c:4d:5e": "<*> at <*>",
    "std::vector::at 5": "std::vector::at <*>",
    "S-1-5-21-3623811015-3361044348-1013 in": "S<*> in",
    r"C:\Program\x.txt is missing": "<*> is missing",
    "setup.exe - done, setup.exe *64 - done": "<*> - done, <*> - done",
    "session closed for user cyrus": "session closed for user <*>",
    "check pass; user unknown": "check pass; user unknown",
    # A size is one value however it is written, and so is a length of time.
    "sent 12 bytes, 64 KB, 4.5GB, 9 bytes (8.2 KB)": "sent <*>",
    "sent 1844 bytes (1.80 KB) to it": "sent <*> to it",
    "took 12ms, <1 sec or 3h2m5s or 2 minutes": "took <*>, <*> or <*> or <*>",
    "2024-05-01T08:00:00.123Z went": "<*> went",
    # Lists of any length, brackets of ids alone, a thread before its logger.
    "delete blk_1 blk_-2 blk_3 of it": "delete <*> of it",
    "[req-3f9a1c 4d5e6f - - -] GET": "[<*>] GET",
    "[-] GET": "[<*>] GET",
    "[pool-3 worker] com.acme.Shop: sold": "[<*>] com.acme.Shop: sold",
    "[Peer[id=1]/0:0:2181:Election@774] - sold": "[<*>:Election<*>] - sold",
    "[Cart] empty: true": "[Cart] empty: true",
    # Scripts without spaces.
    "用户12登录失败了": "用户<*>登录失败了",
    "订单3f9a1c0b支付失败": "订单<*>支付失败",
}


@pytest.mark.parametrize("lines", [*([line] for line in MASKED), [*MASKED] * 2])
def test_masks(lines):
    assert mask(pl.Series(lines)).to_list() == [MASKED[line] for line in lines]


KEPT = [
    "exited with code 137",
    "killed by signal 9, exit status 1",
    "code=exited, status=203/EXEC",
    "response code 17 from tax service",
    "failed with error 10061",
    "[Errno 13] Permission denied",
    "HRESULT = 0x80070005.",
    '{"statusCode":503}',
    "ORA-00942: table or view does not exist",
    "AH00558: could not determine a name",
    "CWWKF0011I: ready",
    "job returned 5",
    "rc=-5",
    "| 502 |",
    "503 Service Unavailable",
]
COUNTED = {
    "%ASA-4-106023: Deny": "%ASA<*>-106023: Deny",
    "keycode=4 of ApplicableState: 80": "keycode=<*> of ApplicableState: <*>",
    "error: 12 files": "error: <*> files",
    "query returned 153 rows": "query returned <*> rows",
    "error 10.1.2.3 refused": "error <*> refused",
    "verification code 1234567": "verification code <*>",
    '10.0.0.1 - - "GET /a HTTP/1.1" 502 77': '<*> - - "GET /a <*>" 502 <*>',
    "GET /users 404 12.3 ms - 40": "GET /users 404 <*> - <*>",
    "TCP_MISS/503 12 GET": "TCP_MISS/503 <*> GET",
    'web/web1 0/0/1/2/3 503 213 - - SC-- 1/1/0/0/0 0/0 "GET / HTTP/1.1"': (
        '<*> <*> 503 <*> - - SC-- <*> <*> "GET / <*>"'
    ),
}


@pytest.mark.parametrize("repeat", [1, 9])
def test_numbers_that_say_how_it_ended_are_kept(repeat):
    lines = [*KEPT, *COUNTED] * repeat
    assert mask(pl.Series(lines)).to_list() == [COUNTED.get(line, line) for line in lines]


def test_values_of_kept_numbers_are_in_order_of_first_appearance():
    lines = ["status 200 in 5", "a 1", "status 500 in 7", "a 2", "status 200 in 9"] * 9
    texts, places = Block.of("".join(f"{line}\r\n" for line in lines).encode()).collapsed()
    assert mask_collapsed(texts).str.strip_chars().to_list() == [
        "status 200 in <*>", "a <*>", "status 500 in <*>",
    ]  # fmt: skip
    assert places.to_list() == [0, 1, 2, 1, 0] * 9


def test_null_line_breaks_and_order():
    assert mask(pl.Series(["b 1", None, "a\nb", "b 2"])).to_list() == ["b <*>", "", "a b", "b <*>"]


PARTS = [
    *("Jan 0", "0 Dec", "Mon, ", "a://b", "/a0/b", "0-a-b-c-d", "0x0f", "a0b0c0", "a.b.com"),
    *("-0.0", "<*>", ".", " ", "0", "a"),
]


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from(PARTS), max_size=6).map("".join)))
def test_what_lacks_the_required_part_of_a_mask_does_not_match_it(lines):
    texts = pl.Series(lines, dtype=pl.String)
    for pattern, part, _ in MASKS:
        assert (
            texts.filter(texts.str.contains(pattern)).str.contains(part or "", literal=True).all()
        )
