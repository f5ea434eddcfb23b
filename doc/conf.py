"""How Sphinx builds these pages: ``python -m sphinx -W -b html doc doc/_build/html``.

Nothing is downloaded: references to other projects stay plain text.
"""

import re
from pathlib import Path

import skfrugal

HERE = Path(__file__).parent

project = "skfrugal"
author = "skfrugal developers"
copyright = author
version = release = skfrugal.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "matplotlib.sphinxext.plot_directive",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "whats_new/upcoming"]
default_role = "literal"

autosummary_generate = True
# Members are listed by _templates/autosummary/class.rst.
numpydoc_show_class_members = False

plot_formats = [("png", 110)]
plot_html_show_formats = False
plot_html_show_source_link = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "doc_module": ("skfrugal",),
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "show_memory": False,
    "min_reported_time": 1,
}

html_theme = "pydata_sphinx_theme"
html_title = f"{project} {release}"
html_show_sourcelink = False
html_theme_options = {
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "navigation_with_keys": False,
}
html_sidebars = {"installation": [], "tour": [], "whats_new/**": []}


def gather_change_notes(app):
    """Write the change notes that no release has gathered yet as one list."""
    notes = sorted((HERE / "whats_new" / "upcoming").glob("*.*.rst"))
    items = [
        "- " + note.read_text(encoding="utf-8").strip().replace("\n", "\n  ")
        for note in notes
    ]
    target = HERE / "generated" / "upcoming.inc"
    target.parent.mkdir(exist_ok=True)
    target.write_text("\n".join(items) + "\n", encoding="utf-8")


def quote_attributes(app, what, name, obj, options, lines):
    """Keep what is plain text in a numpydoc type from being read as a link.

    ``(n_features_in_,)`` ends in an underscore; a raw docstring continues a type
    by a backslash. Inherited docstrings refer to labels of scikit-learn's pages.
    """
    text = re.sub(r"(?<!\\)\\\n\s*", "", "\n".join(lines))
    text = re.sub(r":ref:`(\w+) <accuracy_score>`", r"\1", text)
    lines[:] = [
        re.sub(r"(?<![`\w.])(\w+_)(?=[,)])", r"`\1`", line) if " : " in line else line
        for line in text.split("\n")
    ]


def setup(app):
    """Let Sphinx call the functions above, the second before numpydoc."""
    app.connect("builder-inited", gather_change_notes)
    app.connect("autodoc-process-docstring", quote_attributes, priority=400)
