"""Levels: how they are written in lines, and which are severe."""

WORDS = (
    "TRACE|DEBUG|INFO|INFORMATION|NOTICE|WARN|WARNING|ERROR|ERR|SEVERE|FAILURE|CRITICAL|CRIT|ALERT|"
    "EMERG|FATAL|VERBOSE|FINE"
)
LEVELS = {  # from the clearest to the weakest sign, with the share of lines that must show it
    rf"(?P<level>{WORDS})[\])>:,|]*(?:\s|$)": 0.5,
    rf"[\[(<](?P<level>(?i:{WORDS}))[\])>][:,|]*(?:\s|$)": 0.5,
    rf"(?P<level>(?i:{WORDS}))[:,|]*(?:\s|$)": 0.5,
    r"(?P<level>[VDIWEFC])(?:\s|$)": 0.9,
    r'(?:level|lvl|severity)="?(?P<level>[A-Za-z]+)"?(?:\s|$)': 0.5,
}
