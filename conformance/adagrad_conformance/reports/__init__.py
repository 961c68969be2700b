"""The result stream, and everything that is written from it.

Each report is made from the records of streams alone, so that a report on a run of last
year looks like one of today.

records.py        results become records; stream.schema.json says what each holds
stream.py         reads streams; stream_schema.py applies the schema to many records
exit_code.py      the exit code of a run
formats.py        the table of output formats; a new one is a writer and its row
summary.py        counts and findings of a target, which all formats show
terminal.py       the format for people
pages/            REPORT.md, and a page for each port
figures/          what was measured, as parts of it
tables.py         lines of Markdown
recording.py      records of registered ports, kept in a folder

May import `evaluation` and below.  Plays nothing.
"""
