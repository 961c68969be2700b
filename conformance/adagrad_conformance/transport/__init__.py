"""Runs a port here or in another process, and exchanges messages with it.

May import `adapters`, `requirements` and the reference's language.  Never judges an
answer by its values: the protocol alone decides whether it is malformed.

client.py                what the suite calls: start, begin, event, read, native, close
in_process.py            a client for an adapter in this process
subprocess_client.py     a client for a child process
pipeline.py              the conversation with one process, some questions sent ahead
child_process.py         the process and its pipes
errors.py, identity.py   how a port fails; what it declares of itself
messages.py              scenarios and answers as JSON (schema.py, protocol.schema.json)
json_lines.py            one line: strict JSON, one outcome
response_validation.py   whether readings and traces have the right shapes
server.py                the other end: serves a Python adapter
targets.py, loading.py   the command that a TARGET stands for, and its adapter
bootstrap.py             starts the server under any Python
"""
