"""How secrets look, and the words before them that give them away: the patterns of `glx.redact`.

They search a plain copy of a text, in which every run of digits may be a single 0. Each finds the
secret as its group `s`, in time that grows with the length of the text. What the tokens of vendors
begin with is public, from their documents and the rules of scanners of source code.
"""

import re

# A value is in quotes, which may be escaped within it (group d or a), or in quotes that were
# themselves escaped (JSON) or doubled (CSV) on the way (group e), or ends where a word does.
VALUE = (
    r"(?:(?P<d>\")|(?P<a>')|(?P<e>\\{1,7}[\"']|(?P<two>[\"'])(?P=two)(?=[^\s\"',;:)}\]>&])))?"
    r"(?P<s>(?(d)(?:[^\"\\]|\\[\s\S])+|(?(a)(?:[^'\\]|\\[\s\S])+"
    r"|(?(e)(?:(?!(?<!\\)(?P=e))[\s\S])+"
    r"|(?:[^\s\"'\\&<>;,]|\\+(?![\"'])|[\"'](?=\w)|[&;,](?![\s\"'&;,]|[\w.-]{1,40}\s?[:=]|\Z))+))))"
)

MIXED = r"(?=[\w+/-]{0,99}[0-9])(?=[\w+/-]{0,99}[a-z])(?=[\w+/-]{0,99}[A-Z])"
FLAG = r"\s(?:.{0,99}\s)?"  # between a command and its flag
CRYPT = r"[\w./+=,$-]"  # of a hash of a password
# Of vendors: what their tokens begin with. Most are told apart by these letters alone.
VENDORS = (
    r"dckr_pat_|figd_|gl(?:sa|c)_|lin_api_|r8_|pscale_(?:tkn|pw|oauth)_|rubygems_|ntn_|tfp_|nfp_"
    r"|sntry[su]_|sgp_|gsk_|ph[cx]_|shippo_(?:live|test)_|sq[uap]_|pplx-|tvly-|x(?:keysib|smtpsib)[-0]"
    r"|PMAK-|CFPAT-|NR(?:AK|JS|II|RA)-|sq0[a-z]{3}-|EAAA(?=[A-Z])|EZ[AT]K|AT(?:ATT|CTT|BB)(?=\w{20})"
    r"|LTAI|AKC(?=\w{10})|pul-|pat-(?:na|eu)[01]-|AGE-SECRET-KEY[-0]|ops_eyJ|dt0c0[01]?\.|dapi(?=[a-f0-9])"
    r"|xox[a-z][-.0]|xapp[-0]|hf_|npm_|pypi[-0]|hv[bs]\.|do[opr]_v[01]_?|shp(?:at|ca|pa|ss)_|doppler_"
    r"|GOCSPX[-0]|AIza|ya(?:29\.|0\.?)|SG\.(?=[\w-]{10,}\.)|gh[pousr]_|github_pat_|gl[a-z]{1,5}[-0](?=\w)"
    r"|[srp]k_(?:live|test)_|whsec_|sk[-0](?=[\w-]{16})"
)
# Kind, letters of which one is in every text that has such a secret (small ones; none: any), and a
# pattern whose group `s` is the secret, in time that grows with the length of the text.
FORMS = tuple(
    (name, needs.split(), re.compile(pattern))
    for name, needs, pattern in (
        (
            "private key",
            "private",
            r"(?s)(?P<s>-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----.*?"
            r"(?:-----END [A-Z0-9 ]{0,40}-----|\Z))",
        ),
        (
            "password",
            "://",
            r"(?i)\b[a-z][a-z0-9+.-]{1,30}://(?P<s>[^\s/@:]{0,99}:[^\s/]{1,200})@",
        ),
        (
            "credentials",
            "authorization",
            r"(?i)\bauthorization\W{0,3}[:=]\W{0,4}"
            r"(?P<s>(?:basic|bearer|token|negotiate|ntlm|apikey)\s[^\"'\r\n]{3,}"
            r"|(?:digest|aws\S{0,30})\s[^\r\n]{3,})",
        ),
        (
            "credentials",
            "basic",
            r"(?i)\bbasic\s{1,3}(?P<s>(?=[\w+/]{0,200}[0-9=])[A-Za-z0-9+/]{8,}={0,2})(?![\w=])",
        ),
        ("cookie", "cookie", r"(?i)\bcookie\W{0,2}:\s{0,3}(?P<s>[^\s=;:]{1,99}=[^\"'\r\n]+)"),
        (
            "token",
            "bearer",
            r"(?i)\bbearer\s{1,3}(?P<s>(?=\S{0,99}[0-9])[\w.~+/-]{6,}={0,2})(?![\w=])",
        ),
        ("token", "eyj", r"\b(?P<s>eyJ[\w-]{8,}(?:\.[\w-]*){0,4})"),  # JSON web token
        (
            "key",
            "aki asi agp aid aro anp anv abi acc",
            r"\b(?P<s>A(?:KI|SI|GP|ID|RO|NP|NV|BI|CC)A(?=[A-Z]{0,23}[0-9])[A-Z0-9]{9,24})\b",
        ),
        (  # AWS' secret half has no form but its length
            "key",
            "aws akia asia amazon secret s3",
            rf"(?<![\w+/=-])(?P<s>{MIXED}(?!/)[A-Za-z0-9+/]{{40}})(?![\w+/=-])",
        ),
        ("token", "", rf"\b(?P<s>(?:{VENDORS})[\w.-]{{8,}})"),
        ("token", "key-", r"\b(?P<s>key-(?=[a-f]{0,31}[0-9])[0-9a-z]{20,32})\b"),
        ("token", "sk ac", r"\b(?P<s>(?:SK|AC)(?=[a-f]{0,31}[0-9])[0-9a-f]{12,32})\b"),  # Twilio
        (  # Telegram
            "token",
            ":a",
            r"(?:\bbot(?=[0-9]{1,16}:)|(?<![\w:])(?=[0-9]{1,16}:A[A-Z][\w-]{18}))"
            r"(?P<s>[0-9]{1,16}:[\w-]{5,})",
        ),
        (  # Discord
            "token",
            ".",
            rf"\b(?P<s>[MNO](?=[\w-]{{0,26}}[0-9])[\w-]{{15,27}}\.[\w-]{{4,7}}\.{MIXED}[\w-]{{20,40}})",
        ),
        (
            "token",
            "hook",
            r"(?i)(?:hooks\.slack\.com/|(?=\bdiscord(?:app)?\.com/api/webhooks/)|webhook\.office\.com/)"
            r"(?P<s>[\w@/.-]{8,})",
        ),
        ("password", "$", rf"(?<!\w)(?P<s>(?=\S{{0,99}}[0-9])\$[0-9a-z-]{{1,16}}\${CRYPT}{{12,}})"),
        (
            "password",
            "$",
            rf"(?i)\b(?P<s>(?:pbkdf[20]|bcrypt|s?crypt|argon[20])[\w:-]{{0,40}}\${CRYPT}{{12,}})",
        ),
        (
            "password",
            "}",
            r"(?i)\{(?:s?(?:sha|md5)[0-9-]{0,4}|crypt|pbkdf2[\w-]{0,12}|argon2[id]?|plain|clear(?:text)?|nt|lanman)\}"
            rf"(?P<s>{CRYPT}{{6,}})",
        ),
        ("password", ":::", r":(?P<s>[0-9a-fA-F]{32}:[0-9a-fA-F]{32}):::"),  # of Windows
        (
            "password",
            "htpasswd",
            r"(?i)\bhtpasswd\s{1,3}-[a-z]{0,5}b[a-z]{0,5}\s{1,3}(?P<s>[^\r\n]+)",
        ),
        (
            "password",
            "oracle",
            r"(?i)\bjdbc:oracle:\w{1,9}:(?P<s>[^\s/@]{1,64}/[^\s@]{1,99})(?=[@0])",
        ),
        (  # of Docker and npm
            "credentials",
            "auth",
            r"(?<![a-z])_?auth[\\\"']{0,8}\s{0,3}[:=]\s{0,3}[\\\"']{0,8}"
            r"(?P<s>(?=[a-z+/]{0,99}[A-Z0-9=])[A-Za-z0-9+/]{8,}={0,2})(?![\w=-])",
        ),
        (
            "password",
            "curl",
            rf"(?i)\bcurl{FLAG}(?:-u|--user)[\s=]{{0,3}}(?P<o>[\"'])?[^\s:]{{1,99}}?[:0]"
            r"(?P<s>(?!\[masked)(?(o)(?:(?!(?P=o))[\s\S])+|\S+))",
        ),
        (
            "password",
            "mysql sshpass maria",
            rf"(?i)\b(?:(?:mysql|mariadb)\w{{0,9}}{FLAG}-p(?!ort|id)|sshpass\s{{1,3}}-p\s{{0,3}})"
            rf"(?!\[masked){VALUE}",
        ),
        (
            "password",
            "redis-cli ldap",
            rf"(?i)\b(?:redis-cli{FLAG}-a|ldap[a-z]{{3,9}}{FLAG}-w)\s{{1,3}}(?!\[masked){VALUE}",
        ),
        (  # after the user's name
            "password",
            "-p",
            r"(?:\s(?:-u|-U|--user(?:name)?)[\s=]?\S{1,64}|\blogin)\s(?:-\S{1,64}\s){0,4}"
            rf"-p[\s=]{{1,3}}(?!\[masked)(?![0-9]+(?!\S)){VALUE}",
        ),
        ("e-mail", "mailto", r"(?i)\bmailto:(?P<s>[^\s\"'<>?&;,@]{1,99}@[^\s\"'<>?&;,]{1,200})"),
        (
            "e-mail",
            "@",
            r"(?<![\w.+-])(?P<s>[\w.+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,6}"
            r"(?!(?:service|slice|socket|scope|target|timer|mount|device|path|conf|log)\b)"
            r"[A-Za-z]{2,24})(?![\w-])",
        ),
        # The host was masked. A name with a capital is a Java object and its address.
        (
            "e-mail",
            "@0",
            r"(?<![\w.+/-])(?=[0-9_.+-]{0,64}[a-z])(?P<s>[a-z0-9_+-]{1,64}(?:\.[a-z0-9_+-]{1,64}){0,4}@0)(?![\w.])",
        ),
        (  # an id of a session that lets its bearer in; a number and an id of Windows do not
            "secret",
            "sess sid",
            r"(?i)(?<![a-z])(?:sess(?:ion)?(?:[_-]?(?:id|token|cookie|key))?|sid)[\\\"']{0,8}"
            r"(?:\s{0,3}(?:[=-]>|[:=]?=|:)\s{0,3}|>)[\\\"']{0,8}(?P<s>(?!0x|S-[01]-)"
            r"(?=[^\s\"'&;,]{0,99}[0-9])(?=[^\s\"'&;,]{0,99}[a-z])[\w%.+/:~-]{6,}={0,2})",
        ),
        (  # `token 8f3a9c1b2d4e5f60 issued`
            "token",
            "token key",
            r"(?i)\b(?:token|api[ _-]?key)\s{1,3}"
            r"(?P<s>(?=\w{0,99}[0-9])(?=\w{0,99}[a-z])[\w+=.]{10,})(?![\w@:/-])",
        ),
        # A line of a PEM body, whatever it holds.
        (
            "key",
            "",
            rf"(?<![\w+/=-])(?P<s>{MIXED}(?!/)(?:[A-Za-z0-9+/]{{64}}|[A-Za-z0-9+/]{{70}}"
            r"|[A-Za-z0-9+/]{76}))(?![\w+/-])",
        ),
    )
)

# A name that says that what follows is secret: `db_password=`, "apiKey": ", --token, secret => .
PASSWORD = (
    r"pass(?:word|wd|[ _-]?phrase|code|wort)|pwd|kennwort|contrase[nñ]a|senha|mot de passe|пароль"
    r"|密码|密碼|パスワード"
)
NAME = (
    rf"(?P<name>(?:{PASSWORD}|secret|token|credential"
    r"|api[ _-]?key|shared[_-]?access[_-]?signature"
    r"|(?:access|private|account|encryption|session|signing|auth|master|shared)[_-]?key"
    r"|[?&]sig(?:nature)?|x-(?:amz|goog)-(?:signature|credential)"
    r"|(?<![a-z])(?:creds?|psk)(?![a-z])|(?<!by)(?<!com)(?<!tres)pass(?![a-z_.-])|pw(?![a-z_.-])"
    r"|(?:jsession|phpsess)id)"
    r"s?(?P<of>[_.-]\w{1,30}|(?-i:[A-Z])\w{0,30}|[0-9]{1,3})?)"
)
WHOSE = rf"\b(?P<name>{PASSWORD})(?P<of>s?)\s{{1,3}}(?:for|of)(?:\s{{1,3}}\S{{1,64}}?){{1,3}}?"
NO_VALUE = (  # after `with password`
    "and|or|in|on|from|by|of|to|with|based|login|logins|hash\\w*|protect\\w*|encrypt\\w*|auth"
    "|manage\\w*|polic\\w*|less|re?set|change|expiry|file|prompt|length|strength|quality"
)
LIST = r"(?:[\[({]{1,2}\s{0,2}(?=[\\\"']))?"
NAMED = tuple(
    re.compile(rf"(?i){before}{VALUE}")
    for before in (
        rf"{NAME}[\\\"']{{0,8}}(?:\s{{0,3}}(?:[=-]>|[:=]?=|:)\s{{0,3}}|>){LIST}",
        rf"(?<!\S)--?{NAME}\s{{1,3}}(?!-)",
        rf"{WHOSE}\s?[:=]\s{{1,3}}",
        rf"\b(?:with|using)\s{{1,3}}(?P<name>{PASSWORD}|pw)(?P<of>)\s{{1,3}}(?!(?:{NO_VALUE})\b)",
        r"\b(?P<name>requirepass|masterauth|bindpw|rootpw)(?P<of>)\s{1,3}",
    )
)
# In prose a plain word is no secret: "the password is too short", "password authentication".
SET = r"(?:re)?set to|changed to"
IS = rf"(?:\s{{1,3}}(?:(?:is|was)(?:\s{{1,3}}(?:now|{SET}))?|{SET})\s{{1,3}})"
PROSE = tuple(
    re.compile(rf"(?i){before}(?={VALUE})")
    for before in (
        rf"\b{NAME}{IS}",
        rf"{WHOSE}(?:{IS}|[:=](?!//))",
        rf"\b(?P<name>{PASSWORD})(?P<of>s?)\s{{1,3}}",
        r"\b(?P<name>identified)(?P<of>)\s{1,3}by\s{1,3}",
        r"\b(?-i:(?P<name>AUTH))(?P<of>)\s{1,3}(?:(?:PLAIN|LOGIN|XOAUTH2|CRAM-MD5)\s{1,3})?",
        r"\b(?P<name>community)(?P<of>)(?:\s{1,3}string)?\s{1,3}",
        # The flag of many a command for a password, of some for a folder or a project.
        r"(?<!mkdir)(?<!compose)(?<!cp)(?<!\binstall)\s(?P<name>-p)(?P<of>)\s{1,3}(?![^\s\"']*[/:=,])",
        # `pass 2 of 3`, `pass 'x' to it`
        r"(?<![\w-])(?P<name>pass|pw)(?P<of>)\s{1,3}(?=[a-z])",
    )
)
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
    r"|rejected|accepted|required|unknown|undefined|failed|failure|error|ok|not|is|was|has|for|the|an?"
    r"|authentication|unauthorized|mismatch|changed|updated|(?:re|un)?set|disabled|enabled|bearer"
    r"|basic|string|str|int|bytes|object|default|redacted|masked|hidden|removed|token"
    r"|include|omit|same-origin|permission|must|cannot|too|please|already|successful(?:ly)?",
    re.IGNORECASE,
)
TELLING = (  # small letters of which some are in each text that has a name of `NAMED`, `PROSE`
    "pass",
    "pwd",
    "secret",
    "token",
    "cred",
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
NEEDED = sorted({*TELLING, *(letters for _, needs, _ in FORMS for letters in needs)})
CARD = re.compile(r"(?<![\w.-])(?P<s>[3-6][0-9](?:[ -]?[0-9]){11,17})(?![\w-]|\.[0-9])")
LONG = re.compile(r"(?<![\w+/=-])(?P<s>[A-Za-z0-9_+/-]{32,}={0,2})(?![\w+/-])")
