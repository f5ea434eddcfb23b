"""The documents, as far as they can be checked without Sphinx."""

import ast
import doctest
import importlib
import importlib.util
import re
from pathlib import Path

import pytest

import skfrugal

ROOT = Path(__file__).parents[1]
DOC = ROOT / "doc"
PAGES = sorted(
    page
    for page in DOC.rglob("*.rst")
    if not {"_build", "_templates", "generated", "auto_examples"}
    & set(page.relative_to(DOC).parts)
)
EXAMPLES = sorted((ROOT / "examples").glob("plot_*.py"))
MODULES = [n for n in skfrugal.__all__ if importlib.util.find_spec(f"skfrugal.{n}")]
MOST_LINES = 90


def public_names(module):
    """`__all__`, or the classes and functions that a module of one file defines."""
    module = importlib.import_module(module)
    return set(getattr(module, "__all__", ())) or {
        name
        for name, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__ and name[0] != "_"
    }


def documented_names(text):
    """Names of autosummary entries and of data, with their modules."""
    module, names, in_summary = None, set(), False
    for line in text.splitlines():
        if match := re.match(r"\.\. currentmodule:: (\S+)", line):
            module = match[1]
        elif match := re.match(r"\.\. py:data:: (\S+)", line):
            names.add(f"{module}.{match[1]}")
        if line and not line[0].isspace():
            in_summary = line.startswith(".. autosummary::")
        elif in_summary and (match := re.fullmatch(r"\s+(\w+)", line)):
            names.add(f"{module}.{match[1]}")
    return names


def labels_of(text):
    return set(re.findall(r"^\.\. _([\w-]+):$", text, flags=re.MULTILINE))


def targets(role, text):
    """What ``:role:`target``` and ``:role:`title <target>``` point to."""
    contents = re.findall(rf":{role}:`([^`]+)`", text)
    return [re.sub(r".*<(.+)>$", r"\1", c, flags=re.DOTALL) for c in contents]


def toctree_entries(text):
    entries = []
    for block in re.findall(r"^\.\. toctree::\n((?:\s+.*\n|\n)+)", text, re.MULTILINE):
        lines = (line.strip() for line in block.splitlines())
        entries += [line for line in lines if line and not line.startswith(":")]
    return entries


def text_of(page):
    return page.read_text(encoding="utf-8")


def identify(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("module", MODULES)
def test_api_lists_the_public_names_and_no_other(module):
    public = public_names(f"skfrugal.{module}")
    documented = documented_names(text_of(DOC / "api.rst"))
    prefix = f"skfrugal.{module}."
    assert {n for n in documented if n.startswith(prefix)} == {
        prefix + name for name in public
    }


def test_api_names_of_a_planted_page_are_found():
    text = (
        ".. currentmodule:: a.b\n\n.. autosummary::\n   :toctree: g/\n\n   f\n\nWord\n"
    )
    assert documented_names(text + "   g\n\n.. py:data:: D\n") == {"a.b.f", "a.b.D"}


@pytest.mark.parametrize("page", PAGES, ids=identify)
def test_page_points_to_pages_and_labels_that_exist(page):
    text = text_of(page)
    for target in targets("doc", text) + toctree_entries(text):
        if target == "auto_examples/index":
            assert (ROOT / "examples" / "GALLERY_HEADER.rst").is_file()
            continue
        base = DOC if target.startswith("/") else page.parent
        assert (base / f"{target.lstrip('/')}.rst").is_file(), target
    labels = set().union(*map(labels_of, map(text_of, PAGES)))
    labels |= {f"sphx_glr_auto_examples_{example.name}" for example in EXAMPLES}
    assert set(targets("ref", text)) <= labels


def test_targets_of_a_planted_text_are_found():
    text = (
        ":doc:`one` and :doc:`its\ntitle <two>`\n\n.. toctree::\n   :x: 1\n\n   three\n"
    )
    assert targets("doc", text) == ["one", "two"]
    assert toctree_entries(text) == ["three"]


@pytest.mark.parametrize("page", PAGES, ids=identify)
def test_page_names_only_what_the_package_has(page):
    for role in ("class", "func", "mod", "attr", "meth"):
        for target in targets(role, text_of(page)):
            path = target.lstrip("~")
            if not path.startswith("skfrugal."):
                continue
            found = skfrugal
            for name in path.split(".")[1:]:
                assert not name.startswith("_"), path
                found = getattr(found, name)


@pytest.mark.parametrize(
    "page", [page for page in PAGES if ">>> " in text_of(page)], ids=identify
)
def test_page_snippets_print_what_it_says(page):
    results = doctest.testfile(
        str(page),
        module_relative=False,
        optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS,
        encoding="utf-8",
    )
    assert results.attempted > 0
    assert results.failed == 0


def test_installation_and_readme_give_the_same_commands():
    text = text_of(DOC / "installation.rst")
    commands = re.findall(r"^    (python -m pip install .* && .*)$", text, re.MULTILINE)
    assert len(commands) == 2
    readme = text_of(ROOT / "README.md").splitlines()
    assert set(commands) <= set(readme)


def test_examples_are_there():
    assert len(EXAMPLES) >= 2


@pytest.mark.parametrize("example", EXAMPLES, ids=identify)
def test_example_is_short_has_a_title_and_cells(example):
    source = text_of(example)
    assert len(source.splitlines()) <= MOST_LINES
    title = ast.get_docstring(ast.parse(source)).splitlines()
    assert set(title[0]) == {"="} and len(title[0]) >= len(title[1])
    assert source.count("\n# %%\n") >= 2
    last = ast.parse(source).body[-1]
    # It ends in a number or a figure.
    assert ast.unparse(last).startswith(("print(", "plt.show("))


@pytest.mark.parametrize("example", EXAMPLES, ids=identify)
def test_example_imports_public_names_only(example):
    tree = ast.parse(text_of(example))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("skfrugal"):
            public = public_names(node.module)
            assert {alias.name for alias in node.names} <= public
        if isinstance(node, ast.Attribute):
            assert not node.attr.startswith("_"), node.attr
    imported = [n.names for n in ast.walk(tree) if isinstance(n, ast.Import)]
    assert not any("skfrugal" in a.name for names in imported for a in names)


def test_change_notes_are_one_sentence_of_a_known_type():
    notes = sorted((DOC / "whats_new" / "upcoming").glob("*.rst"))
    for note in notes:
        assert re.fullmatch(r"[\w-]+\.(feature|efficiency|fix)\.rst", note.name)
        assert text_of(note).strip().endswith(".")
