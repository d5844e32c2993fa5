"""Words that say that what follows is secret, and what may stand between: for `glx.redact`.

The patterns are written as those of `glx.secret_forms`: the secret is their group `s`. What names
it is `name`, of which `of` is the rest of its word (`token_type`).
"""

import re

from glx.secret_forms import BARE, VALUE, valued

PASSWORD = (
    r"pass(?:word|wd|[ _-]?(?:phrase|code)|wort)|pwd|kennwort|contrase[nñ]a|senha|mot de passe"
    r"|пароль|密码|密碼|パスワード"
)
NAME = (  # `db_password`, `apiKey`, `tokens`
    rf"(?P<name>(?:{PASSWORD}|secret|token|credential|[cx]srf"
    r"|api[ _-]?key|shared[_-]?access[_-]?signature"
    r"|(?:access|private|account|encryption|session|signing|auth|master|shared)[_-]?key"
    r"|[?&]sig(?:nature)?|x-(?:amz|goog)-(?:signature|credential)"
    r"|(?<![a-z])(?:cred|psk)(?=s?(?![a-z]))"
    r"|(?<!by)(?<!com)(?<!tres)pass(?![a-z_.-])|pw(?![a-z_.-])"
    r"|(?:jsession|phpsess)id)"
    r"(?P<many>s?)(?P<of>[_.-]\w{1,30}|(?-i:[A-Z])\w{0,30}|[0-9]{1,3})?)"
)
WHO = r"\s{1,3}(?:for|of)(?:\s{1,3}\S{1,64}?){1,3}?"  # `for user bob`
WHOSE = rf"\b(?P<name>{PASSWORD})(?P<of>s?){WHO}"
QUOTES = r"[\\\"']{0,8}"
KEY = r"[\w.-]{1,40}"
CELL = rf"(?:\w{{1,30}}[_.-])?{NAME}"
BAR = r"[ \t]{0,40}[|│\t][ \t]{0,40}"  # between cells of a table
MARK = "[\"'*`]{0,2}"  # around what a cell of Markdown has
ATTRIBUTES = r"(?:\s[\w:.-]{1,30}=[\"'][^\"'<>]{0,99}[\"']){0,3}"
# Before a value: it may be on a line of its own, in a list of YAML, a string of some language.
GAP = (
    r"(?:[ \t]{0,9}(?:[|>][+-]?[ \t]{0,3})?(?:\r?\n){1,2}[ \t]{0,40}"
    r"(?=(?:- )?(?:[\"']|\S{1,200}[ \t]{0,9}(?:[\r\n]|\Z)))(?!\w{1,40}[:=])"
    r"|[ \t]{0,9}(?:[|>][+-]?[ \t]{1,3})?)"
    r"(?:- )?(?:<!\[CDATA\[|(?:[@$&burfn]|rb|br)(?=[\"']))?"
)
IS = r"\s{1,3}(?:is|was|are|were|ist|es|est)(?:\s{1,3}now)?"
OF = (  # `[root]`
    r"(?:\[[^\s\[\]]{0,64}\]|\((?!s\))[^\s()]{1,64}\)|\{[^\s{}]{1,64}\}|[@#/][\w.-]{1,40}(?=\s?=))"
)
LINK = "|".join(  # between a name and its value
    (
        # `password: String = "`
        r":\s?&?[\w<>.]{1,40}\??\s{1,3}=\s{1,3}(?=\w{0,9}\(?[\"'])",
        # `password: `, `password[root]=`, `password(root) => `
        rf"{QUOTES}{OF}{{0,3}}\s{{0,3}}(?:[=-]>|<-|[:=]?=|:){GAP}",
        # `user[password]=`, `config["password"] = "`
        rf"[\])}}]{{1,2}}:?=>?{GAP}",
        rf"[\\\"']{{1,8}}[\])}}]{{1,2}}\s{{0,3}}:?=>?{GAP}(?=[\\\"'])",
        # `setPassword("`, `"password" to "`
        r"\(\s?(?=[\\\"'])",
        r"[\"']\sto\s(?=[\"'])",
        # `the password of bob is: `
        rf"(?:{WHO})?{IS}\s?[:=]{GAP}",
        # `<password type="text">`, `<name>password</name><value>`, `name="password" value="`
        rf"{ATTRIBUTES}{QUOTES}>(?![ \t](?![^\s<]{{1,99}}\s</)){GAP}",
        rf"</\w{{1,30}}>\s{{0,40}}<\w{{1,30}}>{GAP}",
        rf"{QUOTES}{ATTRIBUTES}[\s,;]{{1,40}}{QUOTES}value{QUOTES}\s?[:=]>?{GAP}",
    )
)
# A list of values, and what its items are: `[a, b]`, `{"db": "a"}`, `List(a, b)`.
LIST = (
    r"(?:(?:some|optional|just|list|set|seq|array\w{0,9}|vec!?|vector|map|new\s\w{1,20}(?:\[\])?"
    r"|\[\]\w{1,9}|\w{1,30}(?=\([\\\"']))?[\[({]{1,2}\s{0,9}(?![^\s,;]{1,64}[\])}]\w))"
)
MASKED = rf"\w{{0,20}}[\[({{]{{0,2}}(?:{QUOTES}{KEY}{QUOTES}\s?[:=]>?\s{{0,3}})?{QUOTES}\[masked\s"
OF_KEY = rf"(?:{QUOTES}(?P<key>{KEY}){QUOTES}\s?[:=]>?\s{{0,3}})?"
WORD = r"[^\s\"'\\,;|<>\[\](){}]+"
FIRST = valued(rf"(?(list){WORD}|{BARE})")
LINKED = re.compile(
    rf"(?i){NAME}(?:{LINK})(?!{MASKED})(?P<list>{LIST})?(?(list){OF_KEY}|)(?!a\s){FIRST}"
)
SEPARATOR = r"(?:\s?[,;|]\s{0,9}|\s{1,40}(?:-|and|or)\s)"
IN_LIST = re.compile(rf"{QUOTES}[\s,;|]{{1,40}}(?:- )?{OF_KEY}{valued(WORD)}")
ITEM = valued(r"[^\s\"'\\,;|<>\[\](){}=]+={0,2}")
IN_ROW = re.compile(  # `tokens: a, b`
    rf"(?:{SEPARATOR}(?![\\\"'])|{QUOTES}{SEPARATOR}(?=[\\\"']))(?P<key>)(?!{KEY}\s?[:=]){ITEM}"
    rf"(?={QUOTES}\s{{0,3}}(?:[,;|)\]}}\r\n]|\Z|(?:-|and|or)\s))"
)
IN_STEAD = re.compile(rf"{QUOTES}\s{{0,3}}(?:[=-]>|→)\s{{0,3}}(?P<key>){VALUE}")
NO_VALUE = (  # after `with password`
    "and|or|in|on|from|by|of|to|with|based|login|logins|hash\\w*|protect\\w*|encrypt\\w*|auth"
    "|manage\\w*|polic\\w*|less|re?set|change|expiry|file|prompt|length|strength|quality"
)
# `changed password of bob`, `password was reset`; then `to X`, `from X to Y`.
VERB = r"(?:(?:re)?set|(?:chang|updat|rotat|replac)(?:ed?|ing)|modif(?:y|ied)|switch(?:ed)?)"
CHANGED = (
    rf"\b(?P<verb>{VERB}\s{{1,3}}(?:\S{{1,64}}\s{{1,3}}){{0,3}}?)?{NAME}(?:{WHO})?"
    rf"(?(verb)|(?:\s{{1,3}}(?:is|was|has|been|now)){{0,2}}\s{{1,3}}{VERB})"
)
ONE = r"(?:\"[^\"\r\n]{1,99}\"|'[^'\r\n]{1,99}'|\S{1,99})"
FROM = r"(?::|\s{1,3}from)\s{1,3}"
TO = r"\s{1,3}(?:to|[=-]>|→)\s{1,3}"
PURPOSE = (
    "(?:continue|proceed|refresh|renew|comply|meet|match|log|sign|access|activate|unlock|regain|use|be|avoid|prevent"
    "|the|your|a|an|this|that|its?)"
)
END = (
    r"(?=[\"']?(?:[.,;)]{0,3}\s{0,9}(?:\Z|[\r\n])|[,;)]"
    r"|\s{1,3}(?:by|for|on|at|via|from|in|and)\b|\s\())"
)
COLUMN = (  # of a head of a table
    r"(?!(?:e-?mail|user\w{0,9}|id|role|host|value|description|created\w{0,9}|updated\w{0,9}"
    r"|name|type|status|state|expir\w{1,9}|count|notes?)\s{0,40}(?:\||$))"
)
NAMED = (
    LINKED,
    *(
        re.compile(rf"(?i){pattern}")
        for pattern in (
            rf"(?<!\S)--?{NAME}\s{{1,3}}(?!-){VALUE}",
            rf"{WHOSE}\s?[:=](?=\s){GAP}{VALUE}",
            rf"\b(?:with|using)\s{{1,3}}(?P<name>{PASSWORD}|pw)(?P<of>)\s{{1,3}}(?!(?:{NO_VALUE})\b){VALUE}",
            rf"\b(?P<name>requirepass|masterauth|bindpw|rootpw)(?P<of>)\s{{1,3}}{VALUE}",
            rf"{CHANGED}(?:{FROM}{ONE})?{TO}(?!{PURPOSE}\b){VALUE}{END}",
            rf"{CHANGED}{FROM}{VALUE}(?=[\"']?{TO})",
            # `("password", "X")`, `{password, "X"}`
            rf"[({{]\s?[\"']?{NAME}[\"']?\s?,\s?(?=[\"']){VALUE}(?=[\"']\s?[)}}])",
            # A row of two cells.
            rf"(?m)^(?:[^|│\r\n]{{0,300}}(?P<bar>[|│]))?[ \t]{{0,40}}{MARK}{CELL}{MARK}{BAR}"
            rf"{COLUMN}{valued(WORD)}(?={MARK}[ \t]{{0,40}}(?(bar)[|│]|[|│]?)[ \t]{{0,40}}\r?$)"
            r"(?![ \t|]{0,40}[\r\n]{1,2}[\s|+:]{0,9}--)",
        )
    ),
)
# In prose a plain word is no secret: "the password is too short", "password authentication".
PROSE = tuple(
    re.compile(rf"(?i){before}(?={VALUE})")
    for before in (
        rf"\b{NAME}(?:{WHO})?(?:{IS}(?:\s{{1,3}}{VERB}\s{{1,3}}to)?|\s{{1,3}}{VERB}\s{{1,3}}to)\s{{1,40}}",
        rf"{CHANGED}(?:{FROM}{ONE})?{TO}",
        rf"\b(?P<name>{PASSWORD})(?P<of>s?){FROM}(?={ONE}{TO})",
        rf"\b(?P<name>{PASSWORD})(?P<of>s?){FROM}{ONE}{TO}",
        rf"{WHOSE}[:=](?!//)",
        rf"(?<![a-z])(?P<name>{PASSWORD})(?P<of>s?)\s{{1,3}}",
        r"\b(?P<name>identified)(?P<of>)\s{1,3}by\s{1,3}",
        r"\b(?-i:(?P<name>AUTH))(?P<of>)\s{1,3}(?:(?:PLAIN|LOGIN|XOAUTH2|CRAM-MD5)\s{1,3})?",
        r"\b(?P<name>community)(?P<of>)(?:\s{1,3}string)?\s{1,3}",
        rf"\|[ \t]{{0,40}}{CELL}{BAR}(?![^\s|]{{0,99}}\|)",
        # The flag of many a command for a password, of some for a folder or a project.
        r"(?<!mkdir)(?<!compose)(?<!cp)(?<!\binstall)\s(?P<name>-p)(?P<of>)\s{1,3}(?![^\s\"']*[/:=,])",
        # `pass 2 of 3`, `pass 'x' to it`
        r"(?<![\w-])(?P<name>pass|pw)(?P<of>)\s{1,3}(?=[a-z])",
    )
)
# A table with a line below its head, and what is in a cell of the head.
TABLE = re.compile(
    r"(?m)^(?P<head>[^|│\r\n]*+[|│][^\r\n]*+)\r?\n[-─═┼╪├┤+|:│ \t]*+(?<=[-─═┼╪├┤+|:│ \t]{4})\r?\n"
    r"(?P<rows>(?:[^|│\r\n]*+[|│][^\r\n]*+(?:\r?\n|\Z))++)"
)
HEAD = re.compile(rf"(?i)\s{{0,40}}{MARK}{CELL}{MARK}\s{{0,40}}")
PASSWORDS = re.compile(
    "pass|pw|kennw|contras|senha|mot |парол|密|パス|identified|auth|-p|requirepass|masterauth"
    "|bindpw|rootpw"
)
ABOUT = re.compile(  # `token_type`, `passwordLength`: of a secret, but not the secret
    r"[_.-]?(?:name|type|count|len(?:gth)?|size|exp\w*|ttl|path|file\w*|dir|policy|status|state|ur[il]"
    r"|endpoint|limit|used|age|version|field|valid\w*|enabled|required|error|code|provider|format"
    r"|manager|service|class|min\w*|max\w*)",
    re.IGNORECASE,
)
STATE = re.compile(  # `token: expired`
    r"null|none|nil|true|false|yes|no|empty|missing|expired|(?:in)?valid|(?:in)?correct|wrong|denied"
    r"|rejected|accepted|required|unknown|undefined|fail(?:s|ed|ure)?|error|ok|not|is|was|has|for|the|an|at|in|by|from"
    r"|authentication|unauthorized|mismatch|changed|updated|(?:re|un)?set|disabled|enabled|bearer"
    r"|basic|string|str|int|bytes|object|default|redacted|masked|hidden|removed|token"
    r"|on|off|never|new|now|random|expires?|include|omit|same-origin|permission|must|cannot|too|please|already|successful(?:ly)?",
    re.IGNORECASE,
)
TELLING = (  # small letters of which some are in each text that has a name of `NAMED`, `PROSE`
    "pass",
    "pwd",
    "secret",
    "token",
    "cred",
    "srf",
    "key",
    "sig",
    "psk",
    "pw",
    "sessid",
    "jsession",
    "identified",
    "auth",
    "community",
    "kennwort",
    "contrase",
    "senha",
    "mot de",
    "пароль",
    "密",
    "パスワ",
    "-p",
)
