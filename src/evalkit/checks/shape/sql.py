"""Shape of SQL: statements that parse in a dialect, and only such as are allowed. Nothing is run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, model_validator

from evalkit.checks.count import Range, example
from evalkit.checks.shape.code import CodeCheck, NotCode
from evalkit.errors import MissingExtraError, SuiteError, did_you_mean

if TYPE_CHECKING:
    from evalkit.checks.base import BuildContext


class Sql(CodeCheck):
    """The answer is SQL that parses in a dialect. It is not run.

    With ``read_only`` only queries pass: nothing that writes, defines, locks or calls a command, not even inside a ``WITH``. What a
    function does cannot be seen. ``tables`` are the only tables that may be named.

    Source: sqlglot's parser and its dialects; a bare expression is no statement, and a statement it cannot parse fails.
    """

    name: ClassVar[str] = "sql"
    short: ClassVar[str | None] = "dialect"
    marks: ClassVar[tuple[str, ...]] = (
        "sql",
        "postgresql",
        "postgres",
        "mysql",
        "sqlite",
        "duckdb",
        "bigquery",
        "snowflake",
        "tsql",
    )
    noun: ClassVar[str] = "SQL"
    example = example(
        {"dialect": "postgres", "read_only": True},
        passes="```sql\nSELECT id FROM orders WHERE late;\n```",
        fails="DELETE FROM orders",
    )

    dialect: str | None = Field(
        None, description="as sqlglot names it: postgres, mysql, sqlite, duckdb, …; without it, what most accept"
    )
    read_only: bool = Field(False, description="queries only")
    statements: Range = Field(Range(min=1), description="how many statements there must be")
    tables: list[str] | None = Field(None, description="the only tables that may be named", min_length=1)

    @model_validator(mode="after")
    def _said(self) -> Sql:
        if self.dialect is not None and not self.dialect.strip():
            raise ValueError("the dialect is empty")
        return self

    def prepare(self, build: BuildContext) -> Sql:
        """Look the dialect up. Raises MissingExtraError without the parser, SuiteError for an unknown dialect."""
        del build
        try:
            from sqlglot import Dialects
        except ImportError as error:
            raise MissingExtraError("the check sql", package="sqlglot", extra="shape") from error
        known = [dialect.value for dialect in Dialects if dialect.value]
        if self.dialect is not None and self.dialect not in known:
            raise SuiteError(f"no SQL dialect {self.dialect!r}", hint=did_you_mean(self.dialect, known))
        return self

    def parse(self, code: str) -> str | NotCode:
        """Parse, and look at the statements' kinds and tables."""
        import sqlglot
        from sqlglot.errors import SqlglotError

        try:
            parsed = [tree for tree in sqlglot.parse(code, dialect=self.dialect) if tree is not None]
        except SqlglotError as error:
            details = (getattr(error, "errors", None) or [{}])[0]
            return NotCode(str(details.get("description") or error).split("\n")[0][:200], details.get("line") or 1)
        except RecursionError:
            return NotCode("nested too deep")
        wrong = next((problem for tree in parsed if (problem := self._problem(tree))), None)
        if wrong is not None:
            return NotCode(wrong)
        if not self.statements.holds(len(parsed)):
            return NotCode(f"expected {self.statements} statements, found {len(parsed)}")
        return f"SQL: {', '.join(tree.key.upper() for tree in parsed[:5])}"

    def _problem(self, tree: Any) -> str | None:  # noqa: ANN401 - a tree of sqlglot
        from sqlglot import exp

        if isinstance(tree, exp.Command):
            return f"the parser does not know {tree.this} in this dialect"
        if isinstance(tree, exp.Condition) and not isinstance(tree, exp.Query):
            return f"a bare expression ({tree.key.upper()}) is no statement"
        if self.read_only and not isinstance(tree, exp.Query):
            return f"only queries are allowed, found {tree.key.upper()}"
        if self.read_only:
            guilty: Any = next((node for node in tree.walk() if isinstance(node, _writing())), None)
            if guilty is not None:
                return f"only queries are allowed, found {guilty.key.upper()} inside"
        return self._strange_table(tree)

    def _strange_table(self, tree: Any) -> str | None:  # noqa: ANN401 - a tree of sqlglot
        from sqlglot import exp

        if self.tables is None:
            return None
        named = {cte.alias for cte in tree.find_all(exp.CTE)} | set(self.tables)
        strange = [table.name for table in tree.find_all(exp.Table) if table.name not in named]
        return f"it names the table {strange[0]}" if strange else None


def _writing() -> tuple[type, ...]:
    """The kinds of a tree's nodes that write, define, lock or run something."""
    from sqlglot import exp

    writes = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Alter, exp.TruncateTable)
    return (*writes, exp.Into, exp.Lock, exp.Copy, exp.Command, exp.Set)
