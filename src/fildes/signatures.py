"""What `open` and `listen` return, for type checkers: it depends on the mode.

The one thing that a mode cannot tell is what the address leads to. Datagrams always
come as a `DatagramFile`, and a local file in mode ``r+b`` as a `RandomFile`; the types
below say what all other addresses give.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Protocol, overload

if TYPE_CHECKING:
    from fildes.address import Address
    from fildes.files.binary import BufferedFile, BufferedWriteFile, RawFile
    from fildes.files.modes import NetFile
    from fildes.files.text import TextConversation, TextFile
    from fildes.listener import Listener
    from fildes.policy.policy import Policy
    from fildes.verbs import Options

ReadMode = Literal["", "b", "rb", "br", "r+b", "rb+", "+rb"]
WriteMode = Literal["wb", "bw", "xb", "bx", "ab", "ba"]
TextMode = Literal[
    "t",
    "r",
    "rt",
    "tr",
    "r+",
    "+r",
    "r+t",
    "rt+",
    "w",
    "wt",
    "tw",
    "x",
    "xt",
    "tx",
    "a",
    "at",
    "ta",
]


class Open(Protocol):
    """The signature of `fildes.open`."""

    @overload
    def __call__(  # type: ignore[overload-overlap]  # as in typeshed: 0 is tried first
        self,
        address: str | os.PathLike[str] | Address,
        mode: ReadMode | WriteMode | None = None,
        *,
        buffering: Literal[0],
        encoding: None = None,
        errors: None = None,
        newline: None = None,
        timeout: float | None = ...,
        idle_timeout: float | None = ...,
        policy: Policy | None = ...,
        compression: Literal["infer"] | None = ...,
        **options: Options,
    ) -> RawFile: ...

    @overload
    def __call__(
        self,
        address: str | os.PathLike[str] | Address,
        mode: ReadMode | None = None,
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        *,
        timeout: float | None = ...,
        idle_timeout: float | None = ...,
        policy: Policy | None = ...,
        compression: Literal["infer"] | None = ...,
        **options: Options,
    ) -> BufferedFile: ...

    @overload
    def __call__(
        self,
        address: str | os.PathLike[str] | Address,
        mode: WriteMode,
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        *,
        timeout: float | None = ...,
        idle_timeout: float | None = ...,
        policy: Policy | None = ...,
        compression: Literal["infer"] | None = ...,
        **options: Options,
    ) -> BufferedWriteFile: ...

    @overload
    def __call__(
        self,
        address: str | os.PathLike[str] | Address,
        mode: TextMode,
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        *,
        timeout: float | None = ...,
        idle_timeout: float | None = ...,
        policy: Policy | None = ...,
        compression: Literal["infer"] | None = ...,
        **options: Options,
    ) -> TextFile | TextConversation: ...

    @overload
    def __call__(
        self,
        address: str | os.PathLike[str] | Address,
        mode: str | None = None,
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        *,
        timeout: float | None = ...,
        idle_timeout: float | None = ...,
        policy: Policy | None = ...,
        compression: Literal["infer"] | None = ...,
        **options: Options,
    ) -> NetFile: ...


class Listen(Protocol):
    """The signature of `fildes.listen`."""

    @overload
    def __call__(  # type: ignore[overload-overlap]  # as in typeshed: 0 is tried first
        self,
        address: str | os.PathLike[str] | Address,
        mode: ReadMode | WriteMode | None = None,
        *,
        buffering: Literal[0],
        encoding: None = None,
        errors: None = None,
        newline: None = None,
        timeout: float | None = ...,
        idle_timeout: float | None = ...,
        policy: Policy | None = ...,
        max_connections: int | None = ...,
        max_per_peer: int | None = ...,
        allow: Sequence[str] | None = ...,
        handshake_timeout: float | None = ...,
        **options: Options,
    ) -> Listener[RawFile]: ...

    @overload
    def __call__(
        self,
        address: str | os.PathLike[str] | Address,
        mode: ReadMode | None = None,
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        *,
        timeout: float | None = ...,
        idle_timeout: float | None = ...,
        policy: Policy | None = ...,
        max_connections: int | None = ...,
        max_per_peer: int | None = ...,
        allow: Sequence[str] | None = ...,
        handshake_timeout: float | None = ...,
        **options: Options,
    ) -> Listener[BufferedFile]: ...

    @overload
    def __call__(
        self,
        address: str | os.PathLike[str] | Address,
        mode: TextMode,
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        *,
        timeout: float | None = ...,
        idle_timeout: float | None = ...,
        policy: Policy | None = ...,
        max_connections: int | None = ...,
        max_per_peer: int | None = ...,
        allow: Sequence[str] | None = ...,
        handshake_timeout: float | None = ...,
        **options: Options,
    ) -> Listener[TextFile | TextConversation]: ...

    @overload
    def __call__(
        self,
        address: str | os.PathLike[str] | Address,
        mode: str | None = None,
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        *,
        timeout: float | None = ...,
        idle_timeout: float | None = ...,
        policy: Policy | None = ...,
        max_connections: int | None = ...,
        max_per_peer: int | None = ...,
        allow: Sequence[str] | None = ...,
        handshake_timeout: float | None = ...,
        **options: Options,
    ) -> Listener[NetFile]: ...
