"""One module per address scheme, named as the scheme.

A module holds ``SCHEME``, its declaration, and ``open_``, the protocol code that
opens one layer of an address; a hyphen in a scheme's name is an underscore in the
module's. Other distributions add schemes by the entry point group
``fildes.schemes``, whose entries name such modules.
"""
