# Appended to re/__init__.py when it is frozen: a pattern is compiled when it is first used.
# botocore and what it imports compile more than a hundred at import, a tenth of the time of a
# whole run, and use a handful.


class _LazyPattern:
    __slots__ = ("_arguments", "_compiled")

    def __init__(self, *arguments):
        self._arguments, self._compiled = arguments, None

    def _now(self):
        if self._compiled is None:
            self._compiled = _compile(*self._arguments)
        return self._compiled

    def __getattr__(self, name):
        return getattr(self._now(), name)


_compile_text = _compile


def _compile(pattern, flags):
    return _compile_text(pattern._now() if type(pattern) is _LazyPattern else pattern, flags)


def compile(pattern, flags=0):
    if isinstance(pattern, (str, bytes)):
        return _LazyPattern(pattern, flags)
    return _compile(pattern, flags)
