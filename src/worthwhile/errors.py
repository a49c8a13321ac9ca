"""What can be wrong with a user's input, and what it means for exit codes and HTTP statuses.

A user's fault is an `InputError`. It names what is wrong, where (file, row, column, value) and how to mend it.
Anything else that is raised is our own bug.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ErrorKind:
    """One row of the table of errors: the process exit code, the HTTP status, and what it means."""

    exit_code: int
    http_status: int
    meaning: str


# The codes are stable: scripts and dashboards may rely on them. `docs/errors.md` is tested against this table.
ERROR_KINDS: dict[str, ErrorKind] = {
    "bad-argument": ErrorKind(2, 400, "an option or argument has a value that cannot be used"),
    "bad-setting": ErrorKind(2, 400, "a setting in shop.toml, the environment or a flag cannot be used"),
    "bad-file": ErrorKind(3, 422, "the file cannot be read as what its name says: empty, truncated, another format"),
    "bad-columns": ErrorKind(3, 422, "the columns needed were not found, or two columns claim the same meaning"),
    "bad-values": ErrorKind(3, 422, "the values of a needed column cannot be understood, throughout"),
    "ambiguous-dates": ErrorKind(3, 422, "day and month cannot be told apart in the dates of this file"),
    "ambiguous-numbers": ErrorKind(3, 422, "whether a point is decimal or parts thousands cannot be told in this file"),
    "bad-query": ErrorKind(3, 422, "the database does not take the query, or it is not one statement that only reads"),
    "no-database": ErrorKind(9, 502, "the database cannot be connected to, or broke off while it was read"),
    "no-shop": ErrorKind(4, 404, "there is no shop in this folder"),
    "shop-exists": ErrorKind(5, 409, "there is already a shop in this folder"),
    "shop-busy": ErrorKind(5, 409, "another process is writing to this shop"),
    "cannot-write": ErrorKind(9, 507, "the shop's folder cannot be written: the disk is full, or it is not permitted"),
    "no-such-run": ErrorKind(4, 404, "there is no run with this id in the shop"),
    "no-such-customer": ErrorKind(4, 404, "the shop holds nothing of this customer"),
    "no-such-model": ErrorKind(4, 404, "there is no model of this name"),
    "empty-shop": ErrorKind(6, 409, "nothing has been ingested into this shop yet"),
    "no-history": ErrorKind(6, 409, "the log holds too little before the cutoff for what is asked"),
    "not-matured": ErrorKind(6, 409, "the log does not reach the end of the horizon, so the outcome is not known"),
    "missing-extra": ErrorKind(7, 501, "an optional dependency is not installed"),
    "no-key": ErrorKind(8, 500, "the key of the shop's pseudonyms is missing, or it is another"),
    "damaged": ErrorKind(8, 500, "a file of the shop fails its checksum or cannot be read"),
}


class InputError(ValueError):
    """A fault in what the user gave us, said so that it can be mended.

    `code` is a key of `ERROR_KINDS`; `what` is one sentence; `where` names file, row, column or option;
    `remedy` says what to do.
    """

    def __init__(self, code: str, what: str, *, where: str = "", remedy: str = "") -> None:
        assert code in ERROR_KINDS, code
        self.code, self.what, self.where, self.remedy = code, what, where, remedy
        super().__init__(str(self))

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}; {self.remedy}" if self.remedy else text

    @property
    def exit_code(self) -> int:
        return ERROR_KINDS[self.code].exit_code

    @property
    def http_status(self) -> int:
        return ERROR_KINDS[self.code].http_status

    def to_dict(self) -> dict[str, str]:
        return {"code": self.code, "what": self.what, "where": self.where, "remedy": self.remedy}
