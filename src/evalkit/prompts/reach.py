"""Everything a prompt reaches by include, import and extends, and the mistakes that can be seen before rendering."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, cast

from jinja2 import meta, nodes

from evalkit.errors import PromptError, Where, did_you_mean
from evalkit.prompts.frontmatter import split
from evalkit.prompts.problems import TEMPLATE_ERRORS, problem_of
from evalkit.prompts.roles import role_block_lines
from evalkit.prompts.sandbox import Sandbox
from evalkit.prompts.trees import check_path

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from evalkit.prompts.trees import Tree

_MAX_FILES = 200
_MAX_CHARS = 1_000_000
_REFERENCES = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
_References: TypeAlias = nodes.Include | nodes.Import | nodes.FromImport | nodes.Extends


@dataclass(slots=True)
class Reach:
    """The files one prompt is made of. ``texts`` maps a name inside the prompts folder to its text, the prompt first."""

    texts: dict[str, str] = field(default_factory=dict)
    parsed: dict[str, nodes.Template] = field(default_factory=dict)


def reach(tree: Tree, folder: str, main: str) -> Reach:
    """Read the template ``main`` (a name inside ``folder``) and all that it reaches.

    Raises PromptError with file and line for a file that is missing, outside ``folder``, includes itself, is named by an
    expression, or does not parse.
    """
    return _Walk(tree, folder).run(main)


def undeclared(found: Reach, declared: Collection[str]) -> Iterator[tuple[str, str, int]]:
    """Yield ``(variable, template name, line)`` for each variable that is used, never set, and not ``declared``."""
    bound = {name: _bound_names(parsed) for name, parsed in found.parsed.items()}
    for name, parsed in found.parsed.items():
        elsewhere = set().union(*(names for other, names in bound.items() if other != name))
        for variable in sorted(_unset_names(parsed) - elsewhere - set(declared)):
            uses = [node.lineno for node in parsed.find_all(nodes.Name) if node.name == variable]
            yield variable, name, min(uses, default=1)


def _unset_names(parsed: nodes.Template) -> set[str]:
    """The variables that a template reads and never sets; none of one that does not compile, which is told when it is compiled."""
    try:
        return meta.find_undeclared_variables(parsed)
    except TEMPLATE_ERRORS:
        return set()


class _Walk:
    def __init__(self, tree: Tree, folder: str) -> None:
        self._tree = tree
        self._folder = folder
        self._sandbox = Sandbox(roles=True)
        self._found = Reach()

    def run(self, main: str) -> Reach:
        text = self._read(main)
        if text is None:
            raise PromptError("no such file", hint="put the file there", where=Where(self._shown(main)))
        self._visit(main, text, ())
        return self._found

    def _visit(self, name: str, text: str, above: tuple[str, ...]) -> None:
        self._found.texts[name] = text
        if sum(map(len, self._found.texts.values())) > _MAX_CHARS or len(self._found.texts) > _MAX_FILES:
            problem = f"a prompt of more than {_MAX_FILES} files or {_MAX_CHARS:,} characters"
            raise PromptError(problem, hint="split the prompt, or include less", where=Where(self._shown(name)))
        parsed = self._parse(name, text)
        self._found.parsed[name] = parsed
        for node in cast("Iterator[_References]", parsed.find_all(_REFERENCES)):
            self._follow(node, name, (*above, name))

    def _follow(self, node: _References, name: str, chain: tuple[str, ...]) -> None:
        where = Where(self._shown(name), node.lineno)
        targets = [self._sandbox.join_path(target, name) for target in _targets(node, where)]
        present = [target for target in targets if self._reached(target, chain, where)]
        if not present and not getattr(node, "ignore_missing", False):
            raise PromptError(f"no template {targets[0]!r}", hint=self._beside(targets[0], name), where=where)
        if isinstance(node, (nodes.Import, nodes.FromImport)) or not getattr(node, "with_context", True):
            for target in present:
                self._check_import(target)

    def _reached(self, target: str, chain: tuple[str, ...], where: Where) -> bool:
        check_path(target, where=where)
        if target in chain:
            circle = " → ".join((*chain[chain.index(target) :], target))
            raise PromptError(f"a template that includes itself: {circle}", hint="use a macro or a loop", where=where)
        if target in self._found.texts:
            return True
        text = self._read(target)
        if text is not None:
            self._visit(target, text, chain)
        return text is not None

    def _check_import(self, target: str) -> None:
        lines = role_block_lines(self._found.parsed[target].body)
        if lines:
            raise PromptError(
                "a role block outside a macro, in a file that is imported or included without context: it would not be sent",
                hint="include it with context, or put the block into a macro",
                where=Where(self._shown(target), min(lines)),
            )

    def _parse(self, name: str, text: str) -> nodes.Template:
        shown = self._shown(name)
        try:
            return self._sandbox.parse(split(text, shown)[1], name, shown)
        except TEMPLATE_ERRORS as error:
            raise problem_of(error).as_prompt_error(Where(shown)) from error

    def _read(self, name: str) -> str | None:
        return self._tree.text(self._shown(name), within=self._folder)

    def _shown(self, name: str) -> str:
        return f"{self._folder}/{name}"

    def _beside(self, target: str, name: str) -> str:
        folder = name.rpartition("/")[0]
        if self._read(f"{folder}/{target}") is not None:
            return f"names start in {self._folder}/: write {f'{folder}/{target}'!r} or './{target}'"
        parent = target.rpartition("/")[0]
        listed = self._tree.entries(self._shown(parent) if parent else self._folder)
        return f"names start in {self._folder}/; {did_you_mean(target.rpartition('/')[2], listed)}"


def _targets(node: _References, where: Where) -> list[str]:
    template = node.template
    parts = template.items if isinstance(template, (nodes.List, nodes.Tuple)) else [template]
    names = [part.value for part in parts if isinstance(part, nodes.Const) and isinstance(part.value, str)]
    if len(names) != len(parts) or not names:
        raise PromptError(
            "an included template is named by an expression", hint="name the file literally, in quotes", where=where
        )
    return names


def _bound_names(template: nodes.Template) -> set[str]:
    names = {node.name for node in template.find_all(nodes.Name) if node.ctx in {"store", "param"}}
    names |= {node.name for node in template.find_all(nodes.Macro)}
    names |= {node.target for node in template.find_all(nodes.Import)}
    for node in template.find_all(nodes.FromImport):
        names |= {entry if isinstance(entry, str) else entry[1] for entry in node.names}
    return names
