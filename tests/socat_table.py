"""Command lines that socat and `fildes relay` have to understand alike.

{d} is a directory of their own with the files of `make_files`, {tcp}, {tcp6} and {closed}
are ports: of an echo server, of one over IPv6, and one where nobody listens; {free} is one of
each run alone.
"""

from __future__ import annotations

import os
from typing import NamedTuple


class Line(NamedTuple):
    """One line, and what it is given on standard input.

    Attributes:
      patience: seconds that socat waits for an answer after the end of its input; where it
        cannot pass that end on, it always waits so long.
    """

    name: str
    argv: tuple[str, ...]
    given: bytes = b""
    patience: int = 20


TEXT = b"one\ntwo\nthree\n"
ALL = bytes(range(256)) * 8
TCP = "TCP4:127.0.0.1:{tcp}"

FILES = (
    Line("OPEN rdonly", ("-u", "OPEN:{d}/in,rdonly", "-")),
    Line("OPEN alone", ("-u", "OPEN:{d}/in", "-")),
    Line("FILE", ("-u", "FILE:{d}/in", "-")),
    Line("OPEN seek", ("-u", "OPEN:{d}/in,seek=4", "-")),
    Line("OPEN seek-end", ("-u", "OPEN:{d}/in,seek-end=0", "-")),
    Line("OPEN seek-end alone", ("-u", "OPEN:{d}/in,seek-end", "-")),
    Line("OPEN wronly", ("-u", "-", "OPEN:{d}/out,wronly"), TEXT),
    Line("OPEN wronly seek", ("-u", "-", "OPEN:{d}/out,wronly,seek=2"), TEXT),
    Line("OPEN append", ("-u", "-", "OPEN:{d}/out,append"), TEXT),
    Line("OPEN wronly append", ("-u", "-", "OPEN:{d}/out,wronly,append"), TEXT),
    Line("OPEN trunc", ("-u", "-", "OPEN:{d}/out,wronly,trunc"), b"x"),
    Line("OPEN creat", ("-u", "-", "OPEN:{d}/new,wronly,creat"), TEXT),
    Line("OPEN creat mode", ("-u", "-", "OPEN:{d}/new,wronly,creat,mode=0640"), TEXT),
    Line("OPEN creat excl", ("-u", "-", "OPEN:{d}/new,wronly,creat,excl"), TEXT),
    Line("OPEN excl there", ("-u", "-", "OPEN:{d}/out,wronly,creat,excl"), TEXT),
    Line("OPEN missing", ("-u", "OPEN:{d}/missing", "-")),
    Line("OPEN missing to write", ("-u", "-", "OPEN:{d}/missing,wronly"), TEXT),
    Line("OPEN nofollow", ("-u", "OPEN:{d}/link,rdonly,nofollow", "-")),
    Line("OPEN link", ("-u", "OPEN:{d}/link,rdonly", "-")),
    Line("CREATE", ("-u", "-", "CREATE:{d}/new"), TEXT),
    Line("CREATE mode", ("-u", "-", "CREATE:{d}/new,mode=0600"), TEXT),
    Line("CREATE there", ("-u", "-", "CREATE:{d}/out"), b"x"),
    Line("CREATE user", ("-u", "-", "CREATE:{d}/new,user=65534,group=65534"), TEXT),
    Line("OPEN user there", ("-u", "-", "OPEN:{d}/out,wronly,user-late=65534"), TEXT),
    Line(
        "OPEN own user", ("-u", "-", f"CREATE:{{d}}/new,uid={os.getuid()},gid={os.getgid()}"), TEXT
    ),
    Line("OPEN no such user", ("-u", "-", "CREATE:{d}/new,user=no-such-user"), TEXT),
    Line("CREATE below a file", ("-u", "-", "CREATE:{d}/out/new"), TEXT),
    Line("GOPEN to read", ("-u", "GOPEN:{d}/in", "-")),
    Line("GOPEN new", ("-u", "-", "GOPEN:{d}/new"), TEXT),
    Line("GOPEN there", ("-u", "-", "GOPEN:{d}/out"), TEXT),
    Line("GOPEN trunc", ("-u", "-", "GOPEN:{d}/out,trunc"), b"x"),
    Line("GOPEN trunc to read", ("-u", "GOPEN:{d}/in,trunc", "-")),
    Line("GOPEN directory", ("-u", "-", "GOPEN:{d}"), b"x"),
    Line("path to read", ("-u", "{d}/in", "-")),
    Line("path with options", ("-u", "-", "{d}/out,append"), TEXT),
    Line("-U", ("-U", "-", "{d}/in")),
    Line("readbytes", ("-u", "/dev/zero,readbytes=5", "-")),
    Line("readbytes beyond", ("-u", "OPEN:{d}/in,rdonly,readbytes=500", "-")),
    Line("comma", ("-u", "OPEN:{d}/a\\,b\\:c,rdonly", "-")),
    Line("comma in quotes", ("-u", 'OPEN:"{d}/a,b:c",rdonly', "-")),
    Line("option quoted", ("-u", 'OPEN:{d}/in,"rdonly"', "-")),
    Line("unlink-close", ("-u", "OPEN:{d}/in,rdonly,unlink-close", "-")),
    Line("dual", ("-!!CREATE:{d}/new", "EXEC:cat"), TEXT),
    Line("dual files", ("OPEN:{d}/in,rdonly!!CREATE:{d}/new", "EXEC:sort -r")),
    Line("STDIN STDOUT", ("-u", "STDIN", "STDOUT"), ALL),
    Line("FD", ("-u", "FD:0", "FD:1"), ALL),
    Line("numbers", ("0!!1", "EXEC:cat"), ALL),
    Line("STDIO twice", ("-u", "STDIO", "STDIO"), ALL),
)

PROGRAMS = (
    Line("EXEC", ("-", "EXEC:od -c"), TEXT),
    Line("EXEC pipes", ("-", "EXEC:od -c,pipes"), TEXT, patience=5),
    Line("EXEC quotes", ("-u", "EXEC:'printf a,b:c!!d'", "-")),
    Line("EXEC double quotes", ("-u", "EXEC:\"printf %s\\\\\\\\n 'a b' c\"", "-")),
    Line("EXEC setsid", ("-", "EXEC:cat,setsid"), TEXT),
    Line("EXEC pty", ("-u", "EXEC:test -t 1,pty", "-")),
    Line("EXEC pty raw", ("-u", "SYSTEM:echo a; echo b,pty,raw", "-")),
    Line("EXEC pty cooked", ("-u", "SYSTEM:echo a; echo b,pty", "-")),
    Line("EXEC backslash", ("-u", r"EXEC:'printf %s a\\\\b\z'", "-")),
    Line("EXEC backslash in quotes", ("-u", r'EXEC:"printf %s \'a\\\\b\z\'"', "-")),
    Line("EXEC pty ctty", ("-u", "SYSTEM:echo hello >/dev/tty,pty,setsid,ctty,rawer", "-")),
    Line("SYSTEM", ("-", "SYSTEM:tr a-z A-Z | sort"), TEXT),
    Line("SYSTEM quotes", ("-u", "SYSTEM:'echo \"x,y:z\"'", "-")),
    Line("SYSTEM brackets", ("-", "SYSTEM:(echo a,b:c; cat)"), TEXT),
    Line("SYSTEM stderr", ("-u", "SYSTEM:echo problem >&2,stderr", "-")),
    Line("SHELL", ("-", "SYSTEM:cat,pipes"), TEXT, patience=5),
    Line("crnl", ("-", "EXEC:od -c,crnl"), TEXT),
    Line("cr", ("-", "EXEC:od -c,cr"), TEXT),
    Line("crnl of stdio", ("-,crnl", "EXEC:cat"), b"one\r\ntwo\r\n"),
    Line("escape", ("-,escape=0x1d", "EXEC:cat"), b"before\x1dafter"),
    Line("shut-none", ("-", f"{TCP},shut-none,readbytes=14"), TEXT),
    Line("end-close", ("-", "EXEC:cat,end-close"), TEXT, patience=5),
    Line("PIPE", ("-", "PIPE"), TEXT),
    Line("ECHO", ("-", "ECHO"), TEXT),
)

NETWORK = (
    Line("TCP", ("-", "TCP:127.0.0.1:{tcp}"), ALL),
    Line("TCP4", ("-", TCP), ALL),
    Line("tcp in small letters", ("-", "tcp4:127.0.0.1:{tcp},nodelay"), ALL),
    Line("TCP-CONNECT", ("-", "TCP-CONNECT:localhost:{tcp},pf=ip4"), ALL),
    Line("TCP6", ("-", "TCP6:[::1]:{tcp6}"), ALL),
    Line("TCP to [::1]", ("-", "TCP:[::1]:{tcp6}"), ALL),
    Line("TCP nodelay", ("-", f"{TCP},nodelay,keepalive,reuseaddr"), ALL),
    Line("TCP bind", ("-", f"{TCP},bind=127.0.0.2"), ALL),
    Line("TCP sourceport", ("-", f"{TCP},sourceport={{free}},reuseaddr"), ALL),
    Line("TCP bind taken", ("-", f"{TCP},bind=127.0.0.1:{{busy}}"), ALL),
    Line("TCP bind elsewhere", ("-", f"{TCP},bind=192.0.2.1"), ALL),
    Line("TCP probes", ("-", f"{TCP},keepalive,keepidle=5,keepintvl=2,keepcnt=3"), ALL),
    Line("TCP buffers", ("-", f"{TCP},sndbuf=20000,rcvbuf=20000,tos=16,ttl=9"), ALL),
    Line("TCP connect-timeout", ("-", f"{TCP},connect-timeout=9"), ALL),
    Line("TCP max-children", ("-", f"{TCP},max-children=3"), ALL),
    Line("TCP retry", ("-", f"{TCP},retry=2,interval=0.1"), ALL),
    Line("TCP readbytes", ("-", f"{TCP},readbytes=3"), TEXT),
    Line("TCP crnl", ("-", f"{TCP},crnl"), TEXT),
    Line("TCP refused", ("-", "TCP4:127.0.0.1:{closed}"), TEXT),
    Line("TCP refused again", ("-", "TCP4:127.0.0.1:{closed},retry=1,interval=0.01"), TEXT),
    Line("TCP of a wrong family", ("-", "TCP6:127.0.0.1:{tcp}"), TEXT),
    Line("TCP no port", ("-", "TCP4:127.0.0.1"), TEXT),
    Line("TCP no service", ("-", "TCP4:127.0.0.1:no-such-service"), TEXT),
    Line("TCP no number", ("-", f"{TCP},retry=many"), TEXT),
    Line("unknown option", ("-", f"{TCP},nodelai"), TEXT),
    Line("option of others", ("-", f"{TCP},pty"), TEXT),
    Line("unknown keyword", ("-", "TCPP:127.0.0.1:{tcp}"), TEXT),
    Line("UNIX", ("-", "UNIX:{d}/echo"), ALL),
    Line("UNIX-CONNECT", ("-", "UNIX-CONNECT:{d}/echo"), ALL),
    Line("UNIX-CONNECT bind", ("-", "UNIX-CONNECT:{d}/echo,bind={d}/own"), ALL),
    Line("UNIX-CLIENT", ("-", "UNIX-CLIENT:{d}/echo"), ALL),
    Line("UNIX GOPEN", ("-", "GOPEN:{d}/echo"), ALL),
    Line("UNIX missing", ("-", "UNIX:{d}/missing"), ALL),
    Line("UNIX dead", ("-", "UNIX:{d}/dead"), ALL),
    Line("UNIX of datagrams", ("-", "UNIX-CONNECT:{d}/datagrams"), ALL),
    Line("UNIX-CLIENT of records", ("-u", "-", "UNIX-CLIENT:{d}/records"), b"record"),
    Line("UNIX-CLIENT of datagrams", ("-u", "-", "UNIX-CLIENT:{d}/datagrams"), b"one"),
    Line("GOPEN of datagrams", ("-u", "-", "GOPEN:{d}/datagrams"), b"one"),
    Line("UNIX-SENDTO", ("-u", "-", "UNIX-SENDTO:{d}/datagrams"), b"one"),
    Line("UNIX-SENDTO of a stream", ("-u", "-", "UNIX-SENDTO:{d}/echo"), b"one"),
    Line("UNIX-SENDTO of a file", ("-u", "-", "UNIX-SENDTO:{d}/in"), b"one"),
    Line("UNIX-SENDTO missing", ("-u", "-", "UNIX-SENDTO:{d}/missing"), b"one"),
    Line("ABSTRACT-CONNECT missing", ("-", "ABSTRACT-CONNECT:no-such-{tcp}"), ALL),
    Line("UDP4 one way", ("-u", "-", "UDP4:127.0.0.1:{udp}"), b"one"),
    Line("UDP4-SENDTO one way", ("-u", "-", "UDP4-SENDTO:127.0.0.1:{udp}"), b"one"),
    Line("OPENSSL refused", ("-", "OPENSSL:127.0.0.1:{closed},verify=0"), TEXT),
    Line("OPENSSL of no TLS", ("-", "OPENSSL:127.0.0.1:{tcp},verify=0"), TEXT),
)
