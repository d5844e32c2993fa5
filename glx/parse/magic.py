"""Files that are no text and no archive that glx unpacks, told by their first bytes.

In: the first bytes of a file. Out: what it is, and the command that makes text of it.
"""

import re
import shlex

KINDS = {  # regular expression over the first bytes: what it is, what writes its text
    rb"PK\x03\x04": ("a zip archive", "unzip -p FILE"),
    rb"BZh[1-9]1AY&SY": ("packed by bzip2", "bzcat FILE"),
    rb"\xfd7zXZ\0": ("packed by xz", "xzcat FILE"),
    rb"\x5d\0\0.{2}": ("packed by lzma", "xzcat --format=lzma FILE"),
    rb"\x1f\x9d": ("packed by compress", "zcat FILE"),
    rb"7z\xbc\xaf\x27\x1c": ("a 7z archive", "7z x -so FILE"),
    rb"Rar!\x1a\x07": ("a rar archive", "unrar p -inul FILE"),
    rb"\x04\x22\x4d\x18": ("packed by lz4", "lz4cat FILE"),
    rb"\xff\x06\0\0sNaPpY": ("packed by snappy", "snzip -dc FILE"),
    rb".{257}ustar[\0 ]": ("a tar archive", "tar -xOf FILE NAME-OF-ITS-LOG"),
    rb"ElfFile\0": ("a Windows event log (.evtx)", "wevtutil qe FILE /lf:true /f:text"),
    rb"LPKSHHRH": ("a journal of systemd", "journalctl --file=FILE --output=json"),
    rb"\xd4\xc3\xb2\xa1|\xa1\xb2\xc3\xd4|\x4d\x3c\xb2\xa1": ("captured packets", "tshark -r FILE"),
    rb"\n\r\r\n.{4}[\x1a\x4d]": ("captured packets (pcapng)", "tshark -r FILE"),
    rb"SQLite format 3\0": ("an SQLite database", "sqlite3 -csv -header FILE 'SELECT ...'"),
    rb"PAR1[\x00-\x1f]": ("a Parquet table", "duckdb -csv -c 'FROM read_parquet(\"FILE\")'"),
    rb"Obj\x01": ("an Avro file", "avro-tools tojson FILE"),
}  # fmt: skip


def no_log(first: bytes, name: str) -> str | None:
    """What is wrong with a file of these first bytes and what to do; None where it may be a log."""
    for pattern, (what, command) in KINDS.items():
        if re.match(pattern, first, re.DOTALL):
            command = command.replace("FILE", shlex.quote(name))
            return f"{what}, not a text file; `{command} > text.log` makes one, give that"
    return None
