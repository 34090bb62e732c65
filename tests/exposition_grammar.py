"""The grammar of the text that Prometheus reads."""

from __future__ import annotations

import re

#: The grammar of the text format, strictly; a value of ours is a decimal number.
SAMPLE = re.compile(
    r"[a-zA-Z_:][a-zA-Z0-9_:]*"
    r'(\{[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"'
    r'(,[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*")*\})?'
    r" [0-9]+(\.[0-9]+)?(e[+-][0-9]+)?"
)
COMMENT = re.compile(r"# (HELP [a-z_]+ [^\n]*|TYPE [a-z_]+ (counter|gauge))")
