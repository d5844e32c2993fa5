"""What the writers make of a table, letter for letter."""

import json

from glx.report.table import Entry, Table, to_json, to_latex, to_markdown

TABLE = Table(
    key="f1 of <x>",
    title="F1 of x_1",
    header=("method", "hdfs", "a|b"),
    sections=(
        ((Entry("Deep_Log*"), Entry("0.5", bold=True), Entry("-")),),
        ((Entry("100 % \\ {x} †"), Entry("−0.1"), Entry("~2^3 $5 #1 <b>")),),
    ),
    notes=("Protocol sound & so on.",),
)


def test_markdown():
    assert to_markdown(TABLE) == (
        "**F1 of x\\_1**\n"
        "\n"
        "| method | hdfs | a\\|b |\n"
        "|---|--:|--:|\n"
        "| Deep\\_Log\\* | **0.5** | - |\n"
        "|  |  |  |\n"
        "| 100 % \\\\ {x} † | −0.1 | \\~2^3 $5 #1 \\<b\\> |\n"
        "\n"
        "Protocol sound & so on.\n"
    )


def test_latex():
    assert to_latex(TABLE) == (
        "\\begin{table}\n"
        "\\centering\n"
        "\\caption{F1 of x\\_1. Protocol sound \\& so on.}\n"
        "\\label{tab:f1-of-x-}\n"
        "\\begin{tabular}{lrr}\n"
        "\\toprule\n"
        "method & hdfs & a\\textbar{}b \\\\\n"
        "\\midrule\n"
        "Deep\\_Log* & \\textbf{0.5} & - \\\\\n"
        "\\midrule\n"
        "100 \\% \\textbackslash{} \\{x\\} $^\\dagger$ & $-$0.1 & "
        "\\textasciitilde{}2\\textasciicircum{}3 \\$5 \\#1 \\textless{}b\\textgreater{} \\\\\n"
        "\\bottomrule\n"
        "\\end{tabular}\n"
        "\\end{table}\n"
    )


def test_a_name_of_several_lines_stays_one_row():
    table = Table("k", "t", ("a",), (((Entry("one\n\\begin{x}\r\n| two"),),),))
    assert "| one \\\\begin{x} \\| two |\n" in to_markdown(table)
    assert "one \\textbackslash{}begin\\{x\\} \\textbar{} two \\\\\n" in to_latex(table)


def test_json():
    [found] = json.loads(to_json([TABLE]))
    assert (found["key"], found["title"], found["header"]) == (
        TABLE.key,
        TABLE.title,
        [*TABLE.header],
    )
    assert found["rows"] == [
        ["Deep_Log*", "0.5", "-"],
        ["100 % \\ {x} †", "−0.1", "~2^3 $5 #1 <b>"],
    ]
    value = Table("k", "t", ("m", "x"), (((Entry("a"), Entry("0.500", value=0.5)),),))
    assert json.loads(to_json([value]))[0]["rows"] == [["a", 0.5]]
