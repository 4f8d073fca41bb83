"""Calls that nobody should make: what is answered, and that nothing changes.

===================  ==========================================================================
``document.py``      reads ``docs/openapi.yaml``
``application.py``   a node as one WSGI application, behind which calls are signed
``wire.py``          bytes that are no proper HTTP
===================  ==========================================================================
"""
