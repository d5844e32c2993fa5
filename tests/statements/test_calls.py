"""What the names of calls say."""

import pytest

from glx.errors import InputError
from glx.statements.calls import Call, call_of, is_logger, named


@pytest.mark.parametrize(
    ("name", "language", "level", "alone"),
    [
        ("error", "Python", "ERROR", False),
        ("Errorf", "Go", "ERROR", False),
        ("InfoS", "Go", "INFO", False),
        ("WarnContext", "Go", "WARN", False),
        ("log_error", "Python", "ERROR", True),
        ("logWarning", "Scala", "WARN", True),
        ("LogCritical", "C#", "FATAL", True),
        ("pr_err_ratelimited", "C", "ERROR", True),
        ("pr_alert", "C", "FATAL", True),
        ("netdev_warn", "C", "WARN", True),
        ("SPDLOG_LOGGER_DEBUG", "C++", "DEBUG", True),
        ("xfs_alert", "C", "FATAL", True),
        ("error_report", "C", "ERROR", True),
        ("debug2", "C", "DEBUG", True),
        ("av_log", "C", None, True),
        ("RTE_LOG", "C", None, True),
        ("log", "Java", None, True),
        ("ErrorFormat", "C#", "ERROR", False),
        ("TraceWarning", "C#", "WARN", True),
        ("ALOGE", "C++", "ERROR", True),
        ("LOGW", "C", "WARN", True),
        ("ESP_LOGI", "C", "INFO", True),
        ("warnv", "Python", "WARN", False),
        ("LOG4CXX_ERROR", "C++", "ERROR", True),
        ("eprintln", "Rust", "WARN", True),
        ("w", "Kotlin", "WARN", False),
        ("Println", "Go", None, False),
    ],
)
def test_names_of_what_logs(name, language, level, alone):
    assert call_of(name, language) == Call(level, alone)


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("set_error", "C"),
        ("throwError", "JavaScript"),
        ("getLogger", "Java"),
        ("LoggerFactory", "Java"),
        ("runtime_error", "C++"),
        ("login", "Python"),
        ("catalog", "C"),
        ("ext4_error", "Python"),
        ("format", "Java"),
        ("formatError", "C++"),
        ("TraceId", "C#"),
    ],
)
def test_names_of_what_does_not(name, language):
    assert call_of(name, language) is None


@pytest.mark.parametrize(
    ("receiver", "logs"),
    [
        ("self.log", True), ("mLogger", True), ("LOG", True), ("getLogger()", True),
        ("console", True), ("zap.L()", True), ("Timber.tag()", True), ("req.log", True),
        ("this._logger", True),
        ("dialog", False), ("login", False), ("catalog", False), ("t", False), ("Console", False),
        ("blog.posts", False), ("", False),
    ],
)  # fmt: skip
def test_loggers(receiver, logs):
    assert is_logger(receiver) == logs


def test_calls_that_a_user_names():
    given = ("audit_log:error, Audit::warn:WARNING", "warn:info", "trace!:trace")
    assert named(given) == {
        "audit_log": {"": "ERROR"},
        "warn": {"Audit": "WARN", "": "INFO"},
        "trace": {"": "TRACE"},
    }
    for bad in ("audit_log", "audit_log:loud", ":error", "audit log:error", ""):
        with pytest.raises(InputError, match=r"--log_calls=.*trace, debug, info"):
            named((bad,))
