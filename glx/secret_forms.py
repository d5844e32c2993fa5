"""How secrets look, and the words before them that give them away: the patterns of `glx.redact`.

They search a plain copy of a text, in which every run of digits may be a single 0. Each finds the
secret as its group `s`, in time that grows with the length of the text. What the tokens of vendors
begin with is public, from their documents and the rules of scanners of source code.
"""

import re

BARE = (
    r"(?:[^\s\"'\\&<>;,]|\\+(?![\"'])|[\"'](?=\w)|[&;,](?![\s\"'&;,]|[\w.[\]-]{1,40}\s?[:=]|\Z))+"
)


def valued(bare: str) -> str:
    """The pattern of a value: in quotes, or `bare`.

    Quotes may be escaped within it (group d or a), or were themselves escaped (JSON) or doubled
    (CSV) on the way (group e).
    """
    return (
        r"(?:(?P<d>\")|(?P<a>')"
        r"|(?P<e>\\{1,7}[\"']|(?P<two>[\"'])(?P=two)(?=[^\s\"',;:)}\]>&])))?"
        r"(?P<s>(?(d)(?:[^\"\\]|\\[\s\S])+|(?(a)(?:[^'\\]|\\[\s\S])+"
        rf"|(?(e)(?:(?!(?<!\\)(?P=e))[\s\S])+|{bare}))))"
    )


VALUE = valued(BARE)  # a bare one ends where a word does
MIXED = r"(?=[\w+/-]{0,99}[0-9])(?=[\w+/-]{0,99}[a-z])(?=[\w+/-]{0,99}[A-Z])"
FLAG = r"\s(?:.{0,99}\s)?"  # between a command and its flag
CRYPT = r"[\w./+=,$-]"  # of a hash of a password
ORACLE = r"[a-z][\w$#]{0,30}/(?:\"[^\"\s]{1,64}\"|[^\s/@\"'\[]{1,64})"
CODES = (  # what codes are for that are asked for beside a password, or in its place
    r"[m2]fa|otp|sms|two[ _-]?factor|verif(?:ication|y)|confirm(?:ation)?|activation|security"
    r"|recovery|backup|log-?in|sign-?in|auth(?:entication|orization)?|access|one[ _-]?time|reset"
    r"|pairing|pin|your|use|enter"
)
CODE = (
    r"(?:[0-9]{3}[ -][0-9]{3}|[a-z]-[0-9]{4,10}"
    r"|(?!0x|sha|rfc)(?=[a-z-]{0,20}[0-9])[a-z0-9]{4,20}(?:-[a-z0-9]{3,12}){0,7})"
)
START = r"(?:(?<![a-z])|(?-i:(?<=[a-z])(?=[A-Z])))"  # of a word, also in camel case
SAYS = (  # between a name of a code and it
    r"(?![a-z])(?:\[\w{0,20}\])?[\\\"'\])]{0,8}(?:\s{1,3}(?:for|of)\s{1,3}\S{1,64}?)?"
    r"(?:\s{0,3}[:=]=?>?\s{0,3}|>|\s{1,3}(?:(?:is|was)(?:\snow)?\s?:?\s)?)[\\\"'\[(#]{0,8}"
)
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
            r"|(?=[\w.~+/-]{0,99}[0-9])[\w.~+/-]{10,}={0,2}(?!\S)"
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
        (  # of Oracle
            "password",
            "oracle",
            r"(?i)\bjdbc:oracle:\w{1,9}:(?P<s>[^\s/@]{1,64}/[^\s@]{1,99})(?=[@0])",
        ),
        (
            "password",
            "sqlplus sqlldr impdp expdp rman userid",
            r"(?i)\b(?:(?:sqlplus|sqlldr|impdp|expdp|rman)\s{1,3}(?:-\S{1,20}\s{1,3}){0,3}|userid=)"
            rf"[\"']?(?P<s>{ORACLE})",
        ),
        (
            "password",
            "@",
            rf"(?i)(?<![\w/.@-])(?P<s>{ORACLE})(?=@(?://\w|0/|[\w.-]{{1,99}}:[0-9]{{1,5}}[/:]\w))",
        ),
        (  # of Go, whose names of data sources have no scheme
            "password",
            "@tcp @udp @unix @/",
            r"(?i)(?<![\w/@.-])(?=[\w.-]{0,64}?[a-z])(?P<s>[\w.-]{1,64}:[^\s\"']{1,128}?)"
            r"(?=@(?:(?:tcp|udp|unix)[0-9]?\(|/\w))",
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
        (  # a user and a group have no secret: `docker run -u app:app`, `--user 1000:1000`
            "password",
            "-u -a -cred -login",
            r"(?i)(?<!\S)(?:-[ua]|--?(?:[a-z]{1,12}-)?(?:user(?:name|pass)?|auth(?:entication)?|creds?|login))"
            r"[\s=:]{1,3}(?P<o>[\"'])?(?=[\w.@\\+-]{0,64}?[a-z])(?P<user>[\w.@\\+-]{1,64})[:%]"
            r"(?!\[masked|//|\\|(?:(?P=user)|[0-9]+|staff|users|wheel|nogroup|adm|daemon|root|docker)"
            r"(?![^\s\"']))(?P<s>(?(o)(?:(?!(?P=o))[\s\S])+|[^\s\"']+))",
        ),
        (
            "password",
            "auth login credential",
            r"(?i)(?:auth|login|credentials?)=?\(\s?[\"'][^\"'\r\n]{1,64}[\"'],\s?(?=[\"'])"
            rf"(?!.\[masked){VALUE}",
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
            "sess sid cookie jwt",
            r"(?i)(?<![a-z])(?:sess(?:ion)?(?:[_ -]?(?:id|token|cookie|key))?|sid|cookie|jwt)"
            r"[\\\"']{0,8}(?:\s{0,3}(?:[=-]>|[:=]?=|:)\s{0,3}|>)[\\\"']{0,8}(?P<s>(?!0x|S-[01]-)"
            r"(?=[^\s\"'&;,]{0,99}[0-9])(?=[^\s\"'&;,]{0,99}[a-z])[\w%.+/:~-]{6,}={0,2})",
        ),
        (  # `token 8f3a9c1b2d4e5f60 issued`
            "token",
            "token key sess sid",
            r"(?i)\b(?:\w{0,30}token|api[ _-]?key|sess(?:ion)?[ _-]?id|sid)\s{1,3}"
            r"(?P<s>(?=\w{0,99}[0-9])(?=\w{0,99}[a-z])[\w+=.]{10,})(?![\w@:/-])",
        ),
        (  # short digits are the pin of a chip
            "code",
            "pin otp cvv cvc code",
            rf"(?i){START}(?:pin{SAYS}(?=[0-9]{{4}})|cv[vc]2?{SAYS}(?=[0-9]{{3,4}}(?!\w)))"
            r"(?P<s>[0-9]{3,12})(?![\w.:-])",
        ),
        (
            "code",
            "otp fa code",
            rf"(?i){START}(?:(?:[th]?otp|[m2]fa)(?:[ _-]?(?:token|pin))?|(?:{CODES})[ _-]?codes?)"
            rf"{SAYS}(?P<s>{CODE}(?:,\s{{0,3}}{CODE})*)(?![\w.:-])",
        ),
        (
            "code",
            "code otp pin",
            r"(?i)(?<![\w.-])(?P<s>[0-9]{4,8})\s(?:is|as)\s(?:your|the)\s(?:[a-z0-9-]{1,20}\s){0,3}?"
            r"(?:code|otp|pin)\b",
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
CARD = re.compile(r"(?<![\w.-])(?P<s>[3-6][0-9](?:[ -]?[0-9]){11,17})(?![\w-]|\.[0-9])")
LONG = re.compile(r"(?<![\w+/=-])(?P<s>[A-Za-z0-9_+/-]{32,}={0,2})(?![\w+/-])")
